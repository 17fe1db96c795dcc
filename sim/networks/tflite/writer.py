"""Integer networks, written as standard .tflite files."""

import os
import tempfile
from pathlib import Path

import flatbuffers
import numpy as np
import tflite

from sim.networks.check import check_integer
from sim.networks.network import GATES, IntegerLstm, IntegerNetwork, NetworkError, Quantization

__all__ = ["check_expressible", "write_file", "write_tflite"]

_ALIGNMENT = 16
"""Bytes to which the schema aligns every constant."""
_VERSION = 3
_ABSENT = -1


def write_tflite(network: IntegerNetwork, path: str | Path, steps: int, batch: int = 1) -> None:
    """Write a network as one UNIDIRECTIONAL_SEQUENCE_LSTM operator per layer.

    The file runs in TensorFlow Lite for Microcontrollers with the same bits. It is written whole
    or not at all.

    Parameters
    ----------
    network : IntegerNetwork
        Layers of one forward direction and no initial state: the operator has nothing else.
    path : path
        The file; an existing one is replaced.
    steps, batch : int
        Shape of the file's input, [batch, steps, I]; the format fixes it.

    Raises
    ------
    NetworkError
        The network or the shape cannot be expressed, or the file cannot be written.
    """
    for name, value in (("steps", steps), ("batch", batch)):
        if not isinstance(value, int | np.integer) or not 1 <= value < 2**31:
            raise NetworkError(f"{name} must be a positive integer, not {value!r}")
    data = _Writer(int(batch), int(steps)).write(check_expressible(network))
    write_file(path, data)


def check_expressible(network: IntegerNetwork) -> list[IntegerLstm]:
    """The only direction of each layer, where a .tflite file can say all of the network.

    Raises
    ------
    NetworkError
        What it cannot say, by name.
    """
    check_integer(network)
    for number, layer in enumerate(network.layers):
        for name, form in (("x", layer.directions[0].x), ("h", layer.directions[0].h)):
            if form.bits not in (8, 16):
                raise NetworkError(
                    f"a .tflite file holds activations of 8 or 16 bits, and {name} of layer "
                    f"{number} has {form.bits}"
                )
    return [_expressible(number, layer) for number, layer in enumerate(network.layers)]


def write_file(path: str | Path, data: bytes) -> None:
    """Write a file whole or not at all.

    Raises
    ------
    NetworkError
        The file cannot be written; the message says why.
    """
    path = Path(path)
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            temporary = Path(file.name)
            file.write(data)
        # A temporary file is private; the result has the usual rights.
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        temporary.replace(path)
    except OSError as error:
        raise NetworkError(f"{path} cannot be written: {error.strerror}") from None
    finally:
        # Whatever went wrong, an interrupt too: nothing half-written stays.
        if temporary:
            temporary.unlink(missing_ok=True)


def _expressible(number: int, layer) -> IntegerLstm:
    """The layer's only direction, where the operator can say all of it."""
    if len(layer.directions) > 1:
        raise NetworkError(
            f"layer {number} is bidirectional, which no .tflite LSTM operator in integers expresses"
        )
    lstm = layer.directions[0]
    if lstm.reverse:
        raise NetworkError(
            f"layer {number} runs backwards, which the .tflite LSTM operator does not express; "
            f"reverse its sequences instead"
        )
    if (lstm.h0 is not None and (lstm.h0 != lstm.h.zero_point).any()) or (
        lstm.c0 is not None and lstm.c0.any()
    ):
        raise NetworkError(
            f"layer {number} has an initial state, which the .tflite LSTM operator does not express"
        )
    if lstm.by_row:
        raise NetworkError(
            f"layer {number} has scales for each row of weights, and a .tflite LSTM operator holds "
            f"one for each gate"
        )
    scales = {"x": (lstm.x.scale,), "h": (lstm.h.scale,), "W": lstm.W_scale, "R": lstm.R_scale}
    for name, values in scales.items():
        for scale in values:
            if float(np.float32(scale)) != scale:
                raise NetworkError(
                    f"the {name} scale {scale!r} of layer {number} is no float32 number, and a "
                    f".tflite file holds no other"
                )
    return lstm


def _activation_kind(form: Quantization) -> int:
    """Type of a tensor of these codes."""
    return tflite.TensorType.INT8 if form.bits == 8 else tflite.TensorType.INT16


