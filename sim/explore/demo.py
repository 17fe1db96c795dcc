"""The demonstration: a speech detector on a labelled conversation, in float, integers and RTL."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from hw.config import Config
from sim.explore.bench import LATENCY
from sim.explore.export import write_verilog
from sim.explore.files import write_whole
from sim.explore.picture import speech_picture
from sim.explore.running import LstmNodes, make_backend, quantize_nodes
from sim.networks.onnx_runner import OnnxModel
from sim.networks.quantizer import sqnr
from sim.workloads import silero
from sim.workloads.scores import accuracy, roc_auc

__all__ = ["Demo", "run_demo"]

_CALIBRATION = 0.5
"""Share of the recording, from its start, that the quantiser sees."""

_OUTPUT = "speech_probs"


@dataclass(frozen=True, kw_only=True)
class Demo:
    """What the demonstration found.

    Members
    -------
    figures : dict
        Ready for JSON.
    files : list of Path
        What was written.
    """

    figures: dict
    files: list[Path]

    @property
    def bits_agree(self) -> bool:
        """Whether the RTL's hidden states are the integer model's."""
        return self.figures["bits_that_differ"] == 0


def run_demo(
    config: Config,
    folder: Path,
    say: Callable[[str], None],
    progress: Callable[[int, int], None],
) -> Demo:
    """Run everything, and write the Verilog, the picture and the figures into ``folder``.

    Parameters
    ----------
    config : Config
        The accelerator.
    folder : Path
        Made where it does not exist.
    say : function of str
        Told what happens next.
    progress : function of (int, int)
        Told how far the simulation is.

    Raises
    ------
    PackageError, ToolError
        The data cannot be fetched; a tool is missing.
    """
    say("fetching the network and the recording")
    path, samples, turns = silero.load()
    inputs = silero.inputs(samples)
    labels = silero.chunk_labels(turns, len(inputs["input"]))

    say("running in floating point and quantising")
    probabilities = {"float": _run_float(path, inputs)}
    model = OnnxModel(path)
    seen = {**inputs, "input": inputs["input"][: int(len(labels) * _CALIBRATION)]}
    networks = quantize_nodes(model, seen)

    say("running in integers")
    nodes = LstmNodes(networks, make_backend("model", config, LATENCY))
    probabilities["integer"] = model.run(inputs, nodes)[_OUTPUT]

    hardware = make_backend("rtl", config, LATENCY, say, progress)
    simulated = LstmNodes(networks, hardware)
    probabilities["rtl"] = model.run(inputs, simulated)[_OUTPUT]

    say("writing the Verilog and the picture")
    picture = folder / "speech.png"
    write_whole(picture, speech_picture(samples, labels, probabilities))
    figures = {
        **_bits(nodes, simulated),
        "scores": _scores(probabilities, labels),
        "sqnr_db": sqnr(probabilities["float"], probabilities["integer"]),
        "rtl": _speed(simulated.report(), config),
    }
    report = folder / "demo.json"
    write_whole(report, (json.dumps(figures, indent=2) + "\n").encode())
    return Demo(figures=figures, files=[*write_verilog(config, folder), picture, report])


def _run_float(path: Path, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """Speech probabilities by ONNX Runtime alone."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run([_OUTPUT], inputs)[0]


def _bits(nodes: LstmNodes, simulated: LstmNodes) -> dict[str, int]:
    """How many bits of the hidden states were compared, and how many differ."""
    compared = differ = 0
    for name, result in nodes.results.items():
        wrong = result.h.view(np.uint8) ^ simulated.results[name].h.view(np.uint8)
        compared += 8 * wrong.size
        differ += int(np.unpackbits(wrong).sum())
    return {"bits_compared": compared, "bits_that_differ": differ}


def _scores(probabilities: dict[str, np.ndarray], labels: np.ndarray) -> list[dict]:
    return [
        {
            "run": name,
            "roc_auc": roc_auc(probability, labels),
            "accuracy": accuracy(probability, labels),
        }
        for name, probability in probabilities.items()
    ]


def _speed(report: dict, config: Config) -> dict:
    """The report, and how often the accelerator could have listened to the recording meanwhile."""
    busy = report["cycles"] / (config.clock_mhz * 1e6)
    return {**report, "times_real_time": report["steps"] * silero.CHUNK_SECONDS / busy}
