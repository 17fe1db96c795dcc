"""The commands by name: what the help says of each, and the module that is loaded to run it."""

from dataclasses import dataclass

__all__ = ["COMMANDS", "Entry"]

_NETWORKS = "Networks"
_HARDWARE = "Hardware"
_EVIDENCE = "Evidence"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One command.

    Members
    -------
    help : str
        The first sentence of its documentation, for the list of commands.
    panel : str
        The part of that list that it stands in.
    module, attribute : str
        Where its function is, or the ``Typer`` of a command with commands of its own.
    example : str
        A command line that does what most people want of it.
    """

    help: str
    panel: str
    module: str
    attribute: str
    example: str


COMMANDS = {
    "run": Entry(
        help="Run a network: on the model, in RTL, or on a board.",
        panel=_NETWORKS,
        module="sim.cli.run",
        attribute="run",
        example="refrain run net.tflite --input x.npy --mode delta",
    ),
    "inspect": Entry(
        help="Say what is in a file, what of it runs where, and what not.",
        panel=_NETWORKS,
        module="sim.cli.inspect",
        attribute="inspect",
        example="refrain inspect net.onnx",
    ),
    "quantize": Entry(
        help="Quantise LSTM layers into one .tflite or .refrain file.",
        panel=_NETWORKS,
        module="sim.cli.quantize",
        attribute="quantize",
        example="refrain quantize net.onnx --calibration x.npy --output net.tflite",
    ),
    "prune": Entry(
        help="Prune LSTM layers in groups, and say what that loses.",
        panel=_NETWORKS,
        module="sim.cli.prune",
        attribute="prune",
        example="refrain prune net.onnx --data x.npy --keep 0.5 -o pruned.onnx",
    ),
    "compile": Entry(
        help="Write all that a host needs to run a network without Python.",
        panel=_NETWORKS,
        module="sim.cli.compile",
        attribute="compile_network",
        example="refrain compile net.tflite --config tiny -o build/net",
    ),
    "tune": Entry(
        help="Find the settings that save the most within a budget.",
        panel=_NETWORKS,
        module="sim.cli.tune",
        attribute="tune_network",
        example="refrain tune net.tflite --data x.npy --metric sqnr --budget 30dB",
    ),
    "sweep": Entry(
        help="Measure many machines, precisions and settings.",
        panel=_NETWORKS,
        module="sim.cli.sweep",
        attribute="sweep",
        example="refrain sweep plan.toml -o build/sweep",
    ),
    "advise": Entry(
        help="Recommend a machine for a network and a part.",
        panel=_NETWORKS,
        module="sim.cli.advise",
        attribute="advise",
        example="refrain advise net.onnx --data x.npy --part xc7z020",
    ),
    "report": Entry(
        help="Make one page of a sweep or of a run, with charts and tables.",
        panel=_NETWORKS,
        module="sim.cli.report",
        attribute="report",
        example="refrain report build/sweep -o report.html",
    ),
    "demo": Entry(
        help="Run a speech detector on a labelled conversation.",
        panel=_NETWORKS,
        module="sim.cli.demo",
        attribute="demo",
        example="refrain demo --output build/demo",
    ),
    "configs": Entry(
        help="List the configurations, or print one as a file.",
        panel=_HARDWARE,
        module="sim.cli.configs",
        attribute="configs",
        example="refrain configs --show edge",
    ),
    "verilog": Entry(
        help="Write a configuration as plain Verilog with AXI ports.",
        panel=_HARDWARE,
        module="sim.cli.verilog",
        attribute="verilog",
        example="refrain verilog edge --output build/edge",
    ),
    "package": Entry(
        help="Write a configuration as an IP package that needs no Python.",
        panel=_HARDWARE,
        module="sim.cli.package",
        attribute="package",
        example="refrain package edge --output build/refrain_edge",
    ),
    "silicon": Entry(
        help="Map a machine to a chip's cells and memories, and measure it.",
        panel=_HARDWARE,
        module="sim.cli.silicon",
        attribute="silicon",
        example="refrain silicon tiny --liberty cells.lib --memories sram",
    ),
    "multipliers": Entry(
        help="List the multipliers that have a name, or measure them all.",
        panel=_HARDWARE,
        module="sim.cli.multipliers",
        attribute="multipliers",
        example="refrain multipliers",
    ),
    "multiplier": Entry(
        help="Say what a multiplier's errors are like, and what it costs.",
        panel=_HARDWARE,
        module="sim.cli.multipliers",
        attribute="multiplier",
        example="refrain multiplier truncated:4,6 --cells",
    ),
    "boards": Entry(
        help="List the boards.",
        panel=_HARDWARE,
        module="sim.cli.boards",
        attribute="boards",
        example="refrain boards",
    ),
    "build": Entry(
        help="Build a board's bitstream, or all that its tools need.",
        panel=_HARDWARE,
        module="sim.cli.boards",
        attribute="build",
        example="refrain build arty-z7-20 --plan-only --output build/arty-z7-20",
    ),
    "flash": Entry(
        help="Load a board's bitstream into it, over its cable.",
        panel=_HARDWARE,
        module="sim.cli.boards",
        attribute="flash",
        example="refrain flash ulx3s-85f",
    ),
    "bench": Entry(
        help="Measure the simulated hardware, and the model's speed.",
        panel=_EVIDENCE,
        module="sim.cli.bench",
        attribute="bench",
        example="refrain bench --synth --json cells.json",
    ),
    "compare": Entry(
        help="Set machines beside what others have published.",
        panel=_EVIDENCE,
        module="sim.cli.compare",
        attribute="compare",
        example="refrain compare chip energy.json",
    ),
    "workload": Entry(
        help="Measure real networks on real data.",
        panel=_EVIDENCE,
        module="sim.cli.workloads",
        attribute="workload",
        example="refrain workload run digits",
    ),
}
