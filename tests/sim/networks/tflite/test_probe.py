"""A piece at which LiteRT ends the process ends another process."""

import subprocess
import sys

import numpy as np
import pytest

from sim.networks.network import NetworkError, Quantization
from sim.networks.tflite.model import TfliteModel
from sim.networks.tflite.probe import survives

FORM = Quantization(scale=0.015625, zero_point=-3)


@pytest.fixture
def deadly(builder, tmp_path):
    """SOFTMAX with a beta of minus one, at which LiteRT aborts."""
    builder = type(builder)()
    x = builder.tensor((1, 4), np.int8, FORM)
    y = builder.softmax(x)
    builder.operators[0].builtinOptions.beta = -1.0
    return builder.write(tmp_path / "deadly.tflite", [x], [y]).read_bytes()


@pytest.fixture
def sound(builder, tmp_path):
    x = builder.tensor((1, 4), np.int8, FORM)
    return builder.write(tmp_path / "sound.tflite", [x], [builder.dequantize(x)]).read_bytes()


def test_the_deadly_piece_is_deadly(deadly, tmp_path):
    program = (
        "import sys; from ai_edge_litert.interpreter import Interpreter, OpResolverType;"
        "i = Interpreter(model_content=sys.stdin.buffer.read(),"
        "experimental_op_resolver_type=OpResolverType.BUILTIN_REF); i.allocate_tensors()"
    )
    ended = subprocess.run([sys.executable, "-c", program], input=deadly, capture_output=True)
    assert ended.returncode < 0


def test_a_death_is_told_and_the_next_piece_lives(sound, deadly):
    assert [survives(each) for each in (sound, deadly, sound, deadly)] == [True, False, True, False]


def test_a_refusal_in_words_is_no_death(sound):
    assert survives(sound[:100])


def test_the_process_ends_without_a_word(sound):
    assert survives(sound)
    program = (
        "import sys; from sim.networks.tflite.probe import survives;"
        "print(survives(sys.stdin.buffer.read()))"
    )
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], input=sound, capture_output=True
    )
    assert (ended.stdout.strip(), ended.stderr) == (b"True", b"")


def test_a_network_with_a_deadly_operator_is_refused_in_a_sentence(nets, builder, tmp_path):
    (layer,) = nets.random_integer(5, 7).layers
    x = builder.tensor((1, 6, 5), np.int8, layer.directions[0].x)
    y = builder.softmax(builder.lstm(layer.directions[0], x))
    builder.operators[1].builtinOptions.beta = -1.0
    path = builder.write(tmp_path / "net.tflite", [x], [y])
    with pytest.raises(NetworkError) as caught:
        TfliteModel(path)
    assert str(caught.value) == (
        f"{path}: LiteRT ends the process at operator 1 (SOFTMAX), so that the file must be "
        f"damaged or an operator in it unheard of; convert the network again"
    )
