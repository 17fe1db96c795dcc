"""What tests of several rooms use."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread


def _run_pieces(backend, network, x, ends, **options):
    """Results of runs of the steps up to each of ``ends``, each going on from the one before."""
    starts = [0, *ends[:-1]]
    return [
        backend.run(network, x[:, start:end], resume=start > 0, **options)
        for start, end in zip(starts, ends, strict=True)
    ]


@pytest.fixture(scope="session")
def run_pieces():
    """Runs sequences in pieces that go on from each other."""
    return _run_pieces


@pytest.fixture(scope="session")
def digits():
    """Images of TFLite-Micro's own example, one of each digit: [10, 28, 28], 0 to 1."""
    folder = Path(__file__).parents[1] / "data" / "mnist_lstm"
    return np.stack([imread(folder / f"sample{digit}.png") for digit in range(10)])