class _Writer:
    """One file: tensors and their buffers grow as operators are added."""

    def __init__(self, batch: int, steps: int):
        self.batch = batch
        self.steps = steps
        self.builder = flatbuffers.Builder(1 << 16)
        # Buffer 0 is the empty one that tensors without data name.
        self.buffers = [self._buffer(None)]
        self.tensors = []

    def write(self, lstms: list[IntegerLstm]) -> bytes:
        """The file's bytes."""
        first = lstms[0]
        x = self._activation("x", first.input_size, first.x)
        inputs, operators, tensor = [x], [], x
        for number, lstm in enumerate(lstms):
            name = "h" if number == len(lstms) - 1 else f"layer{number}/h"
            out = self._activation(name, lstm.hidden_size, lstm.h)
            operators.append(self._operator(f"layer{number}", lstm, tensor, out))
            tensor = out
        graph = self._graph(inputs, [tensor], operators)
        return self._model(graph)

    def _buffer(self, data: bytes | None) -> int:
        vector = None
        if data:
            # The builder writes back to front: reserve, then copy.
            self.builder.StartVector(1, len(data), _ALIGNMENT)
            start = self.builder.head - len(data)
            self.builder.Bytes[start : start + len(data)] = data
            self.builder.head = start
            vector = self.builder.EndVector()
        tflite.BufferStart(self.builder)
        if vector is not None:
            tflite.BufferAddData(self.builder, vector)
        return tflite.BufferEnd(self.builder)

    def _quantization(self, scale: float, zero: int) -> int:
        self.builder.StartVector(4, 1, 4)
        self.builder.PrependFloat32(scale)
        scales = self.builder.EndVector()
        self.builder.StartVector(8, 1, 8)
        self.builder.PrependInt64(zero)
        zeros = self.builder.EndVector()
        tflite.QuantizationParametersStart(self.builder)
        tflite.QuantizationParametersAddScale(self.builder, scales)
        tflite.QuantizationParametersAddZeroPoint(self.builder, zeros)
        return tflite.QuantizationParametersEnd(self.builder)

    def _tensor(self, name, kind, shape, scale=None, zero=0, data=None, variable=False) -> int:
        """Add a tensor; its index."""
        buffer = 0
        if data is not None:
            buffer = len(self.buffers)
            self.buffers.append(self._buffer(data))
        label = self.builder.CreateString(name)
        dimensions = self._integers(shape)
        quantization = None if scale is None else self._quantization(scale, zero)
        tflite.TensorStart(self.builder)
        tflite.TensorAddShape(self.builder, dimensions)
        tflite.TensorAddType(self.builder, kind)
        tflite.TensorAddBuffer(self.builder, buffer)
        tflite.TensorAddName(self.builder, label)
        if quantization is not None:
            tflite.TensorAddQuantization(self.builder, quantization)
        tflite.TensorAddIsVariable(self.builder, variable)
        self.tensors.append(tflite.TensorEnd(self.builder))
        return len(self.tensors) - 1

    def _activation(self, name: str, size: int, quantization: Quantization) -> int:
        shape = (self.batch, self.steps, size)
        kind = _activation_kind(quantization)
        return self._tensor(name, kind, shape, quantization.scale, quantization.zero_point)

    def _constants(self, prefix: str, lstm: IntegerLstm) -> tuple[list, list, list]:
        """Tensors of W, R and bias, in gate order."""
        W, R, bias = [], [], []
        int8, kinds = tflite.TensorType.INT8, {8: ("<i4", tflite.TensorType.INT32)}
        kinds[16] = ("<i8", tflite.TensorType.INT64)
        bias_type, bias_kind = kinds[lstm.x.bits]
        for index, gate in enumerate(GATES):
            name = f"{prefix}/{gate}"
            for tensors, what in ((W, "W"), (R, "R")):
                values = getattr(lstm, what)[index]
                scale = getattr(lstm, f"{what}_scale")[index]
                data = values.tobytes()
                tensors.append(self._tensor(f"{name}/{what}", int8, values.shape, scale, data=data))
            data = lstm.bias[index].astype(bias_type).tobytes()
            scale, shape = lstm.x.scale * lstm.W_scale[index], (lstm.hidden_size,)
            bias.append(self._tensor(f"{name}/bias", bias_kind, shape, scale, data=data))
        return W, R, bias

    def _operator(self, prefix: str, lstm: IntegerLstm, x: int, out: int) -> int:
        W, R, bias = self._constants(prefix, lstm)
        state = (self.batch, lstm.hidden_size)
        h, kind, int16 = lstm.h, _activation_kind(lstm.h), tflite.TensorType.INT16
        h_state = self._tensor(
            f"{prefix}/h_state", kind, state, h.scale, h.zero_point, variable=True
        )
        c_state = self._tensor(f"{prefix}/c_state", int16, state, 2.0**lstm.c_power, variable=True)
        # Without layer normalisation only the last intermediate says anything: the format of h.
        intermediates = [
            self._tensor(f"{prefix}/{gate}/intermediate", tflite.TensorType.FLOAT32, (0,))
            for gate in GATES
        ]
        intermediates.append(
            self._tensor(f"{prefix}/h_intermediate", kind, (0,), h.scale, h.zero_point)
        )
        peepholes, projection, norms = [_ABSENT] * 3, [_ABSENT] * 2, [_ABSENT] * 4
        inputs = [x, *W, *R, *peepholes, *bias, *projection, h_state, c_state, *norms]
        vectors = [self._integers(indices) for indices in (inputs, [out], intermediates)]
        options = self._options(lstm)
        tflite.OperatorStart(self.builder)
        tflite.OperatorAddOpcodeIndex(self.builder, 0)
        tflite.OperatorAddInputs(self.builder, vectors[0])
        tflite.OperatorAddOutputs(self.builder, vectors[1])
        tflite.OperatorAddIntermediates(self.builder, vectors[2])
        tflite.OperatorAddBuiltinOptionsType(
            self.builder, tflite.BuiltinOptions.UnidirectionalSequenceLSTMOptions
        )
        tflite.OperatorAddBuiltinOptions(self.builder, options)
        return tflite.OperatorEnd(self.builder)

    def _options(self, lstm: IntegerLstm) -> int:
        tflite.UnidirectionalSequenceLSTMOptionsStart(self.builder)
        tflite.UnidirectionalSequenceLSTMOptionsAddFusedActivationFunction(
            self.builder, tflite.ActivationFunctionType.TANH
        )
        tflite.UnidirectionalSequenceLSTMOptionsAddCellClip(
            self.builder, lstm.cell_clip * 2.0**lstm.c_power
        )
        return tflite.UnidirectionalSequenceLSTMOptionsEnd(self.builder)

    def _graph(self, inputs: list[int], outputs: list[int], operators: list[int]) -> int:
        tensors = self._offsets(self.tensors)
        inputs, outputs = self._integers(inputs), self._integers(outputs)
        operators = self._offsets(operators)
        name = self.builder.CreateString("main")
        tflite.SubGraphStart(self.builder)
        tflite.SubGraphAddTensors(self.builder, tensors)
        tflite.SubGraphAddInputs(self.builder, inputs)
        tflite.SubGraphAddOutputs(self.builder, outputs)
        tflite.SubGraphAddOperators(self.builder, operators)
        tflite.SubGraphAddName(self.builder, name)
        return tflite.SubGraphEnd(self.builder)

    def _model(self, graph: int) -> bytes:
        kind = tflite.BuiltinOperator.UNIDIRECTIONAL_SEQUENCE_LSTM
        tflite.OperatorCodeStart(self.builder)
        tflite.OperatorCodeAddDeprecatedBuiltinCode(self.builder, kind)
        tflite.OperatorCodeAddVersion(self.builder, 1)
        tflite.OperatorCodeAddBuiltinCode(self.builder, kind)
        codes = self._offsets([tflite.OperatorCodeEnd(self.builder)])
        graphs, buffers = self._offsets([graph]), self._offsets(self.buffers)
        description = self.builder.CreateString("refrain")
        tflite.ModelStart(self.builder)
        tflite.ModelAddVersion(self.builder, _VERSION)
        tflite.ModelAddOperatorCodes(self.builder, codes)
        tflite.ModelAddSubgraphs(self.builder, graphs)
        tflite.ModelAddDescription(self.builder, description)
        tflite.ModelAddBuffers(self.builder, buffers)
        self.builder.Finish(tflite.ModelEnd(self.builder), b"TFL3")
        return bytes(self.builder.Output())

    def _integers(self, values) -> int:
        self.builder.StartVector(4, len(values), 4)
        for value in reversed(values):
            self.builder.PrependInt32(value)
        return self.builder.EndVector()

    def _offsets(self, offsets: list[int]) -> int:
        self.builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.builder.PrependUOffsetTRelative(offset)
        return self.builder.EndVector()
