"""What every test of networks uses: random networks and TensorFlow Lite for Microcontrollers."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from tflite_micro import runtime
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from sim.networks.network import (
    FloatLayer,
    FloatLstm,
    FloatNetwork,
    IntegerLayer,
    IntegerLstm,
    IntegerNetwork,
    Quantization,
)

DATA = Path(__file__).parents[2] / "data"


def random_float(*sizes, seed=0, directions=1, spread=None, states=False):
    """A float network of layer sizes (I, H, H, ...)."""
    rng = np.random.default_rng(seed)
    layers, inputs = [], sizes[0]
    for hidden in sizes[1:]:
        k = spread or hidden**-0.5

        def uniform(*shape, k=k):
            return rng.uniform(-k, k, shape).astype(np.float32)

        layers.append(
            FloatLayer(
                directions=tuple(
                    FloatLstm(
                        W=uniform(4, hidden, inputs),
                        R=uniform(4, hidden, hidden),
                        bias=uniform(4, hidden),
                        h0=uniform(hidden) if states else None,
                        c0=uniform(hidden) if states else None,
                        reverse=bool(number),
                    )
                    for number in range(directions)
                )
            )
        )
        inputs = hidden * directions
    return FloatNetwork(layers=tuple(layers))


def random_integer(*sizes, seed=0, c_power=-12, cell_clip=0):
    """An integer network of layer sizes (I, H, H, ...) with extreme weights among others."""
    rng = np.random.default_rng(seed)
    layers, x = [], Quantization(scale=0.015625, zero_point=-3)
    for inputs, hidden in pairwise(sizes):
        h = Quantization(scale=0.0078125, zero_point=int(rng.integers(-9, 9)))
        scales = tuple(float(np.float32(s)) for s in rng.uniform(0.002, 0.01, 8))
        lstm = IntegerLstm(
            W=rng.integers(-127, 128, (4, hidden, inputs)).astype(np.int8),
            R=rng.integers(-127, 128, (4, hidden, hidden)).astype(np.int8),
            bias=rng.integers(-9000, 9000, (4, hidden)).astype(np.int32),
            W_scale=scales[:4],
            R_scale=scales[4:],
            x=x,
            h=h,
            c_power=c_power,
            cell_clip=cell_clip,
        )
        layers.append(IntegerLayer(directions=(lstm,)))
        x = h
    return IntegerNetwork(layers=tuple(layers))


def run_tflm(path, x):
    """Outputs of TensorFlow Lite for Microcontrollers; the state is reset before each sequence."""
    interpreter = runtime.Interpreter.from_file(str(path))
    batch = int(interpreter.get_input_details(0)["shape"][0])
    outputs = []
    for start in range(0, len(x), batch):
        interpreter.reset()
        interpreter.set_input(x[start : start + batch], 0)
        interpreter.invoke()
        outputs.append(np.array(interpreter.get_output(0)))
    return np.concatenate(outputs)


def edit_tflite(path, change):
    """Apply ``change(model)`` to a .tflite file, by the schema objects of its own project."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(path.read_bytes(), 0))
    change(model)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(builder.Output())


def arrays_of(network):
    """Everything in a network, in a form that compares."""
    return [
        {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in vars(lstm).items()}
        for layer in network.layers
        for lstm in layer.directions
    ]


@dataclass(frozen=True)
class Helpers:
    """The functions of this file."""

    random_float = staticmethod(random_float)
    random_integer = staticmethod(random_integer)
    run_tflm = staticmethod(run_tflm)
    edit_tflite = staticmethod(edit_tflite)
    arrays_of = staticmethod(arrays_of)
    data = DATA


@pytest.fixture
def nets():
    """Helpers for networks."""
    return Helpers
