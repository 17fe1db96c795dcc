# %% [markdown]
# # Which multiplier?
#
# Most of the energy of an LSTM accelerator goes into its multipliers, and a neural network forgives
# small errors. So the accelerator can be built with multipliers that leave out a part of their
# gates when told to. This notebook shows which families of them there are, how large their errors
# are, what a network makes of these errors, and why delta mode needs special care.
#
# It is for those who choose the hardware. If you take the accelerator as it is, its multiplier is
# exact, and you can skip this page.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import refrain
from numpy.typing import NDArray
from safetensors.numpy import save_file

folder = Path("which_multiplier")
folder.mkdir(exist_ok=True)
rng = np.random.default_rng(5)

# %% [markdown]
# ## The families
#
# Each family has levels, and a run chooses one of them: the choice is a field of the run's
# descriptor, so one chip has them all. Level 0 is exact. You choose the levels when you generate
# the hardware: `truncated:4,6` has an exact level, one without the lowest 4 columns of partial
# products, and one without the lowest 6.

# %%
for row in refrain.multipliers():
    print(f"{row['name']:18} {row['summary']}")

# %% [markdown]
# ## Their errors
#
# `refrain.multiplier` multiplies all pairs of operands. Three columns matter:
#
# - *mean*: the mean size of an error. An exact product reaches about 32,000.
# - *worst*: the largest error of any product.
# - *SNR*: signal-to-noise ratio of a sum of 256 products, in dB. Integers of 8 bits have about 40
#   dB themselves, so a level that has much more is as good as exact.

# %%
CANDIDATES = ["truncated:4,6", "compensated:4,6", "constant:6,64", "perforated", "rounded:6,4"]
reports = {name: refrain.multiplier(name)[1:] for name in CANDIDATES}
print("multiplier       level                          mean  worst  SNR")
for name, levels in reports.items():
    for row in levels:
        print(
            f"{name:16} {row['name']:27} {row['mae']:6.1f} {row['worst']:6}"
            f"  {row['snr_db_uniform']:.0f} dB"
        )

# %% [markdown]
# ## What a network makes of them
#
# Errors of products are not errors of a network: its weights and values are not spread evenly, and
# sums average errors out. So try **your** network. Here it is an LSTM with random weights on slowly
# swinging inputs. In mode `reduced`, every column is multiplied, at the level that you name.

# %%
STEPS, INPUTS, UNITS = 160, 6, 24
shapes: dict[str, tuple[int, ...]] = {
    "weight_ih_l0": (4 * UNITS, INPUTS),
    "weight_hh_l0": (4 * UNITS, UNITS),
}
shapes |= {"bias_ih_l0": (4 * UNITS,), "bias_hh_l0": (4 * UNITS,)}
spread = {"weight_ih_l0": 0.5, "weight_hh_l0": 0.2, "bias_ih_l0": 0.2, "bias_hh_l0": 0.0}
weights = {name: rng.normal(0, spread[name], s).astype(np.float32) for name, s in shapes.items()}
save_file(weights, folder / "net.safetensors")

time = np.arange(STEPS)[None, :, None]
phase = rng.uniform(0, 2 * np.pi, (16, 1, INPUTS))
x = np.sin(2 * np.pi * time / rng.uniform(20, 60, (16, 1, INPUTS)) + phase).astype(np.float32)
integers = refrain.quantize(folder / "net.safetensors", x).save(folder / "net.tflite")

exact = refrain.run(integers, x, config="tiny").real()


def decibels(h: NDArray[np.float64]) -> float:
    """Power of the exact outputs over that of the difference, in dB."""
    return float(10 * np.log10(np.mean(exact**2) / np.mean((h - exact) ** 2)))


results = {}
for name, levels in reports.items():
    machine = refrain.config("tiny", multiplier=name)
    for row in levels:
        run = refrain.run(integers, x, config=machine, mode="reduced", level=row["level"])
        results[f"{name}, {row['name']}"] = row["snr_db_uniform"], decibels(run.real())
