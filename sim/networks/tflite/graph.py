"""A .tflite graph, cut at its LSTM operators into pieces that LiteRT runs.

A file is taken apart and put together by the objects of LiteRT's own schema, which know the options
of every operator.
"""

from collections.abc import Iterable, Mapping, Sequence

import flatbuffers
import numpy as np
import tflite
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from sim.networks.network import NetworkError
from sim.networks.tflite.probe import survives
from sim.networks.whole import Dims, Form
from sim.networks.wording import shortened

__all__ = ["Graph", "Piece"]

_KINDS = tflite.TensorType
_TYPES = {
    _KINDS.FLOAT32: np.float32,
    _KINDS.FLOAT16: np.float16,
    _KINDS.FLOAT64: np.float64,
    _KINDS.INT8: np.int8,
    _KINDS.UINT8: np.uint8,
    _KINDS.INT16: np.int16,
    _KINDS.UINT16: np.uint16,
    _KINDS.INT32: np.int32,
    _KINDS.UINT32: np.uint32,
    _KINDS.INT64: np.int64,
    _KINDS.UINT64: np.uint64,
    _KINDS.BOOL: np.bool_,
}
_TYPE_NAMES = {value: name for name, value in vars(_KINDS).items() if not name.startswith("_")}
_CODES = (_KINDS.INT8, _KINDS.UINT8, _KINDS.INT16)
_OPERATORS = tflite.BuiltinOperator
_MOVES = (
    _OPERATORS.CAST,
    _OPERATORS.EXPAND_DIMS,
    _OPERATORS.GATHER,
    _OPERATORS.RESHAPE,
    _OPERATORS.SHAPE,
    _OPERATORS.SQUEEZE,
    _OPERATORS.STRIDED_SLICE,
    _OPERATORS.TRANSPOSE,
)
"""Operators that do not look at what codes mean."""
_SHOWN = 60
"""Characters of a tensor's name in a sentence."""
_REASON = 160
"""Characters of LiteRT's own words in a sentence."""


