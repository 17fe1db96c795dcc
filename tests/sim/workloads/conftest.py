import numpy as np
import pytest

from sim.workloads.workload import pad


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """An empty cache: nothing of the user's is read or changed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "refrain"


@pytest.fixture
def rising():
    """A split of 40 sequences, 3 to 6 steps: class 1 where the first feature has a positive sum."""
    rng = np.random.default_rng(4)
    sequences = [rng.normal(size=(3 + number % 4, 2)) for number in range(40)]
    labels = np.array([int(sequence[:, 0].sum() > 0) for sequence in sequences])
    return pad(sequences, labels)