for label, (products, network) in results.items():
    print(f"{label:45} products {products:3.0f} dB, network {network:3.0f} dB")

figure, axes = plt.subplots(figsize=(7, 3.5))
places = np.arange(len(results))
axes.barh(places + 0.2, [pair[0] for pair in results.values()], 0.4, label="sums of products")
axes.barh(places - 0.2, [pair[1] for pair in results.values()], 0.4, label="outputs of the network")
axes.set_yticks(places, list(results), fontsize=7)
axes.set_xlabel("signal-to-noise ratio against exact products, dB")
axes.legend(fontsize=7)
figure.tight_layout()
figure.savefig(folder / "levels.png")

# %% [markdown]
# What you see: the same order, but not the same distances. A level whose bar for the network is
# longer than 40 dB disappears behind the rounding of 8 bits. Below 20 dB, look at the accuracy.
#
# ## Delta mode: errors gather
#
# In delta mode the accelerator never computes its sums anew. It adds what has changed, and with it
# the error of each product. A sum that is built up in a hundred small steps holds a hundred errors.
# Whether that is safe depends on the level, and Refrain knows which is which:

# %%
for name, levels in reports.items():
    for row in levels:
        print(f"{name}, {row['name']}: {row['in_delta']}")

# %% [markdown]
# Only *linear* levels are safe for ever: there, the error of a + b is the error of a plus that of
# b, so an input that returns to its old value takes its error back with it. Levels whose errors
# cancel on average are allowed when a normal step clears the sums now and then. The rest is
# refused, in one sentence:

# %%
constant = refrain.config("tiny", multiplier="constant:6,64")
truncated = refrain.config("tiny", multiplier="truncated:4,6")
for machine, level in ((constant, 1), (truncated, 2)):
    try:
        refrain.run(integers, x, config=machine, mode="delta", level=level)
    except refrain.RefrainError as error:
        print(f"refused: {error}")

# %% [markdown]
# The sentence says how to do it all the same. Do it once, to see what you would have shipped: the
# error of each step, with the unsafe level, with a level that a normal step clears every 32 steps,
# and with the linear level `rounded`.

# %%
runs = {
    "constant, never cleared": refrain.run(
        integers, x, config=constant, mode="delta", level=1, unsafe_level="columns < 6, plus 64"
    ),
    "truncated, never cleared": refrain.run(
        integers, x, config=truncated, mode="delta", level=2, unsafe_level="columns < 6"
    ),
    "truncated, cleared every 32 steps": refrain.run(
        integers, x, config=truncated, mode="delta", level=2, normal_every=32
    ),
    "rounded to 6 bits, never cleared": refrain.run(
        integers, x, config=refrain.config("tiny", multiplier="rounded:6,4"), mode="delta", level=1
    ),
}
figure, axes = plt.subplots(figsize=(7, 3.5))
for label, run in runs.items():
    rms = np.sqrt(np.mean((run.real() - exact) ** 2, axis=(0, 2)))
    early, late = rms[:32].mean(), rms[-32:].mean()
    print(f"{label:34} first 32 steps {early:.4f}, last 32 steps {late:.4f}")
    axes.semilogy(np.maximum(rms, 1e-4), label=label)
axes.set(xlabel="step", ylabel="error of the outputs (RMS)")
axes.legend(fontsize=7)
figure.tight_layout()
figure.savefig(folder / "delta.png")

# %% [markdown]
# What you see: where nothing clears the sums, the errors of the first two lines more than double in
# 160 steps, and a test of a few steps would not have told you. A normal step clears them, and the
# linear level stays where it is for ever.
#
# ## What it saves
#
# The command `refrain multiplier truncated:4,6 --cells` counts FPGA cells, and `--liberty FILE`
# measures the energy in your own standard cells. The page *Every multiplier, measured* has both
# for all families, with the accuracy of real networks beside them. With a `.npy` table or a Verilog
# module in the place of the name, all of this works for a multiplier that you bring yourself.
