"""Refrain from Python: what the command ``refrain`` does, on arrays.

>>> import refrain
>>> network = refrain.load("net.onnx")
>>> done = refrain.run(network, x, mode="delta")
>>> done.outputs, done.figures["macs_avoided_share"]

This package is installed under the name ``refrain``. It gives names to what the rooms of ``sim``
do, and holds no logic. Errors that a user can mend are :class:`RefrainError`, one sentence each.
"""

from hw.config import CONFIGS, Config
from hw.errors import UserError as RefrainError
from refrain.bench import Driver, Image, Memory, compile_image, simulator
from refrain.choosing import advise, compare
from refrain.hardware import boards, build, config, export_verilog, flash, package, silicon
from refrain.images import compile
from refrain.measure import multiplier, multipliers, report, sweep, workload, workloads
from refrain.networks import Network, Quantized, inspect, load, quantize
from refrain.pruned import Pruned, prune
from refrain.runs import Outcome, run, simulate
from refrain.settings import Settings, settings
from refrain.tuning import Tuned, tune

__all__ = [
    "CONFIGS",
    "Config",
    "Driver",
    "Image",
    "Memory",
    "Network",
    "Outcome",
    "Pruned",
    "Quantized",
    "RefrainError",
    "Settings",
    "Tuned",
    "advise",
    "boards",
    "build",
    "compare",
    "compile",
    "compile_image",
    "config",
    "export_verilog",
    "flash",
    "inspect",
    "load",
    "multiplier",
    "multipliers",
    "package",
    "prune",
    "quantize",
    "report",
    "run",
    "settings",
    "silicon",
    "simulate",
    "simulator",
    "sweep",
    "tune",
    "workload",
    "workloads",
]
