"""Networks of int8 LSTM operators, read from .tflite files."""

import struct
from math import frexp
from pathlib import Path

import numpy as np
import tflite

from sim.networks.check import C_POWERS, check_integer
from sim.networks.network import (
    GATES,
    IntegerLayer,
    IntegerLstm,
    IntegerNetwork,
    NetworkError,
    Quantization,
)

__all__ = ["DAMAGE", "read_tflite"]

# Positions of the operator's inputs, from TensorFlow Lite's schema of the operator.
_X = 0
_W = dict(zip(GATES, (1, 2, 3, 4), strict=True))
_R = dict(zip(GATES, (5, 6, 7, 8), strict=True))
_BIAS = dict(zip(GATES, (12, 13, 14, 15), strict=True))
_H_STATE = 18
_C_STATE = 19
_INPUTS = 24
_REFUSED = {
    "peephole connections": (9, 10, 11),
    "a projection": (16, 17),
    "layer normalisation": (20, 21, 22, 23),
}
_DTYPES = {tflite.TensorType.INT8: "<i1", tflite.TensorType.INT32: "<i4"}
_TYPE_NAMES = {
    value: name for name, value in vars(tflite.TensorType).items() if not name.startswith("_")
}
DAMAGE = (struct.error, IndexError, TypeError, ValueError, AttributeError, OverflowError)


