"""Energy of a run, and coefficients that are fitted, by hand."""

import numpy as np
import pytest

from hw.config import CONFIGS
from sim.explore.energy.coefficients import Coefficients
from sim.explore.energy.counting import Counting
from sim.explore.energy.dram import find_dram
from sim.explore.energy.estimating import by_mode, energy_of, total, with_cycles
from sim.explore.energy.figures import energy_figures
from sim.explore.energy.fitting import CAUSES, Sample, errors_of, fit_work
from sim.explore.running import run_integer
from sim.explore.silicon.parts import PARTS
from sim.image.modes import LayerModes
from sim.model.backend import ModelBackend
from sim.model.random_network import random_codes, random_network
from sim.model.work import WORK
from sim.networks.network import NetworkError

NOTHING = dict.fromkeys(WORK, 0.0)
MADE = Coefficients(
    config={},
    work={"lanes": {"gates": {"operation": 2.0, "cycle": 0.25}}, "bus": {"memory": {"run": 7.0}}},
    idle={"lanes": {"clock": 0.5}, "bus": {}},
    leakage={"lanes": 3e-6, "bus": 0.0},
    clock_mhz=100.0,
    origin={"library": "small", "volts": 1.2, "mapped_for_mhz": 100.0},
    errors={"tested": [{"error_percent": -3.0}, {"error_percent": 2.0}]},
)


def test_energy_is_work_times_coefficients_and_leakage_times_time():
    found = energy_of(MADE, NOTHING | {"operation": 10, "cycle": 40, "run": 1})
    # 40 cycles at 100 MHz are 0.4 us; 3 uW take 1.2 pJ in them.
    assert found == {
        "lanes": {"clock": 20.0, "gates": 30.0, "leakage": pytest.approx(1.2)},
        "bus": {"memory": 7.0, "leakage": 0.0},
    }
    assert total(found) == pytest.approx(58.2)
    slow = energy_of(MADE, NOTHING | {"cycle": 40}, clock_mhz=10.0)
    assert slow["lanes"]["leakage"] == pytest.approx(12.0)


def test_waiting_cycles_are_spread_over_steps():
    rows = {
        "load": NOTHING,
        "normal": NOTHING | {"step": 1, "operation": 30},
        "delta": NOTHING | {"step": 3, "operation": 10},
    }
    found = with_cycles(rows, cycles=100, load_cycles=20)
    assert [row["cycle"] for row in found.values()] == [20, 40, 40]


def _run(modes, backend=None):
    network = random_network([3, 8], seed=5)
    x = random_codes(network, 1, 6, seed=6)
    x[:, 2:, 0] = x[:, 1:2, 0]
    backend = backend or Counting(ModelBackend(CONFIGS["tiny"]))
    return run_integer(network, x, backend, modes).figures


def test_a_run_is_told_by_mode_and_adds_up():
    figures = _run(LayerModes(mode="delta"))
    energy = energy_figures(figures, MADE)
    assert set(energy["modes"]) == {"load", "normal", "delta"}
    assert sum(row["cycles"] for row in energy["modes"].values()) == figures["cycles"]
    assert sum(row["pj"] for row in energy["modes"].values()) == pytest.approx(energy["core_pj"])
    operations = figures["macs_done"] / 8
    # `tiny` leaks at its own 50 MHz: 0.06 pJ a cycle.
    expected = 2 * operations + 0.75 * figures["cycles"] + 7 + 0.06 * figures["cycles"]
    assert energy["core_pj"] == pytest.approx(expected)
    assert energy["core_pj_per_product"] == pytest.approx(expected / figures["macs_done"])
    moved = figures["dram_read_bytes"] + figures["dram_write_bytes"]
    assert energy["dram"]["pj"] == 64 * moved and "8 pJ a bit" in energy["dram"]["source"]
    assert energy["worst_error_percent"] == 3.0


def test_another_backend_does_the_same_work():
    class Board:
        """Its results are the model's, without what only the model can tell."""

        name, config = "board", CONFIGS["tiny"]

        def run(self, network, x, **options):
            return ModelBackend(self.config).run(network, x, **options)

    modes = LayerModes(mode="delta", x_threshold=2)
    assert _run(modes, Counting(Board()))["work"] == _run(modes)["work"]


def test_operations_are_the_products_of_all_lanes():
    work = _run(LayerModes())["work"]["normal"]
    # Six steps of eleven columns, each for the four blocks of eight units.
    assert work["operation"] == 6 * 11 * 4 and work["pass"] == 6 * 2 * 4
    assert work["row"] == 6 * 4 * 8 and work["unit"] == 6 * 8
    assert work["resident_beat"] == work["operation"]
    assert work["value"] <= work["operation"]


