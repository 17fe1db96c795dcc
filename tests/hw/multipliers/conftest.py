"""All operand pairs of a multiplier, through its gates."""

import numpy as np
import pytest

from hw.multipliers.forms import SignMagnitude
from hw.multipliers.switched import Switched
from sim.explore.multipliers.netlist import to_netlists


def is_sign_magnitude(multiplier):
    """Whether operands reach the lanes as sign and magnitude."""
    inner = multiplier.inner if isinstance(multiplier, Switched) else multiplier
    return isinstance(inner, SignMagnitude)


def all_pairs(multiplier, value_width):
    """Every value and weight that both have a pattern, as two columns."""
    if is_sign_magnitude(multiplier):
        limit, least = multiplier.weight_limit, -(2 ** (value_width - 1)) + 1
        weights = np.arange(-limit, limit + 1)
    else:
        limit, least = multiplier.weight_limit, -(2 ** (value_width - 1))
        weights = np.arange(-limit - 1, limit + 1)
    values = np.arange(least, 2 ** (value_width - 1))
    pairs = np.meshgrid(values, weights, indexing="ij")
    return pairs[0].ravel(), pairs[1].ravel()


def patterns(multiplier, value_width, values):
    """Operands' bit patterns, by the definition of their form."""
    if is_sign_magnitude(multiplier):
        return np.abs(values) | (values < 0).astype(np.int64) << value_width - 1
    return values & (1 << value_width) - 1


def numbers(multiplier, value_width, found):
    """Signed products of what the gates give."""
    size = multiplier.product_layout(value_width).size
    if is_sign_magnitude(multiplier):
        magnitude = found & (1 << size - 1) - 1
        return np.where(found >> size - 1, -magnitude, magnitude)
    return (found ^ 1 << size - 1) - (1 << size - 1)


def check_all_pairs(cases, verilog=None):
    """Compare the gates of ``(multiplier, value width)`` cases with the model, on every pair."""
    parts = {f"case_{k}": one.component(width) for k, (one, width) in enumerate(cases)}
    netlists = to_netlists(parts, verilog=verilog)
    for netlist, (multiplier, width) in zip(netlists.values(), cases, strict=True):
        values, weights = all_pairs(multiplier, width)
        given = {
            "operand": patterns(multiplier, width, values),
            "weight": multiplier.encode(weights),
        }
        for level, name in enumerate(multiplier.levels):
            found = netlist.simulate({**given, "level": np.full(len(values), level)})["product"]
            wanted = multiplier.compute(values, weights, level)
            wrong = np.flatnonzero(numbers(multiplier, width, found) != wanted)
            assert not len(wrong), (
                f"{multiplier} level {level} ({name}), {width} bits: {len(wrong)} wrong, first "
                f"{values[wrong[0]]} x {weights[wrong[0]]}"
            )
            events = values > -(2 ** (width - 1))
            assert np.abs(wanted[events]).max() <= multiplier.product_limit(width)


@pytest.fixture(scope="session")
def gates_equal_model():
    """The comparison."""
    return check_all_pairs


@pytest.fixture(scope="session")
def patterns_of():
    """Operands' bit patterns."""
    return patterns


@pytest.fixture(scope="session")
def numbers_of():
    """Signed products."""
    return numbers