def read_tflite(path: str | Path) -> IntegerNetwork:
    """The stacked int8 LSTM operators of a .tflite file.

    Every operator must be a UNIDIRECTIONAL_SEQUENCE_LSTM of int8 activations, int8 weights and an
    int16 cell state, each fed by the one before. What the hardware does not do is refused by name.

    Raises
    ------
    NetworkError
        A missing or damaged file, another operator, or an option that is not supported.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NetworkError(f"{path} cannot be read: {error.strerror}") from None
    if len(data) < 8 or data[4:8] != b"TFL3":
        raise NetworkError(f"{path} is not a TensorFlow Lite file")
    try:
        network = _Reader(data).network()
    except NetworkError as error:
        raise NetworkError(f"{path}: {error}") from None
    except DAMAGE:
        raise NetworkError(f"{path} is damaged or cut short") from None
    return network


class _Reader:
    """One file's main graph."""

    def __init__(self, data: bytes):
        self.model = tflite.Model.GetRootAs(data, 0)
        if self.model.SubgraphsLength() != 1:
            raise NetworkError(f"it has {self.model.SubgraphsLength()} subgraphs, not one")
        self.graph = self.model.Subgraphs(0)

    def network(self) -> IntegerNetwork:
        """Layers in the order of the data that flows through them."""
        if self.graph.InputsLength() != 1 or self.graph.OutputsLength() != 1:
            raise NetworkError(
                f"it has {self.graph.InputsLength()} inputs and {self.graph.OutputsLength()} "
                f"outputs, not one of each"
            )
        count = self.graph.OperatorsLength()
        if not count:
            raise NetworkError("it has no operator")
        for number in range(count):
            self._check_kind(number)
        # Operators are found by the tensor they take: the file may list them in any order.
        takers = {}
        for number in range(count):
            x = self.graph.Operators(number).Inputs(_X)
            if x in takers:
                raise NetworkError(f"operators {takers[x]} and {number} take the same input")
            takers[x] = number
        tensor, layers = self.graph.Inputs(0), []
        while tensor in takers:
            number = takers.pop(tensor)
            layers.append(IntegerLayer(directions=(self._lstm(number),)))
            tensor = self.graph.Operators(number).Outputs(0)
        if takers or tensor != self.graph.Outputs(0):
            raise NetworkError("its operators are not one chain from the input to the output")
        network = IntegerNetwork(layers=tuple(layers))
        check_integer(network)
        return network

    def _check_kind(self, number: int) -> None:
        """Refuse any other operator by name."""
        operator = self.graph.Operators(number)
        code = self.model.OperatorCodes(operator.OpcodeIndex())
        # The package looks at the older schema's field too.
        kind = code.BuiltinCode()
        if kind == tflite.BuiltinOperator.CUSTOM:
            name = (code.CustomCode() or b"").decode(errors="replace")
            raise NetworkError(f"operator {number} is the custom operator {name}")
        if kind != tflite.BuiltinOperator.UNIDIRECTIONAL_SEQUENCE_LSTM:
            name = tflite.BUILTIN_OPCODE2NAME.get(kind, f"number {kind}")
            raise NetworkError(
                f"operator {number} is {name}, only UNIDIRECTIONAL_SEQUENCE_LSTM is supported"
            )
        if operator.InputsLength() != _INPUTS or operator.OutputsLength() != 1:
            raise NetworkError(
                f"operator {number} has {operator.InputsLength()} inputs and "
                f"{operator.OutputsLength()} outputs, not {_INPUTS} and 1"
            )

    def _lstm(self, number: int) -> IntegerLstm:
        """One operator as a layer."""
        where = f"operator {number}"
        operator = self.graph.Operators(number)
        clip = self._options(where, operator)
        self._check_inputs(where, operator)
        x = self._quantization(f"x of {where}", operator.Inputs(_X), tflite.TensorType.INT8)
        h = self._quantization(
            f"the hidden state of {where}", operator.Inputs(_H_STATE), tflite.TensorType.INT8
        )
        out = self._quantization(
            f"the output of {where}", operator.Outputs(0), tflite.TensorType.INT8
        )
        if out != h:
            raise NetworkError(f"{where} must write its output in the format of its hidden state")
        H, inputs = self._sizes(where, operator)
        W, W_scale = self._weights(f"input weights of {where}", operator, _W, (H, inputs))
        R, R_scale = self._weights(f"recurrent weights of {where}", operator, _R, (H, H))
        c_power = self._c_power(where, operator.Inputs(_C_STATE))
        return IntegerLstm(
            W=W,
            R=R,
            bias=self._biases(where, operator, H),
            W_scale=W_scale,
            R_scale=R_scale,
            x=x,
            h=h,
            c_power=c_power,
            cell_clip=_clip_codes(where, clip, c_power),
        )

    def _options(self, where: str, operator) -> float:
        """The cell clip; every other option must be the one that the hardware has."""
        if operator.BuiltinOptionsType() != tflite.BuiltinOptions.UnidirectionalSequenceLSTMOptions:
            raise NetworkError(f"{where} has no LSTM options")
        table = operator.BuiltinOptions()
        options = tflite.UnidirectionalSequenceLSTMOptions()
        options.Init(table.Bytes, table.Pos)
        if options.FusedActivationFunction() != tflite.ActivationFunctionType.TANH:
            raise NetworkError(f"{where} has an activation other than tanh")
        if options.ProjClip() != 0:
            raise NetworkError(f"{where} has a projection clip, which is not supported")
        if options.TimeMajor():
            raise NetworkError(f"{where} is time-major; only [batch, time, features] is supported")
        if options.AsymmetricQuantizeInputs():
            raise NetworkError(f"{where} quantises its inputs at run time, which is not supported")
        if options.DiagonalRecurrentTensors():
            raise NetworkError(f"{where} has diagonal recurrent weights, which is not supported")
        return options.CellClip()

    def _check_inputs(self, where: str, operator) -> None:
        """Refuse by name what optional inputs say."""
        for what, positions in _REFUSED.items():
            if any(operator.Inputs(position) >= 0 for position in positions):
                raise NetworkError(f"{where} has {what}, which is not supported")
        if operator.Inputs(_W["input"]) < 0 or operator.Inputs(_R["input"]) < 0:
            raise NetworkError(f"{where} has coupled gates (CIFG), which is not supported")
        for position in (_X, *_W.values(), *_R.values(), *_BIAS.values(), _H_STATE, _C_STATE):
            if operator.Inputs(position) < 0:
                raise NetworkError(f"{where} lacks its input {position}")
        for position in (_H_STATE, _C_STATE):
            tensor = self._tensor(operator.Inputs(position))
            if not tensor.IsVariable():
                raise NetworkError(f"{where} must keep its state in variable tensors")

    def _tensor(self, index: int):
        if not 0 <= index < self.graph.TensorsLength():
            raise IndexError(index)
        return self.graph.Tensors(index)

    def _scale(self, what: str, index: int, kind: int) -> tuple[float, int]:
        """Scale and zero point of a tensor of the given type."""
        tensor = self._tensor(index)
        if tensor.Type() != kind:
            name = _TYPE_NAMES.get(tensor.Type(), tensor.Type())
            raise NetworkError(f"{what} must be {_TYPE_NAMES[kind]}, not {name}")
        quantization = tensor.Quantization()
        if quantization is None or quantization.ScaleLength() != 1:
            raise NetworkError(f"{what} must have one scale")
        zero = quantization.ZeroPoint(0) if quantization.ZeroPointLength() else 0
        return float(quantization.Scale(0)), int(zero)

    def _quantization(self, what: str, index: int, kind: int) -> Quantization:
        scale, zero = self._scale(what, index, kind)
        return Quantization(scale=scale, zero_point=zero)

    def _sizes(self, where: str, operator) -> tuple[int, int]:
        """``H`` and ``I``, from the weights; input and output must agree."""
        shape = self._shape(operator.Inputs(_W["forget"]))
        if len(shape) != 2 or 0 in shape:
            raise NetworkError(f"input weights of {where} must be a matrix, not of shape {shape}")
        for what, index, size in (
            ("x", operator.Inputs(_X), shape[1]),
            ("the output", operator.Outputs(0), shape[0]),
        ):
            found = self._shape(index)
            if len(found) != 3 or found[2] != size:
                raise NetworkError(
                    f"{what} of {where} must have the shape (batch, time, {size}), not {found}"
                )
        return shape

    def _shape(self, index: int) -> tuple[int, ...]:
        tensor = self._tensor(index)
        return tuple(int(tensor.Shape(axis)) for axis in range(tensor.ShapeLength()))

    def _values(self, what: str, index: int, shape: tuple[int, ...]) -> np.ndarray:
        """A constant tensor's codes."""
        tensor = self._tensor(index)
        if tensor.Sparsity() is not None:
            raise NetworkError(f"{what} is stored sparse, which is not supported")
        if self._shape(index) != shape:
            raise NetworkError(f"{what} must have the shape {shape}, not {self._shape(index)}")
        data = self.model.Buffers(tensor.Buffer()).DataAsNumpy()
        dtype = np.dtype(_DTYPES[tensor.Type()])
        if np.size(data) != np.prod(shape) * dtype.itemsize or isinstance(data, int):
            raise NetworkError(f"{what} is not stored in the file as a constant")
        return np.frombuffer(data.tobytes(), dtype).reshape(shape).astype(dtype.newbyteorder("="))

    def _weights(self, what, operator, positions, shape) -> tuple[np.ndarray, tuple]:
        """Weights of the four gates and their scales."""
        arrays, scales = [], []
        for gate, position in positions.items():
            name = f"{gate} gate's {what}"
            index = operator.Inputs(position)
            scale, zero = self._scale(name, index, tflite.TensorType.INT8)
            if zero:
                raise NetworkError(f"{name} must have the zero point 0, not {zero}")
            values = self._values(name, index, shape)
            if (values == -128).any():
                raise NetworkError(f"{name} hold the code -128; only -127 to 127 is supported")
            arrays.append(values)
            scales.append(scale)
        return np.stack(arrays), tuple(scales)

    def _biases(self, where: str, operator, H: int) -> np.ndarray:
        arrays = []
        for gate, position in _BIAS.items():
            name = f"{gate} gate's bias of {where}"
            index = operator.Inputs(position)
            _, zero = self._scale(name, index, tflite.TensorType.INT32)
            if zero:
                raise NetworkError(f"{name} must have the zero point 0, not {zero}")
            arrays.append(self._values(name, index, (H,)))
        return np.stack(arrays)

    def _c_power(self, where: str, index: int) -> int:
        """The exponent of the cell state's scale."""
        what = f"the cell state of {where}"
        scale, zero = self._scale(what, index, tflite.TensorType.INT16)
        if zero:
            raise NetworkError(f"{what} must have the zero point 0, not {zero}")
        mantissa, exponent = frexp(scale)
        if mantissa != 0.5 or exponent - 1 not in C_POWERS:
            raise NetworkError(
                f"{what} must have a power of two from 2**{C_POWERS[0]} to 2**{C_POWERS[-1]} "
                f"as its scale, not {scale:g}"
            )
        return exponent - 1


def _clip_codes(where: str, clip: float, c_power: int) -> int:
    """The clip in codes of ``c``, cut off as TFLite-Micro does it; 0 for none."""
    if np.isnan(clip):
        raise NetworkError(f"{where} has a cell clip that is not a number")
    if clip <= 0:
        return 0
    codes = int(min(clip / 2.0**c_power, 32767.0))
    if codes == 0:
        raise NetworkError(f"{where} has a cell clip of {clip:g}, less than one code of its state")
    return codes
