"""LSTM operators of .tflite files: their options, weights and formats."""

import struct
from math import frexp

import numpy as np
import tflite

from sim.networks.check import C_POWERS
from sim.networks.network import GATES, FloatLstm, IntegerLstm, NetworkError, Quantization

__all__ = ["DAMAGE", "INTEGER_KINDS", "OperatorReader"]

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
_PLAIN = "train it as a plain LSTM layer, such as Keras's"
_KINDS = tflite.TensorType
_DTYPES = {
    _KINDS.INT8: "<i1",
    _KINDS.INT32: "<i4",
    _KINDS.INT64: "<i8",
    _KINDS.FLOAT16: "<f2",
    _KINDS.FLOAT32: "<f4",
}
INTEGER_KINDS = {_KINDS.INT8: 8, _KINDS.INT16: 16}
"""Types of the input of operators in integers, and the bits of their codes."""
_BIAS_KINDS = {_KINDS.INT8: _KINDS.INT32, _KINDS.INT16: _KINDS.INT64}
"""Type of the biases, by that of the input."""
_TYPE_NAMES = {value: name for name, value in vars(_KINDS).items() if not name.startswith("_")}
_AXES = 8
"""Axes that TensorFlow Lite gives a tensor at most."""
DAMAGE = (struct.error, IndexError, KeyError, TypeError, ValueError, AttributeError, OverflowError)
"""What reading a damaged file raises, before anything of it is used."""


