"""Whole .tflite networks made for tests, by the objects of LiteRT's schema."""

import flatbuffers
import numpy as np
import pytest
import tflite
from ai_edge_litert import schema_py_generated as schema

from sim.networks.network import GATES, IntegerLstm, Quantization
from sim.networks.tflite.writer import write_tflite

OPERATORS, KINDS = tflite.BuiltinOperator, tflite.TensorType
_TYPES = {
    np.dtype(np.float32): KINDS.FLOAT32,
    np.dtype(np.float16): KINDS.FLOAT16,
    np.dtype(np.int8): KINDS.INT8,
    np.dtype(np.uint8): KINDS.UINT8,
    np.dtype(np.int16): KINDS.INT16,
    np.dtype(np.int32): KINDS.INT32,
    np.dtype(np.int64): KINDS.INT64,
}


class Builder:
    """A file that grows by operators; tensors go by their numbers."""

    def __init__(self):
        self.tensors, self.operators, self.codes = [], [], {}
        self.buffers = [schema.BufferT()]

    def tensor(self, shape, dtype, form=None, *, data=None, variable=False, name=None):
        """A tensor; ``form`` is a Quantization, or pairs of scale and zero point, or None."""
        tensor = schema.TensorT()
        tensor.shape, tensor.type = list(shape), _TYPES[np.dtype(dtype)]
        tensor.name, tensor.isVariable = name or f"t{len(self.tensors)}", variable
        tensor.buffer = 0
        if data is not None:
            tensor.buffer = len(self.buffers)
            self.buffers.append(schema.BufferT())
            self.buffers[-1].data = np.frombuffer(np.asarray(data, dtype).tobytes(), np.uint8)
        if form is not None:
            pairs = [(form.scale, form.zero_point)] if isinstance(form, Quantization) else form
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = [scale for scale, _ in pairs]
            tensor.quantization.zeroPoint = [zero for _, zero in pairs]
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def constant(self, array, form=None):
        """A tensor with data."""
        return self.tensor(array.shape, array.dtype, form, data=array)

    def operator(self, kind, inputs, outputs, options=None, intermediates=None, custom=None):
        """An operator; ``options`` is an object of the schema whose name ends in OptionsT."""
        if (kind, custom) not in self.codes:
            code = schema.OperatorCodeT()
            code.builtinCode, code.deprecatedBuiltinCode, code.version = kind, min(kind, 127), 1
            code.customCode = custom
            self.codes[kind, custom] = code
        operator = schema.OperatorT()
        operator.opcodeIndex = list(self.codes).index((kind, custom))
        operator.inputs, operator.outputs = list(inputs), list(outputs)
        operator.intermediates = intermediates
        if options is not None:
            kind_of = type(options).__name__.removesuffix("T")
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind_of)
            operator.builtinOptions = options
        self.operators.append(operator)
        return outputs[0] if outputs else None

    def like(self, index, form=None, *, dtype=None, shape=None):
        """A tensor as another one, but for what is said."""
        tensor = self.tensors[index]
        kinds = {kind: each for each, kind in _TYPES.items()}
        made = self.tensor(shape or tensor.shape, dtype or kinds[tensor.type], form)
        if form is None and dtype is None:
            self.tensors[made].quantization = tensor.quantization
        return made

    def quantize(self, x, form, dtype=np.int8):
        """Real values, or codes, as codes of another form."""
        made = self.like(x, form, dtype=dtype)
        return self.operator(OPERATORS.QUANTIZE, [x], [made], schema.QuantizeOptionsT())

    def dequantize(self, x):
        """Codes as real values."""
        made = self.like(x, dtype=np.float32)
        return self.operator(OPERATORS.DEQUANTIZE, [x], [made], schema.DequantizeOptionsT())

    def reverse(self, x, axis=1):
        """Along an axis."""
        axes = self.constant(np.array([axis], np.int32))
        made = self.like(x)
        return self.operator(OPERATORS.REVERSE_V2, [x, axes], [made], schema.ReverseV2OptionsT())

    def join(self, *parts, form=None, axis=2):
        """Side by side."""
        shape = list(self.tensors[parts[0]].shape)
        shape[axis] = sum(self.tensors[part].shape[axis] for part in parts)
        options = schema.ConcatenationOptionsT()
        options.axis = axis
        made = self.like(parts[0], form, shape=shape)
        return self.operator(OPERATORS.CONCATENATION, parts, [made], options)

    def reshape(self, x, shape):
        """The same values in another shape."""
        wanted = self.constant(np.array(shape, np.int32))
        options = schema.ReshapeOptionsT()
        options.newShape = list(shape)
        made = self.like(x, shape=shape)
        return self.operator(OPERATORS.RESHAPE, [x, wanted], [made], options)

    def dense(self, x, size, form, rng, x_form):
        """A layer on the last axis, int8, a scale for each row."""
        inputs = self.tensors[x].shape[-1]
        scales = rng.uniform(0.002, 0.01, size).astype(np.float32)
        weights = rng.integers(-127, 128, (size, inputs)).astype(np.int8)
        W = self.constant(weights, [(float(scale), 0) for scale in scales])
        self.tensors[W].quantization.quantizedDimension = 0
        bias = rng.integers(-3000, 3000, size).astype(np.int32)
        b = self.constant(bias, [(float(scale) * x_form.scale, 0) for scale in scales])
        options = schema.FullyConnectedOptionsT()
        options.keepNumDims = True
        made = self.like(x, form, shape=[*self.tensors[x].shape[:-1], size])
        return self.operator(OPERATORS.FULLY_CONNECTED, [x, W, b], [made], options)

    def softmax(self, x):
        """Codes of probabilities."""
        options = schema.SoftmaxOptionsT()
        options.beta = 1.0
        made = self.like(x, Quantization(scale=1 / 256, zero_point=-128))
        return self.operator(OPERATORS.SOFTMAX, [x], [made], options)

    def lstm(self, lstm, x, *, time_major=False, clip=None, weights=None):
        """A forward LSTM operator, int8 or in floating point; ``weights`` makes its constants."""
        whole = isinstance(lstm, IntegerLstm)
        make = weights or self.constant
        batch = self.tensors[x].shape[1 if time_major else 0]
        H, h = lstm.hidden_size, lstm.h if whole else None
        W, R, bias = (
            [
                make(getattr(lstm, what)[k], *([[(_scale(lstm, what, k), 0)]] if whole else []))
                for k in range(len(GATES))
            ]
            for what in ("W", "R", "bias")
        )
        state, c_form = (np.int8, [(2.0**lstm.c_power, 0)]) if whole else (np.float32, None)
        kept = [
            self.tensor((batch, H), state, h, variable=True),
            self.tensor((batch, H), np.int16 if whole else state, c_form, variable=True),
        ]
        intermediates = None
        if whole:
            empty = [self.tensor((0,), np.float32) for _ in GATES]
            intermediates = [*empty, self.tensor((0,), np.int8, h)]
        options = schema.UnidirectionalSequenceLSTMOptionsT()
        options.fusedActivationFunction = tflite.ActivationFunctionType.TANH
        power = 2.0**lstm.c_power if whole else 1.0
        options.cellClip = lstm.cell_clip * power if clip is None else clip
        options.timeMajor = time_major
        made = self.tensor((*self.tensors[x].shape[:2], H), state, h)
        inputs = [x, *W, *R, -1, -1, -1, *bias, -1, -1, *kept, -1, -1, -1, -1]
        kind = OPERATORS.UNIDIRECTIONAL_SEQUENCE_LSTM
        return self.operator(kind, inputs, [made], options, intermediates)

    def model(self, inputs, outputs):
        """The objects of a whole file."""
        graph = schema.SubGraphT()
        graph.tensors, graph.operators, graph.name = self.tensors, self.operators, "main"
        graph.inputs, graph.outputs = list(inputs), list(outputs)
        model = schema.ModelT()
        model.version, model.subgraphs, model.buffers = 3, [graph], self.buffers
        model.operatorCodes = list(self.codes.values())
        return model

    def write(self, path, inputs, outputs, change=lambda model: None):
        """Write the file, after ``change(model)``; its path."""
        model = self.model(inputs, outputs)
        change(model)
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        path.write_bytes(builder.Output())
        return path


def _scale(lstm, what, gate):
    if what == "bias":
        return lstm.x.scale * lstm.W_scale[gate]
    return getattr(lstm, f"{what}_scale")[gate]


@pytest.fixture
def builder():
    """A file to be filled."""
    return Builder()


@pytest.fixture
def stacked(nets, tmp_path):
    """A file of two operators, 3 -> 4 -> 5: tensors 0 x, 1 h of the first, then its constants."""
    path = tmp_path / "net.tflite"
    write_tflite(nets.random_integer(3, 4, 5), path, steps=6)
    return path
