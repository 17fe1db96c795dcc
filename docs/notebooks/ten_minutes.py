# %% [markdown]
# # From PyTorch to Verilog in ten minutes
#
# You have trained an LSTM in PyTorch, and you want it to run on an FPGA or a chip. This notebook
# takes it the whole way: from the trained weights to 8-bit integers, to an accuracy on your own
# test data, to a cost in cycles and multiply-accumulates (MACs), to a simulation of the generated
# gates, and to the Verilog file that you hand to your hardware team.
#
# You need no board, no PyTorch and no download. Everything that is read here is made here.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import refrain
from numpy.typing import NDArray
from safetensors.numpy import save_file

folder = Path("ten_minutes")
folder.mkdir(exist_ok=True)
rng = np.random.default_rng(7)

# %% [markdown]
# ## Data
#
# A drill carries six vibration sensors. Three tools are in use, and each shakes the sensors in its
# own way. The task is to tell the tool from 40 readings. Readings hold still for some steps and
# then jump, as many real signals do, and they are noisy: no network will be right every time.

# %%
STEPS, SENSORS, TOOLS = 40, 6, 3


def record(count: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Recordings ``[count, STEPS, SENSORS]``, and which tool each is of."""
    tools = rng.integers(0, TOOLS, count)
    jumps = rng.random((count, STEPS, 1)) < 0.15
    jumps[:, 0] = True
    fresh = rng.normal(0, 0.5, (count, STEPS, SENSORS))
    fresh += (
        0.5 * np.eye(SENSORS)[2 * tools][:, None] - 0.3 * np.eye(SENSORS)[2 * tools + 1][:, None]
    )
    last = np.maximum.accumulate(np.where(jumps[:, :, 0], np.arange(STEPS), 0), axis=1)
    held = np.take_along_axis(fresh, last[:, :, None], axis=1)
    return held.astype(np.float32), tools


train_x, train_y = record(200)
test_x, test_y = record(100)

# %% [markdown]
# ## The network
#
# In PyTorch, two lines write the weights of a trained model to a file:
#
#     from safetensors.torch import save_file
#     save_file(model.state_dict(), "net.safetensors")
#
# The lines below write the same file without PyTorch. They use the names and shapes of
# `torch.nn.LSTM(6, 24, batch_first=True)`, held by a model as `lstm`. To keep this notebook free of
# a training framework, the LSTM has random weights, and only the layer behind it is trained, by
# least squares. Everything after this cell is the same for a network that was trained in full.

# %%
UNITS = 24
weights = {
    "lstm.weight_ih_l0": rng.normal(0, 0.5, (4 * UNITS, SENSORS)),
    "lstm.weight_hh_l0": rng.normal(0, 0.2, (4 * UNITS, UNITS)),
    "lstm.bias_ih_l0": rng.normal(0, 0.2, 4 * UNITS),
    "lstm.bias_hh_l0": np.zeros(4 * UNITS),
}
weights = {name: value.astype(np.float32) for name, value in weights.items()}
save_file(weights, folder / "net.safetensors")


def sigmoid(value: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-value))


def lstm(x: NDArray[np.float32]) -> NDArray[np.float64]:
    """What ``model.lstm(x)[0]`` gives in PyTorch, in floating point: ``[count, STEPS, UNITS]``."""
    w, r = weights["lstm.weight_ih_l0"].T, weights["lstm.weight_hh_l0"].T
    bias = weights["lstm.bias_ih_l0"] + weights["lstm.bias_hh_l0"]
    h = c = np.zeros((len(x), UNITS))
    states = []
    for step in range(x.shape[1]):
        i, f, g, o = np.split(x[:, step] @ w + h @ r + bias, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        states.append(h)
    return np.stack(states, axis=1)


def features(h: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of all steps, and a one for the bias."""
    return np.column_stack([h.mean(axis=1), np.ones(len(h))])


known = features(lstm(train_x))
ridge = 0.01 * np.eye(UNITS + 1)
readout = np.linalg.solve(known.T @ known + ridge, known.T @ np.eye(TOOLS)[train_y])


def accuracy(h: NDArray[np.float64]) -> float:
    """Share of the test recordings whose tool is found."""
    return float(np.mean((features(h) @ readout).argmax(axis=1) == test_y))


print(f"accuracy in floating point: {accuracy(lstm(test_x)):.2f}")

# %% [markdown]
# ## Look into the file
#
# `inspect` says what is in a file, what of it will run on the accelerator, and which accelerators
# hold it. It also works for files that cannot run, and then says why.

# %%
found = refrain.inspect(folder / "net.safetensors")
for layer in found["layers"]:
    print(f"{layer['name']}: {layer['kind']}, {layer['inputs']} inputs, {layer['hidden']} units")
print(f"next: {found['next']}")

# %% [markdown]
# ## Quantise
#
# The accelerator computes in integers: 8 bits for inputs, outputs and weights. `quantize` runs some
# of your samples through the network to choose the scales. Take samples that the test does not use.
# What you see is a signal-to-noise ratio (SQNR): the power of the output over the power of the
# error that integers add. A healthy layer has 35 to 55 dB.

# %%
network = refrain.load(folder / "net.safetensors")
quantized = refrain.quantize(network, train_x[:24])
quantized.save(folder / "net.tflite")
print(f"signal-to-noise ratio: {quantized.sqnr_db:.1f} dB")

# %% [markdown]
# ## Accuracy, and what it costs
#
# `run` computes on the integer model, which gives the same bits as the gates, only faster.
# `tiny` is the smallest of the named accelerators: 8 multipliers. Its cycles come from a model of
# its timing.

# %%
normal = refrain.run(folder / "net.tflite", test_x, config="tiny")
print(f"accuracy in integers: {accuracy(normal.real()):.2f}")
steps = normal.figures["steps"]
print(f"a step takes {normal.figures['cycles'] / steps:.0f} cycles", end=" ")
print(f"and {normal.figures['macs_done'] / steps:.0f} MACs")

# %% [markdown]
# What you see: the integers find as many tools as floating point does, give or take a recording.
# A step has 4 gates x 24 units x (6 inputs + 24 units) = 2,880 MACs, and 8 multipliers do 8 of
# them in a cycle.
#
# ## Leave out what has not changed
#
# This is what Refrain is for. In delta mode the accelerator keeps its sums from the step before,
# and multiplies only the values that have changed since. With thresholds of zero, which are the
# default, the output does not change in a single bit.

# %%
delta = refrain.run(folder / "net.tflite", test_x, config="tiny", mode="delta")
same = bool((delta.outputs["h"] == normal.outputs["h"]).all())
print(f"same bits as before: {same}")
print(f"MACs left out: {delta.figures['macs_avoided_share']:.0%}")

figure, axes = plt.subplots(figsize=(6, 2.5))
axes.barh(["delta", "normal"], [run.figures["cycles"] / steps for run in (delta, normal)])
axes.set_xlabel("cycles of a step")
figure.tight_layout()
figure.savefig(folder / "cycles.png")

# %% [markdown]
# The notebook *How much can be left out?* goes on from here and gives up a little accuracy for
# much more.
#
# ## Simulate the gates
#
# So far a model spoke. `simulate` generates the accelerator, compiles it and runs it cycle by
# cycle, with a memory behind it that answers after 30 cycles. The first run of an accelerator
# compiles it, which takes g++ and some seconds for `tiny`; later runs start at once.

# %%
few = test_x[:2]
gates = refrain.simulate(folder / "net.tflite", few, config="tiny", mode="delta")
model = refrain.run(folder / "net.tflite", few, config="tiny", mode="delta")
equal = bool((gates.outputs["h"] == model.outputs["h"]).all())
print(f"gates and model agree on every bit: {equal}")
print(f"cycles: {gates.figures['cycles']} simulated, {model.figures['cycles']} by the model")

# %% [markdown]
# What you see: all bits are equal, and the model knows how long the gates take. The simulation
# costs more time and needs a compiler, so you use the model from day to day, and the simulation to
# be sure.
#
# ## Write the Verilog
#
# One file holds the accelerator, and one more each kind of memory, so that a chip designer can
# replace them by SRAM macros. The ports are AXI: a slave for registers and a master for memory.

# %%
files = refrain.export_verilog("tiny", folder / "verilog")
for path in files:
    print(f"{path.name}: {len(path.read_text().splitlines())} lines")

# %% [markdown]
# ## Where to go from here
#
# - Use your own file and your own arrays in the cells above. An `.onnx` model runs whole: its LSTM
#   layers on the accelerator, and all else in ONNX Runtime.
# - Choose the accelerator: `refrain.CONFIGS` holds the named ones, and `refrain.config` changes
#   them. `edge`, with 64 multipliers, is the usual one.
# - To drive the Verilog from a test bench of your own, read *Simulate your own test bench*.