def test_a_skipped_step_reads_no_weight():
    skip = LayerModes(mode="skip", skip_threshold=0.0, skip_action="freeze")
    work = _run(skip)["work"]["skip"]
    assert work["step"] == 5 and work["held_unit"] == 5 * 8
    assert work["operation"] == work["resident_beat"] == work["row"] == 0
    assert work["scored_input"] == work["input"] > 0


@pytest.mark.parametrize(
    ("modes", "scored"),
    [
        (LayerModes(), False),
        (LayerModes(mode="delta"), False),
        (LayerModes(mode="auto", skip_threshold=0.9, delta_threshold=0.5), True),
    ],
)
def test_inputs_are_compared_where_a_score_chooses(modes, scored):
    rows = _run(modes)["work"].values()
    taken, compared = (sum(row[key] for row in rows) for key in ("input", "scored_input"))
    assert compared == (taken if scored else 0)


def test_streamed_weights_are_asked_for_by_lists_where_there_are_lists():
    network = random_network([3, 8], seed=5)
    x = random_codes(network, 1, 6, seed=6)

    def work(modes):
        done = ModelBackend(CONFIGS["tiny"]).run(network, x, modes=modes, resident=False, work=True)
        return done.work

    normal = work(LayerModes())
    assert normal["normal"]["streamed_beat"] == normal["normal"]["operation"]
    assert normal["normal"]["followed_word"] == normal["normal"]["resident_beat"] == 0
    assert normal["load"]["loaded_beat"] == 0
    # The first step takes every column, and is fetched by its list all the same.
    delta = work(LayerModes(mode="delta"))
    assert delta["normal"]["followed_word"] == delta["normal"]["operation"] == 11 * 4
    assert delta["delta"]["followed_word"] == delta["delta"]["operation"]


def test_bits_of_operands_are_those_of_signs_and_magnitudes():
    network = random_network([2, 8], seed=5)
    (direction,) = network.layers[0].directions
    x = np.full((1, 1, 2), direction.x.zero_point, np.int8)
    x[0, 0] += np.int8([3, -1])
    work = ModelBackend(CONFIGS["tiny"]).run(network, x, work=True).work["normal"]
    # 3 and -1 differ in their sign and in one bit, there and back, for each of four blocks; all h
    # are zero at first.
    assert work["operand_bit"] == 4 * (2 + 2)
    assert work["value"] == 4 * 2


def test_energy_without_cycles_is_refused():
    class Timeless(ModelBackend):
        def run(self, *args, **options):
            result = super().run(*args, **options)
            return type(result)(**{**vars(result), "cycles": None})

    with pytest.raises(NetworkError, match="there is no model of the time of groups of steps"):
        _run(LayerModes(), Counting(Timeless(CONFIGS["tiny"])))


def test_an_interface_that_nobody_has_measured_is_refused():
    with pytest.raises(NetworkError, match="there is no DRAM interface sram; they are lpddr4"):
        find_dram("sram")


def _samples(count):
    """Machines that do what is fitted: 3 pJ an operation, 0.5 a cycle that idle takes, too."""
    rng = np.random.default_rng(2)
    found = []
    for number in range(count):
        work = {
            name: float(value)
            for name, value in zip(WORK, rng.integers(1, 99, len(WORK)), strict=True)
        }
        energy = {part: {"gates": 0.5 * work["cycle"], "clock": 1.0} for part in CAUSES}
        energy["lanes"]["gates"] += 3 * work["operation"]
        energy["lanes"]["clock"] = 2 * work["cycle"]
        found.append(Sample(network=f"net {number}", mode="normal", work=work, energy=energy))
    return found


def test_every_part_has_causes_that_are_counted():
    assert set(CAUSES) == set(PARTS)
    assert {name for causes in CAUSES.values() for name in causes} <= set(WORK)


def test_coefficients_that_made_the_energy_are_found():
    idle = {part: {"gates": 0.5, "clock": 0.0} for part in CAUSES}
    samples = _samples(30)
    work = fit_work(samples, idle)
    assert work["lanes"]["gates"] == {"operation": pytest.approx(3.0)}
    assert work["lanes"]["clock"] == {"cycle": pytest.approx(2.0)}
    made = Coefficients(
        **{**vars(MADE), "work": work, "idle": idle, "leakage": dict.fromkeys(CAUSES, 1e-3)}
    )
    (row, *_) = errors_of(samples, (energy_of(made, each.work) for each in samples), 0.1)
    # Leakage is not measured, and so it is not compared.
    assert abs(row["error_percent"]) < 5 and abs(row["parts"]["lanes"]) < 1e-6


def test_rows_without_work_are_not_told():
    assert set(
        by_mode(
            MADE,
            {
                **dict.fromkeys(("normal", "delta", "reduced", "skip"), NOTHING),
                "load": NOTHING | {"run": 1.0, "cycle": 2.0},
            },
        )
    ) == {"load"}
