# %% [markdown]
# # How much can be left out?
#
# In delta mode, Refrain multiplies only the values that have changed. A threshold decides what
# counts as a change. At zero, no bit of the output changes. Above zero, small changes are ignored:
# more work is left out, and the output is no longer exact. This notebook finds out how far you can
# go **on your own data** before your accuracy suffers.
#
# It uses a whole model in ONNX, as `torch.onnx.export` writes it: an LSTM and a classifier. Put
# your own file and your own two arrays in their place, and the rest of the notebook stays as it is.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import onnx
import onnxruntime
import refrain
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

folder = Path("left_out")
folder.mkdir(exist_ok=True)
rng = np.random.default_rng(3)

# %% [markdown]
# ## Data
#
# A drill carries six vibration sensors, and the task is to tell which of three tools is in it from
# 30 readings. Each tool shifts two of the sensors a little. All of them swing much more than that,
# and carry noise, so that hardly any value stays exactly the same from step to step. This is the
# hard case for leaving work out.

# %%
STEPS, SENSORS, TOOLS, UNITS = 30, 6, 3, 24


def record(count: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Recordings ``[count, STEPS, SENSORS]``, and which tool each is of."""
    tools = rng.integers(0, TOOLS, count)
    period = rng.uniform(8, 30, (count, 1, SENSORS))
    phase = rng.uniform(0, 2 * np.pi, (count, 1, SENSORS))
    swing = 0.8 * np.sin(2 * np.pi * np.arange(STEPS)[:, None] / period + phase)
    shift = 0.15 * np.eye(SENSORS)[2 * tools] - 0.15 * np.eye(SENSORS)[2 * tools + 1]
    noise = rng.normal(0, 0.02, swing.shape)
    return (swing + shift[:, None] + noise).astype(np.float32), tools


train_x, train_y = record(160)
test_x, test_y = record(100)

# %% [markdown]
# ## Model
#
# This cell builds what `torch.onnx.export` would write for an `nn.LSTM` with `batch_first=True`, a
# mean over time and an `nn.Linear`. The LSTM has random weights and the linear layer is fitted by
# least squares, which needs no training framework. **You** leave this cell out and take your file.

# %%
lstm = {
    "W": rng.normal(0, 0.5, (1, 4 * UNITS, SENSORS)),
    "R": rng.normal(0, 0.2, (1, 4 * UNITS, UNITS)),
    "B": rng.normal(0, 0.2, (1, 8 * UNITS)),
}


def save_model(path: Path, linear: NDArray[np.floating]) -> None:
    """A model from ``x`` ``[batch, STEPS, SENSORS]`` to ``scores`` ``[batch, columns]``."""
    arrays = {**lstm, "linear": linear}
    constants = [numpy_helper.from_array(v.astype(np.float32), k) for k, v in arrays.items()]
    constants.append(numpy_helper.from_array(np.array([1]), "direction"))
    nodes = [
        helper.make_node("Transpose", ["x"], ["by_time"], perm=[1, 0, 2]),
        helper.make_node("LSTM", ["by_time", "W", "R", "B"], ["y"], "lstm", hidden_size=UNITS),
        helper.make_node("Squeeze", ["y", "direction"], ["h"]),
        helper.make_node("ReduceMean", ["h"], ["mean"], axes=[0], keepdims=0),
        helper.make_node("MatMul", ["mean", "linear"], ["scores"]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", STEPS, SENSORS])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", linear.shape[1]])
    graph = helper.make_graph(nodes, "drill", [x], [scores], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def run_float(path: Path, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """What ONNX Runtime computes, all in floating point."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(["scores"], {"x": x})[0])


save_model(folder / "untrained.onnx", np.eye(UNITS))
mean = run_float(folder / "untrained.onnx", train_x)
linear = np.linalg.solve(mean.T @ mean + 0.01 * np.eye(UNITS), mean.T @ np.eye(TOOLS)[train_y])
save_model(folder / "net.onnx", linear)

# %% [markdown]
# ## Where it starts: floating point, normal mode, exact delta
#
# Three runs on the test data. The first is ONNX Runtime in floating point. The second has the LSTM
# in 8-bit integers, on the accelerator's model, and multiplies everything. The third leaves out
# what has not changed at all.

# %%
network = refrain.load(folder / "net.onnx")
integers = refrain.quantize(network, train_x[:24]).save(folder / "net.refrain")


def accuracy(scores: NDArray[np.floating]) -> float:
    """Share of the test recordings whose tool has the largest score."""
    return float(np.mean(scores.argmax(axis=1) == test_y))


def measure(settings: refrain.Settings) -> tuple[float, float, NDArray[np.floating]]:
    """Accuracy, share of MACs left out, and scores, with these settings."""
    run = refrain.run(network, test_x, quantized=integers, config="tiny", settings=settings)
    return accuracy(run.real()), run.figures["macs_avoided_share"], run.real()


normal, _, normal_scores = measure(refrain.settings())
exact, exact_share, exact_scores = measure(refrain.settings(mode="delta"))
print(f"floating point:        accuracy {accuracy(run_float(folder / 'net.onnx', test_x)):.3f}")
print(f"integers, normal mode: accuracy {normal:.3f}")
print(f"exact delta:           accuracy {exact:.3f}, {exact_share:.0%} of the MACs left out")
print(f"exact delta gives the scores of normal mode: {bool((exact_scores == normal_scores).all())}")

# %% [markdown]
# What you see: exact delta costs nothing, and on noisy data it gains little.
#
# ## Thresholds by hand
#
# A threshold of 4 means: an 8-bit value that differs by 4 or less from the value that the sums
# account for is not multiplied. The difference is not forgotten. It is added as soon as it has
# grown beyond the threshold, so errors do not pile up. There is one threshold for the inputs `x`
# and one for the outputs `h` that come back; here both are the same.

# %%
thresholds = [0, 2, 4, 8, 16, 32, 64]
delta = refrain.settings(mode="delta")
points = [measure(delta.replace(x_threshold=t, h_threshold=t))[:2] for t in thresholds]
for each, (score, share) in zip(thresholds, points, strict=True):
    print(f"threshold {each:2}: accuracy {score:.3f}, {share:.0%} of the MACs left out")

# %% [markdown]
# ## Let `tune` choose
#
# `tune` tries pairs of thresholds on one half of the data that you give it, takes the pair that
# leaves out the most within your budget, and then measures it on the other half, which it has not
# seen. A budget says how much accuracy you can spare: `"0"` is none, `"0.02"` is two points,
# `"1se"` is one standard error, and `"exact"` wants every bit unchanged.

# %%
tuned = refrain.tune(
    network, train_x[60:], train_y[60:], metric="accuracy", budget="0.02", config="tiny", trials=16
)
tuned.save(folder / "settings.json")
print(f"within the budget on data that it has not seen: {tuned.within_budget}")
tuned_score, tuned_share = measure(tuned.settings)[:2]
print(f"tuned:                 accuracy {tuned_score:.3f}, {tuned_share:.0%} left out")

# %% [markdown]
# ## The picture
#
# Each point is a pair of thresholds. To the left there is less work. You want to be as far left as
# you can before the curve falls. The bar is one standard error of an accuracy on so few recordings:
# differences that are smaller mean nothing. With more test data it shrinks.

# %%
figure, axes = plt.subplots(figsize=(6, 3.5))
done = [1 - share for _, share in points]
error = np.sqrt(exact * (1 - exact) / len(test_y))
axes.errorbar(1.0, normal, error, marker="s", capsize=4, label="normal mode")
axes.plot(done, [score for score, _ in points], "o-", label="thresholds by hand")
for each, share, (score, _) in zip(thresholds, done, points, strict=True):
    axes.annotate(str(each), (share, score), (0, 6), textcoords="offset points")
axes.plot(1 - tuned_share, tuned_score, "*", markersize=14, label="tuned")
axes.set(xlabel="share of the MACs that are done", ylabel="accuracy", xlim=(0, 1.05))
axes.legend()
figure.tight_layout()
figure.savefig(folder / "accuracy.png")

# %% [markdown]
# ## Use it
#
# `settings.json` goes with the network: `refrain run net.onnx --input x.npy --settings
# settings.json` on the command line, `refrain.settings("settings.json")` in Python. The
# settings are words in the descriptor that the accelerator reads at the start of a run. The
# hardware stays the same, so you can tune again whenever your data change.
