"""Exact and broken arrays against ariths-gen's.

Its broken carry-save multiplier is wrong from a vertical cut of n - 1 on, so the array is used.
"""

import numpy as np
import pytest

from hw.multipliers.exact import BaughWooley, Exact
from hw.multipliers.masked import Cut, MaskedArray

approximate = pytest.importorskip("ariths_gen.multi_bit_circuits.approximate_multipliers")
exact = pytest.importorskip("ariths_gen.multi_bit_circuits.multipliers")
buses = pytest.importorskip("ariths_gen.wire_components.buses")

UNSIGNED = np.arange(128)


def theirs(kind, width, values, **cuts):
    """All products of a circuit of theirs."""
    circuit = kind(a=buses.Bus("a", width), b=buses.Bus("b", width), name="peer", **cuts)
    one, other = np.meshgrid(values, values, indexing="ij")
    return np.asarray(circuit(one.ravel(), other.ravel())).reshape(len(values), -1)


@pytest.mark.parametrize("name", ["SignedArrayMultiplier", "SignedDaddaMultiplier"])
def test_exact_products_equal_theirs(name):
    values = np.arange(-128, 128)
    peer = theirs(getattr(exact, name), 8, values)
    assert (BaughWooley().compute(values[:, None], values) == peer).all()
    inside = values[1:]
    assert (Exact().compute(inside[:, None], inside) == peer[1:, 1:]).all()


@pytest.mark.parametrize("horizontal, vertical", [(0, 3), (1, 5), (2, 6), (3, 9), (0, 8)])
def test_broken_arrays_equal_theirs(horizontal, vertical):
    peer = theirs(
        approximate.UnsignedBrokenArrayMultiplier,
        7,
        UNSIGNED,
        horizontal_cut=horizontal,
        vertical_cut=vertical,
    )
    array = MaskedArray(cuts=(Cut(rows=horizontal, columns=vertical),))
    assert (array.compute(UNSIGNED[:, None], UNSIGNED) == peer).all()