class OperatorReader:
    """Operators of a file's main graph.

    Every refusal is a ``NetworkError`` that names the operator by its place in the file.

    Parameters
    ----------
    data : bytes
        The file.

    Members
    -------
    model : tflite.Model
        The file.
    graph : tflite.SubGraph
        Its first graph.
    """

    def __init__(self, data: bytes):
        self.model = tflite.Model.GetRootAs(data, 0)
        self.graph = self.model.Subgraphs(0) if self.model.SubgraphsLength() else None
        self._makers = None

    def kind(self, number: int) -> int:
        """Which operator of ``tflite.BuiltinOperator`` it is."""
        # The package looks at the older schema's field too.
        return self.model.OperatorCodes(self.graph.Operators(number).OpcodeIndex()).BuiltinCode()

    def kind_name(self, number: int) -> str:
        """What the operator is called in sentences."""
        kind = self.kind(number)
        if kind == tflite.BuiltinOperator.CUSTOM:
            code = self.model.OperatorCodes(self.graph.Operators(number).OpcodeIndex())
            return f"the custom operator {(code.CustomCode() or b'').decode(errors='replace')}"
        return tflite.BUILTIN_OPCODE2NAME.get(kind, f"number {kind}")

    def is_lstm(self, number: int) -> bool:
        """Whether it is an LSTM operator that can be read."""
        return self.kind(number) == tflite.BuiltinOperator.UNIDIRECTIONAL_SEQUENCE_LSTM

    def x_type(self, number: int) -> int:
        """Which of ``tflite.TensorType`` an LSTM operator's input is."""
        return self._tensor(self.graph.Operators(number).Inputs(_X)).Type()

    def x_type_name(self, number: int) -> str:
        """The same in words."""
        return str(_TYPE_NAMES.get(self.x_type(number), self.x_type(number)))

    def check_arity(self, number: int) -> None:
        """Refuse another number of inputs and outputs than the schema gives an LSTM operator."""
        operator = self.graph.Operators(number)
        if operator.InputsLength() != _INPUTS or operator.OutputsLength() != 1:
            raise NetworkError(
                f"operator {number} has {operator.InputsLength()} inputs and "
                f"{operator.OutputsLength()} outputs, not {_INPUTS} and 1"
            )

    def is_time_major(self, number: int) -> bool:
        """Whether an LSTM operator's tensors are [time, batch, features]."""
        return bool(self._options(f"operator {number}", number).TimeMajor())

    def integer_lstm(self, number: int) -> IntegerLstm:
        """An LSTM operator in integers: int8 or int16 activations, int8 weights, int16 state."""
        where = f"operator {number}"
        operator = self.graph.Operators(number)
        clip = self._cell_clip(where, number)
        self._check_inputs(where, operator)
        kind = self.x_type(number)
        if kind not in INTEGER_KINDS:
            raise NetworkError(
                f"x of {where} must be INT8 or INT16, not {self.x_type_name(number)}"
            )
        x = self._quantization(f"x of {where}", operator.Inputs(_X), kind)
        h = self._quantization(f"the hidden state of {where}", operator.Inputs(_H_STATE), kind)
        out = self._quantization(f"the output of {where}", operator.Outputs(0), kind)
        if out != h:
            raise NetworkError(f"{where} must write its output in the format of its hidden state")
        H, inputs = self._sizes(where, operator)
        W, W_scale = self._weights(f"input weights of {where}", operator, _W, (H, inputs))
        R, R_scale = self._weights(f"recurrent weights of {where}", operator, _R, (H, H))
        c_power = self._c_power(where, operator.Inputs(_C_STATE))
        return IntegerLstm(
            W=W,
            R=R,
            bias=self._biases(where, operator, H, _BIAS_KINDS[kind]),
            W_scale=W_scale,
            R_scale=R_scale,
            x=x,
            h=h,
            c_power=c_power,
            cell_clip=_clip_codes(where, clip, c_power),
        )

    def float_lstm(self, number: int) -> FloatLstm:
        """An LSTM operator in floating point; weights of 8 or 16 bits are dequantised."""
        where = f"operator {number}"
        operator = self.graph.Operators(number)
        clip = self._cell_clip(where, number, at_run_time=True)
        self._check_inputs(where, operator)
        H, inputs = self._sizes(where, operator)
        W, R, bias = (
            np.stack(
                [
                    self._real(f"{gate} gate's {what} of {where}", operator.Inputs(place), shape)
                    for gate, place in places.items()
                ]
            )
            for what, places, shape in (
                ("input weights", _W, (H, inputs)),
                ("recurrent weights", _R, (H, H)),
                ("bias", _BIAS, (H,)),
            )
        )
        return FloatLstm(W=W, R=R, bias=bias, cell_clip=max(clip, 0.0))

    def _options(self, where: str, number: int):
        operator = self.graph.Operators(number)
        if operator.BuiltinOptionsType() != tflite.BuiltinOptions.UnidirectionalSequenceLSTMOptions:
            raise NetworkError(f"{where} has no LSTM options")
        table = operator.BuiltinOptions()
        options = tflite.UnidirectionalSequenceLSTMOptions()
        options.Init(table.Bytes, table.Pos)
        return options

    def _cell_clip(self, where: str, number: int, at_run_time: bool = False) -> float:
        """The cell clip; every other option must be the one that the hardware has."""
        options = self._options(where, number)
        if options.FusedActivationFunction() != tflite.ActivationFunctionType.TANH:
            raise NetworkError(f"{where} has an activation other than tanh; {_PLAIN}")
        if options.ProjClip() != 0:
            raise NetworkError(
                f"{where} has a projection clip, which the accelerator does not have; {_PLAIN}"
            )
        if options.AsymmetricQuantizeInputs() and not at_run_time:
            raise NetworkError(
                f"{where} quantises its inputs at run time; convert the network with a "
                f"representative_dataset, which fixes their formats"
            )
        if options.DiagonalRecurrentTensors():
            raise NetworkError(
                f"{where} has diagonal recurrent weights, which the accelerator does not have; "
                f"{_PLAIN}"
            )
        if not np.isfinite(options.CellClip()):
            raise NetworkError(f"{where} has a cell clip that is not a number")
        return options.CellClip()

    def _check_inputs(self, where: str, operator) -> None:
        """Refuse by name what optional inputs say."""
        for what, positions in _REFUSED.items():
            if any(operator.Inputs(position) >= 0 for position in positions):
                raise NetworkError(
                    f"{where} has {what}, which the accelerator does not have; {_PLAIN}"
                )
        if operator.Inputs(_W["input"]) < 0 or operator.Inputs(_R["input"]) < 0:
            raise NetworkError(
                f"{where} has coupled gates (CIFG), which the accelerator does not have; {_PLAIN}"
            )
        for position in (_X, *_W.values(), *_R.values(), *_BIAS.values(), _H_STATE, _C_STATE):
            if operator.Inputs(position) < 0:
                raise NetworkError(f"{where} lacks its input {position}")
        for position in (_H_STATE, _C_STATE):
            tensor = self._tensor(operator.Inputs(position))
            if not tensor.IsVariable():
                raise NetworkError(
                    f"{where} must keep its state in variable tensors, as TensorFlow's converter "
                    f"writes them"
                )

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
        return Quantization(scale=scale, zero_point=zero, bits=INTEGER_KINDS[kind])

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
        if tensor.ShapeLength() > _AXES:
            raise IndexError(tensor.ShapeLength())
        return tuple(int(tensor.Shape(axis)) for axis in range(tensor.ShapeLength()))

    def _values(self, what: str, index: int, shape: tuple[int, ...]) -> np.ndarray:
        """A constant tensor's codes."""
        tensor = self._tensor(index)
        if tensor.Sparsity() is not None:
            raise NetworkError(f"{what} is stored sparse; convert the network without sparsity")
        if self._shape(index) != shape:
            raise NetworkError(f"{what} must have the shape {shape}, not {self._shape(index)}")
        data = self.model.Buffers(tensor.Buffer()).DataAsNumpy()
        dtype = np.dtype(_DTYPES[tensor.Type()])
        if np.size(data) != np.prod(shape) * dtype.itemsize or isinstance(data, int):
            raise NetworkError(f"{what} is not stored in the file as a constant")
        return np.frombuffer(data.tobytes(), dtype).reshape(shape).astype(dtype.newbyteorder("="))

    def _real(self, what: str, index: int, shape: tuple[int, ...]) -> np.ndarray:
        """A constant as float32, whatever it is stored as."""
        tensor = self._tensor(self._undequantized(index))
        kind = tensor.Type()
        if kind not in (_KINDS.FLOAT32, _KINDS.FLOAT16, _KINDS.INT8):
            name = _TYPE_NAMES.get(kind, kind)
            raise NetworkError(f"{what} must be FLOAT32, FLOAT16 or INT8, not {name}")
        values = self._values(what, self._undequantized(index), shape).astype(np.float32)
        if kind != _KINDS.INT8:
            return values
        form = tensor.Quantization()
        if form is None or form.ScaleLength() not in (1, shape[0]):
            raise NetworkError(f"{what} must have one scale, or one for each row")
        if any(form.ZeroPoint(number) for number in range(form.ZeroPointLength())):
            raise NetworkError(f"{what} must have the zero point 0")
        scales = np.array([form.Scale(number) for number in range(form.ScaleLength())], np.float32)
        return values * scales.reshape(-1, *[1] * (len(shape) - 1))

    def _undequantized(self, index: int) -> int:
        """The tensor that a DEQUANTIZE operator makes this one from, or this one."""
        if self._makers is None:
            self._makers = {
                self.graph.Operators(number).Outputs(0): self.graph.Operators(number).Inputs(0)
                for number in range(self.graph.OperatorsLength())
                if self.kind(number) == tflite.BuiltinOperator.DEQUANTIZE
            }
        return self._makers.get(index, index)

    def _weights(self, what, operator, positions, shape) -> tuple[np.ndarray, tuple]:
        """Weights of the four gates and their scales."""
        arrays, scales = [], []
        for gate, position in positions.items():
            name = f"{gate} gate's {what}"
            index = operator.Inputs(position)
            scale, zero = self._scale(name, index, _KINDS.INT8)
            if zero:
                raise NetworkError(f"{name} must have the zero point 0, not {zero}")
            values = self._values(name, index, shape)
            if (values == -128).any():
                raise NetworkError(f"{name} hold the code -128; only -127 to 127 is supported")
            arrays.append(values)
            scales.append(scale)
        return np.stack(arrays), tuple(scales)

    def _biases(self, where: str, operator, H: int, kind: int) -> np.ndarray:
        arrays = []
        for gate, position in _BIAS.items():
            name = f"{gate} gate's bias of {where}"
            index = operator.Inputs(position)
            _, zero = self._scale(name, index, kind)
            if zero:
                raise NetworkError(f"{name} must have the zero point 0, not {zero}")
            values = self._values(name, index, (H,))
            if values.astype(np.int32).tolist() != values.tolist():
                raise NetworkError(
                    f"{name} holds {_largest(values)}, and the accelerator takes biases of 32 "
                    f"bits; convert the network with inputs of a larger range"
                )
            arrays.append(values.astype(np.int32))
        return np.stack(arrays)

    def _c_power(self, where: str, index: int) -> int:
        """The exponent of the cell state's scale."""
        what = f"the cell state of {where}"
        scale, zero = self._scale(what, index, _KINDS.INT16)
        if zero:
            raise NetworkError(f"{what} must have the zero point 0, not {zero}")
        mantissa, exponent = frexp(scale)
        if mantissa != 0.5 or exponent - 1 not in C_POWERS:
            raise NetworkError(
                f"{what} must have a power of two from 2**{C_POWERS[0]} to 2**{C_POWERS[-1]} "
                f"as its scale, not {scale:g}"
            )
        return exponent - 1


def _largest(values: np.ndarray) -> int:
    """The value of the largest magnitude."""
    return max(values.tolist(), key=abs)


def _clip_codes(where: str, clip: float, c_power: int) -> int:
    """The clip in codes of ``c``, cut off as TFLite-Micro does it; 0 for none."""
    if clip <= 0:
        return 0
    codes = int(min(clip / 2.0**c_power, 32767.0))
    if codes == 0:
        raise NetworkError(f"{where} has a cell clip of {clip:g}, less than one code of its state")
    return codes
