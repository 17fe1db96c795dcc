"""Gates against the model: every family, level and width, on all pairs of operands."""

import tempfile

import numpy as np
import pytest
from amaranth.hdl import Cat, Module, Mux, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.multipliers.booth import Booth
from hw.multipliers.drum import Drum
from hw.multipliers.exact import BaughWooley, Exact
from hw.multipliers.masked import Cut, MaskedArray
from hw.multipliers.mitchell import Mitchell
from hw.multipliers.rounded import RoundedWeights
from hw.multipliers.switched import Switched
from hw.verilog import to_rtlil
from sim.explore.multipliers.netlist import run_yosys, to_netlists

COMPENSATED = tuple(Cut(columns=k, compensation="variable") for k in (1, 4, 7))
CONSTANT = Cut(columns=3, compensation="constant", constant=17)
MIXED = MaskedArray(
    cuts=(
        Cut(),
        Cut(rows=3, columns=5),
        Cut(perforated=(2, 3)),
        Cut(value_bits=3, weight_bits=1, columns=2),
        CONSTANT,
        *COMPENSATED,
    )
)


def of_width(width):
    """A multiplier of each family, for weights of ``width`` bits."""
    fewer = tuple(range(width, 1, -1))
    return [
        Exact(weight_width=width),
        Exact(weight_width=width, tree=True),
        BaughWooley(weight_width=width),
        BaughWooley(weight_width=width, tree=False),
        Booth(weight_width=width, dropped=tuple(range((width + 1) // 2))),
        MaskedArray(weight_width=width, cuts=tuple(Cut(columns=k) for k in range(8))),
        MaskedArray(weight_width=width, cuts=MIXED.cuts),
        RoundedWeights(weight_width=width, bits=fewer),
        RoundedWeights(weight_width=width, bits=fewer, method="centre", tree=True),
        Drum(weight_width=width, segment=3),
        Mitchell(weight_width=width),
        Mitchell(weight_width=width, corrected=True),
        Switched(inner=Drum(weight_width=width)),
        Switched(inner=Mitchell(weight_width=width, corrected=True)),
        Switched(inner=Booth(weight_width=width, dropped=(1,))),
    ]


SLOW_WIDTHS = [pytest.param(width, marks=pytest.mark.slow) for width in (7, 6)]


@pytest.mark.parametrize("width", [8, *SLOW_WIDTHS, 5, 4])
def test_gates_equal_the_model_on_all_pairs(width, gates_equal_model):
    gates_equal_model([(multiplier, 9) for multiplier in of_width(width)])


def test_gates_equal_the_model_for_shorter_values(gates_equal_model):
    gates_equal_model([(one, 5) for width in (4, 8) for one in of_width(width)])


def linear(width):
    """Of ``of_width`` those whose products are linear in the value."""
    return [
        one
        for one in of_width(width)
        if all(
            one.effective_weight(np.ones(1, np.int8), k) is not None for k in range(len(one.levels))
        )
    ]


def test_linear_families_take_differences_of_17_bits(patterns_of, numbers_of):
    cases = [one for width in (8, 4) for one in linear(width)]
    assert {one.family for one in cases} == {
        "exact",
        "baugh-wooley",
        "booth",
        "rounded",
        "switched",
    }
    netlists = to_netlists({f"case_{k}": one.component(17) for k, one in enumerate(cases)})
    rng = np.random.default_rng(0)
    values = rng.integers(-(2**16) + 1, 2**16, 20000) >> rng.integers(0, 17, 20000)
    values[:2] = -(2**16) + 1, 2**16 - 1
    for netlist, one in zip(netlists.values(), cases, strict=True):
        one.check_values(17)
        weights = rng.integers(-one.weight_limit, one.weight_limit + 1, len(values))
        given = {"operand": patterns_of(one, 17, values), "weight": one.encode(weights)}
        for level in range(len(one.levels)):
            found = netlist.simulate({**given, "level": np.full(len(values), level)})["product"]
            wanted = one.compute(values, weights, level)
            assert np.array_equal(numbers_of(one, 17, found), wanted), (one, level)


def test_other_families_refuse_differences_of_17_bits():
    others = [one for one in of_width(8) if one not in linear(8)]
    assert len(others) > 4
    for one in others:
        one.check_values(9)
        with pytest.raises(ValueError, match=r"takes values of at most 9 bits; choose exact"):
            one.check_values(17)


def test_longer_segments_equal_the_model(gates_equal_model):
    gates_equal_model([(Drum(segment=segment), 9) for segment in (5, 6, 7, 8)])


class Proof(wiring.Component):
    """Compares level 0 with the product operator.

    Members
    -------
    value, weight : In
        Operands.
    ok : Out
        The product is exact, or an operand has no pattern.
    """

    def __init__(self, multiplier):
        self.multiplier = multiplier
        width = multiplier.weight_width
        super().__init__({"value": In(signed(9)), "weight": In(signed(width)), "ok": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.product = product = self.multiplier.component(9)
        m.d.comb += product.operand.as_value().eq(self.multiplier.operand(self.value))
        wanted = self.value * self.weight
        if "value" in self.multiplier.product_layout(9).members:
            m.d.comb += product.weight.eq(self.weight)
            m.d.comb += self.ok.eq(product.product.value == wanted)
            return m
        sign = self.weight[-1]
        magnitude = Mux(sign, -self.weight, self.weight)[: len(self.weight) - 1]
        m.d.comb += product.weight.eq(Cat(magnitude, sign))
        found = product.product.magnitude
        without = (self.value == -256) | (self.weight == -(1 << len(self.weight) - 1))
        equal = Mux(product.product.sign, -found, found) == wanted
        m.d.comb += self.ok.eq(without | equal)
        return m


def prove(multipliers, parts=None):
    """Let Yosys' solver look for operands that level 0 multiplies wrongly."""
    files, lines = {}, []
    for number, multiplier in enumerate(multipliers):
        files[f"proof_{number}.il"] = to_rtlil(Proof(multiplier), f"proof_{number}")
        lines.append(f"read_rtlil proof_{number}.il")
    lines += ["attrmap -modattr -remove top", "proc", "flatten", "opt_clean", "techmap", "opt"]
    for number in range(len(multipliers)):
        for part in parts or [""]:
            lines.append(f"sat -verify -prove ok 1 {part} proof_{number}")
    with tempfile.TemporaryDirectory() as folder:
        run_yosys(files, "; ".join(lines), folder)


def exact_ones(width):
    """Multipliers whose level 0 is exact, written out as gates."""
    exact = [one for one in of_width(width) if one.behaviour(0).exact]
    return [one for one in exact if one != Exact(weight_width=width)]


def test_level_0_is_proved_exact_for_short_weights():
    multipliers = exact_ones(4)
    assert len(multipliers) == 11
    # One of each kind; the slow test takes them all.
    prove(multipliers[::3])


@pytest.mark.slow
@pytest.mark.parametrize("number", range(11))
def test_level_0_is_proved_exact(number):
    # A case for each upper half of the weight: much faster than all at once.
    parts = [f"-set weight[7:4] 4'd{upper}" for upper in range(16)]
    prove([exact_ones(8)[number]], parts)


def test_a_wrong_level_0_is_refuted():
    with pytest.raises(Exception, match="proof did fail"):
        prove([MaskedArray(weight_width=4, cuts=(Cut(columns=1),))])


def test_component_and_expression_are_the_same_gates():
    multiplier = MaskedArray(cuts=(Cut(), Cut(columns=5)))

    class Plain(wiring.Component):
        operand: In(multiplier.operand_layout(9))
        weight: In(8)
        level: In(1)
        product: Out(multiplier.product_layout(9))

        def elaborate(self, platform):
            m = Module()
            product = multiplier.product(self.operand, self.weight, self.level)
            m.d.comb += self.product.as_value().eq(product)
            return m

    netlists = to_netlists({"plain": Plain(), "named": multiplier.component(9)})
    rng = np.random.default_rng(0)
    given = {"operand": rng.integers(0, 512, 4000), "weight": rng.integers(0, 256, 4000)}
    for level in range(2):
        given["level"] = np.full(4000, level)
        found = [netlist.simulate(given)["product"] for netlist in netlists.values()]
        assert (found[0] == found[1]).all()