class Graph:
    """The operators and tensors of a file of one graph.

    Operators and tensors go by their numbers in the file.

    Parameters
    ----------
    data : bytes
        The file. What reading a damaged one raises is the caller's to catch.

    Members
    -------
    inputs, outputs : tuple of int
        Tensors that a run takes and returns.
    operators : list
        In the order in which they run.
    makers : dict of int
        By tensor, the operator that makes it.
    """

    def __init__(self, data: bytes):
        self.model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
        graph = self.model.subgraphs[0]
        self.tensors, self.operators = graph.tensors or [], graph.operators or []
        # A table that an operator lacks is None, as an empty one is.
        self.inputs, self.outputs = (
            tuple(int(index) for index in (() if found is None else found))
            for found in (graph.inputs, graph.outputs)
        )
        buffers = len(self.model.buffers or [])
        for index, tensor in enumerate(self.tensors):
            if not 0 <= tensor.buffer < buffers:
                raise IndexError(index)
        self.makers = {}
        for number in range(len(self.operators)):
            # What operators and tensors name is there, so no later look at it fails.
            self.kind(number)
            self.taken(number)
            self._intermediates([number])
            for index in self.made(number):
                self.makers[index] = number

    def kind(self, number: int) -> int:
        """Which operator of ``tflite.BuiltinOperator`` it is."""
        code = self.model.operatorCodes[self.operators[number].opcodeIndex]
        return max(code.builtinCode, code.deprecatedBuiltinCode)

    def kind_name(self, number: int) -> str:
        """What an operator is called in sentences."""
        kind = self.kind(number)
        if kind != _OPERATORS.CUSTOM:
            return tflite.BUILTIN_OPCODE2NAME.get(kind, f"number {kind}")
        name = self.model.operatorCodes[self.operators[number].opcodeIndex].customCode or b""
        return f"custom {name.decode(errors='replace')}"

    def taken(self, number: int) -> list[int]:
        """Tensors that an operator takes."""
        inputs = self.operators[number].inputs
        return [self._existing(i) for i in (() if inputs is None else inputs) if i != -1]

    def made(self, number: int) -> list[int]:
        """Tensors that an operator makes."""
        outputs = self.operators[number].outputs
        return [self._existing(i) for i in (() if outputs is None else outputs) if i != -1]

    def _existing(self, index: int) -> int:
        if not 0 <= index < len(self.tensors):
            raise IndexError(index)
        return int(index)

    def flows(self, index: int) -> bool:
        """Whether a tensor is given or made in a run, and neither a constant nor kept inside."""
        return index in self.makers or index in self.inputs

    def name(self, index: int) -> str:
        """A tensor's name in the file, or its number where it has none."""
        name = self.tensors[index].name
        return name.decode(errors="replace") if name else f"tensor {index}"

    def short_name(self, index: int) -> str:
        """The same for a sentence."""
        return shortened(self.name(index), _SHOWN)

    def check_codes(self, number: int) -> None:
        """Refuse tensors of codes that say no scale, at which LiteRT ends the process.

        Raises
        ------
        NetworkError
            The first such tensor of the operator.
        """
        for index in (*self.taken(number), *self.made(number)):
            tensor = self.tensors[index]
            if tensor.type not in _CODES:
                continue
            form = tensor.quantization or schema.QuantizationParametersT()
            scales, zeros = (
                [] if found is None else list(found) for found in (form.scale, form.zeroPoint)
            )
            if not scales and not zeros and self.kind(number) in _MOVES:
                continue
            axis, shape = form.quantizedDimension, [] if tensor.shape is None else tensor.shape
            wanted = (1, shape[axis]) if 0 <= axis < len(shape) else (1,)
            sound = all(np.isfinite(scale) and scale > 0 for scale in scales)
            if len(scales) not in wanted or len(zeros) not in (0, len(scales)) or not sound:
                raise NetworkError(
                    f"operator {number} ({self.kind_name(number)}) has the tensor "
                    f"{self.short_name(index)} of {_TYPE_NAMES[tensor.type]} codes without the "
                    f"scale and zero point that they need; convert the network again"
                )

    def dtype(self, index: int) -> np.dtype:
        """The type of a tensor's elements.

        Raises
        ------
        NetworkError
            NumPy has none that is the same.
        """
        kind = self.tensors[index].type
        if kind not in _TYPES:
            raise NetworkError(
                f"the tensor {self.short_name(index)} holds {_TYPE_NAMES.get(kind, kind)}, and "
                f"only numbers can be given, returned or handed to an LSTM operator"
            )
        return np.dtype(_TYPES[kind])

    def form(self, index: int) -> Form | None:
        """The format of a tensor of codes; None of numbers that mean themselves."""
        quantization = self.tensors[index].quantization
        if self.dtype(index).kind not in "iu" or quantization is None:
            return None
        scale, zero = quantization.scale, quantization.zeroPoint
        if scale is None or len(scale) != 1:
            return None
        return Form(
            scale=float(scale[0]),
            zero_point=int(zero[0]) if zero is not None and len(zero) else 0,
        )

    def dims(self, index: int) -> Dims:
        """The shape that the file gives a tensor: None for an axis of any size."""
        tensor = self.tensors[index]
        chosen = tensor.shape if tensor.shapeSignature is None else tensor.shapeSignature
        return tuple(None if size < 0 else int(size) for size in (() if chosen is None else chosen))

    def constant(self, index: int) -> np.ndarray | None:
        """A constant's values, flat; None where the tensor is made in a run."""
        data = self.model.buffers[self.tensors[index].buffer].data
        if index in self.makers or data is None or not len(data):
            return None
        return np.frombuffer(np.asarray(data, np.uint8).tobytes(), self.dtype(index))

    def signature(self) -> tuple[dict[int, str], dict[int, str]]:
        """Names of inputs and outputs in the file's only signature; empty without one."""
        found = self.model.signatureDefs or []
        if len(found) != 1:
            return {}, {}
        return tuple(
            {
                int(each.tensorIndex): each.name.decode(errors="replace")
                for each in maps or []
                if each.name
            }
            for maps in (found[0].inputs, found[0].outputs)
        )

    def part(self, numbers: Sequence[int], inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
        """A file of some operators, with the constants that they use."""
        used = {index for number in numbers for index in (*self.taken(number), *self.made(number))}
        kept = sorted({*used, *inputs, *outputs, *self._intermediates(numbers)})
        places = {old: new for new, old in enumerate(kept)}
        # Tensors without data name buffer 0.
        buffers, codes = [schema.BufferT()], {}
        tensors = [self._copy(self.tensors[index], buffers) for index in kept]
        operators = []
        for number in numbers:
            old = self.operators[number]
            operator = schema.OperatorT()
            vars(operator).update(vars(old))
            operator.opcodeIndex = codes.setdefault(old.opcodeIndex, len(codes))
            for field in ("inputs", "outputs", "intermediates"):
                found = getattr(old, field)
                moved = None if found is None else [places.get(int(i), -1) for i in found]
                setattr(operator, field, moved)
            operators.append(operator)
        graph = schema.SubGraphT()
        graph.tensors, graph.operators = tensors, operators
        graph.inputs, graph.outputs = ([places[i] for i in each] for each in (inputs, outputs))
        model = schema.ModelT()
        model.version, model.subgraphs, model.buffers = self.model.version, [graph], buffers
        model.operatorCodes = [self.model.operatorCodes[old] for old in codes]
        builder = flatbuffers.Builder(1 << 16)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _intermediates(self, numbers: Iterable[int]) -> set[int]:
        found = (self.operators[number].intermediates for number in numbers)
        return {self._existing(i) for each in found if each is not None for i in each if i != -1}

    def _copy(self, old, buffers: list):
        tensor = schema.TensorT()
        vars(tensor).update(vars(old))
        # LiteRT's interface refuses names that are not UTF-8, and nothing here looks at names.
        tensor.name = None
        data = self.model.buffers[old.buffer].data
        tensor.buffer = 0
        if data is not None and len(data):
            tensor.buffer = len(buffers)
            buffers.append(schema.BufferT())
            buffers[-1].data = data
        return tensor


class Piece:
    """Some operators of a graph, in LiteRT.

    The kernels are LiteRT's reference kernels, from which those of TFLite-Micro are made: the
    optimised ones round some operators otherwise.

    Parameters
    ----------
    graph : Graph
        The file.
    numbers : sequence of int
        The operators, in the order in which they run.
    inputs, outputs : sequence of int
        Tensors that they take from outside and that are wanted of them.

    Raises
    ------
    NetworkError
        LiteRT does not take an operator; the sentence names the first such.
    """

    def __init__(
        self, graph: Graph, numbers: Sequence[int], inputs: Sequence[int], outputs: Sequence[int]
    ):
        self.inputs, self.outputs = tuple(inputs), tuple(outputs)
        ends = [f"{number} ({graph.kind_name(number)})" for number in (numbers[0], numbers[-1])]
        one = len(numbers) == 1
        self._where = f"operator {ends[0]}" if one else f"operators {' to '.join(ends)}"
        for index in (*inputs, *outputs):
            graph.dtype(index)
        for number in numbers:
            graph.check_codes(number)
            if graph.kind(number) == _OPERATORS.CUSTOM:
                raise NetworkError(
                    f"operator {number} is the {graph.kind_name(number)} operator, which nothing "
                    f"here runs; convert the network with TFLITE_BUILTINS alone as its "
                    f"supported_ops"
                )
        content = graph.part(numbers, inputs, outputs)
        if not survives(content):
            raise NetworkError(
                f"LiteRT ends the process at {self._where}, so that the file must be damaged or an "
                f"operator in it unheard of; convert the network again"
            )
        try:
            self._interpreter = Interpreter(
                model_content=content,
                experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
            )
            self._interpreter.allocate_tensors()
            details = self._interpreter.get_input_details()
            self._out = [each["index"] for each in self._interpreter.get_output_details()]
        except (ValueError, RuntimeError) as error:
            raise self._refusal("load", error) from None
        self._in = [each["index"] for each in details]
        self._shapes = [tuple(each["shape"].tolist()) for each in details]

    def forget(self) -> None:
        """Bring what operators keep from run to run back to its beginning.

        Raises
        ------
        NetworkError
            LiteRT's first words about it.
        """
        try:
            self._interpreter.reset_all_variables()
        except RuntimeError as error:
            raise self._refusal("reset", error) from None

    def run(self, values: Mapping[int, np.ndarray]) -> dict[int, np.ndarray]:
        """The outputs by number, from the inputs among ``values``.

        Raises
        ------
        NetworkError
            LiteRT's first words about it.
        """
        interpreter = self._interpreter
        try:
            shapes = [values[index].shape for index in self.inputs]
            if shapes != self._shapes:
                for place, shape in zip(self._in, shapes, strict=True):
                    interpreter.resize_tensor_input(place, shape)
                interpreter.allocate_tensors()
                self._shapes = shapes
            for index, place in zip(self.inputs, self._in, strict=True):
                interpreter.set_tensor(place, values[index])
            interpreter.invoke()
            return {
                index: interpreter.get_tensor(place)
                for index, place in zip(self.outputs, self._out, strict=True)
            }
        except (ValueError, RuntimeError) as error:
            raise self._refusal("run", error) from None

    def _refusal(self, what: str, error: Exception) -> NetworkError:
        reason = " ".join(str(error).split()) or type(error).__name__
        return NetworkError(f"LiteRT cannot {what} {self._where}: {reason[:_REASON]}")
