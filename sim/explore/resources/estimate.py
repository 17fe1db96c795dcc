"""Cells of a machine in seconds, without synthesis."""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from hw.accelerator import Accelerator
from hw.config import Config
from sim.explore.resources.model import Fitted, features, fit
from sim.explore.resources.structure import blocks_of

__all__ = ["COUNTED", "estimated_cells", "fitted_model", "read_counts"]

COUNTED = Path(__file__).parent / "counted.json"
"""What Yosys counted, and what of it the model is fitted to."""


def read_counts(path: Path = COUNTED) -> list[dict]:
    """Machines that were counted: ``name``, ``family``, ``config``, ``fitted``, ``cells``,
    ``gates``, and by block their ``features`` and the ``lut`` and ``ff`` that are counted where it
    is fitted to.
    """
    return json.loads(path.read_text())["machines"]


@lru_cache
def fitted_model(family: str) -> Fitted:
    """The model of the machines that were counted in a family."""
    return model_of(read_counts(), family)


def model_of(machines: list[Mapping], family: str) -> Fitted:
    """The model of those machines of a family that it is fitted to."""
    own = [each for each in machines if each["family"] == family]
    return fit([each["blocks"] for each in own if each["fitted"]])


def estimated_cells(config: Config, family: str = "xc7") -> dict[str, float]:
    """Cells of a part of a family that a machine takes, estimated in a second.

    ``docs/sweeps.md`` says how far they are from what Yosys counts.

    Returns
    -------
    dict
        ``lut``, ``ff``, ``dsp`` and ``bram``, as ``machine_cells`` counts them.
    """
    # Neither changes a gate.
    return dict(_estimated(replace(config, name="machine", clock_mhz=100.0), family))


@lru_cache(maxsize=256)
def _estimated(config: Config, family: str) -> dict[str, float]:
    blocks = blocks_of(Accelerator(config))
    return fitted_model(family).cells(features(block, family) for block in blocks.values())
