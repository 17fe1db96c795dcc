import flatbuffers
import numpy as np
import pytest
import tflite

from sim.networks.float_lstm import run_direction
from sim.workloads import deepspeech
from sim.workloads.deepspeech import DEEPSPEECH_FINAL, FINAL_PARTS, Tensors, read_lstm, windows


def _sigmoid(a):
    return 1 / (1 + np.exp(-a))


def test_rows_of_the_matrix_are_the_gates_input_cell_forget_output():
    rng = np.random.default_rng(0)
    weights, bias = rng.normal(size=(20, 8)).astype(np.float32), rng.normal(size=20)
    x = rng.normal(size=(6, 3))
    h, c, expected = np.zeros(5), np.zeros(5), []
    for row in x:
        i, g, f, o = np.split(weights @ np.concatenate([row, h]) + bias, 4)
        c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
        h = _sigmoid(o) * np.tanh(c)
        expected.append(h)
    assert run_direction(read_lstm(weights, bias), x[None])[0][0] == pytest.approx(
        np.array(expected)
    )


def test_windows_hold_nine_frames_before_and_after():
    frames = np.arange(1, 25, dtype=np.float32)[:, None] * [1, 100]
    seen = windows(frames).reshape(24, 19, 2)
    assert (seen[:, 9] == frames).all()
    assert (seen[12] == frames[3:22]).all()
    assert not seen[0, :9].any() and (seen[0, 10:] == frames[1:10]).all()
    assert not seen[23, 10:].any()


def _write(path, tensors):
    """A .tflite file of constants (name, array, scale)."""
    builder = flatbuffers.Builder()
    buffers, made = [], []
    for number, (name, array, scale) in enumerate(tensors):
        content = builder.CreateNumpyVector(array.view(np.uint8).ravel())
        tflite.BufferStart(builder)
        tflite.BufferAddData(builder, content)
        buffers.append(tflite.BufferEnd(builder))
        shape = builder.CreateNumpyVector(np.array(array.shape, np.int32))
        scales = builder.CreateNumpyVector(np.array([scale], np.float32))
        tflite.QuantizationParametersStart(builder)
        tflite.QuantizationParametersAddScale(builder, scales)
        quantization = tflite.QuantizationParametersEnd(builder)
        label = builder.CreateString(name)
        tflite.TensorStart(builder)
        tflite.TensorAddName(builder, label)
        tflite.TensorAddShape(builder, shape)
        tflite.TensorAddBuffer(builder, number)
        tflite.TensorAddQuantization(builder, quantization)
        int8 = array.dtype == np.int8
        tflite.TensorAddType(builder, tflite.TensorType.INT8 if int8 else tflite.TensorType.FLOAT32)
        made.append(tflite.TensorEnd(builder))
    graph = _graph(builder, made)
    buffer_list, graph_list = _vector(builder, buffers), _vector(builder, [graph])
    tflite.ModelStart(builder)
    tflite.ModelAddBuffers(builder, buffer_list)
    tflite.ModelAddSubgraphs(builder, graph_list)
    builder.Finish(tflite.ModelEnd(builder))
    path.write_bytes(bytes(builder.Output()))


def _vector(builder, offsets):
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()


def _graph(builder, tensors):
    tensor_list = _vector(builder, tensors)
    tflite.SubGraphStart(builder)
    tflite.SubGraphAddTensors(builder, tensor_list)
    return tflite.SubGraphEnd(builder)


def test_tensors_are_found_by_name_and_dequantised(tmp_path):
    path = tmp_path / "net.tflite"
    codes = np.array([[1, -127, 3], [0, 5, 127]], np.int8)
    bias = np.array([0.5, -2.25], np.float32)
    _write(path, [("kernel", codes, 0.25), ("bias", bias, 1.0)])
    tensors = Tensors(path)
    assert tensors["kernel"].tolist() == (codes * 0.25).tolist()
    assert tensors["bias"].tolist() == [0.5, -2.25]
    assert tensors["kernel"].dtype == np.float32
    with pytest.raises(KeyError):
        tensors["kern"]


class Recognizer:
    """Stands in for the network: a split is the pieces."""

    network = score = None

    def __init__(self, path):
        assert path == "model"

    def labelled(self, pieces):
        return pieces


class Heard:
    """Stands in for the meetings: five seconds of a number."""

    def __init__(self, paths):
        pass

    def samples(self, name):
        return np.full(5 * 16000, sum(map(ord, name)))


def test_the_final_division_is_of_pieces_of_two_seconds_of_meetings(monkeypatch):
    monkeypatch.setattr(deepspeech, "_Recognizer", Recognizer)
    monkeypatch.setattr(deepspeech, "Meetings", Heard)
    case = DEEPSPEECH_FINAL.prepare(["model"], print)
    for pieces, names in zip(
        (case.calibration, case.evaluation), FINAL_PARTS.values(), strict=True
    ):
        assert [len(piece) for piece in pieces] == [2 * 16000] * 2 * len(names)
        assert [piece[0] for piece in pieces[::2]] == [sum(map(ord, name)) for name in names]
    assert not set(FINAL_PARTS["calibration"]) & set(FINAL_PARTS["evaluation"])
