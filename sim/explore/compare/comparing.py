"""Machines that were measured beside published chips: measured, estimated and quoted told apart."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from hw.config import Config
from sim.explore.compare.chips import CHIPS
from sim.explore.compare.scaling import NODES, RULES, scaled_range
from sim.explore.compare.tuned import TUNED, TUNED_BITS, Tuned
from sim.explore.energy.coefficients import Coefficients
from sim.explore.energy.estimating import energy_of, total
from sim.explore.energy.figures import worst_error
from sim.explore.machine_values import config_of
from sim.explore.running import precision
from sim.explore.workloads import quantize_case
from sim.image.modes import LayerModes
from sim.model.backend import ModelBackend
from sim.model.work import LOAD, WORK
from sim.networks.network import FloatNetwork, NetworkError
from sim.networks.quantizer import to_codes
from sim.workloads.catalogue import find_workload

__all__ = ["ESTIMATED", "MEASURED", "QUOTED", "checked_workloads", "compare_chips", "quoted_rows"]

MEASURED, ESTIMATED, QUOTED = "measured", "estimated", "quoted"

_DENSE, _EFFECTIVE = "dense", "effective, no loss"

WEIGHTS = "weight memory"
"""The part of a machine that holds its weights."""

_SEQUENCES, _STEPS = 4, 100
"""Of a workload, the sequences that are run and the steps of each, at most."""


def checked_workloads(names: Sequence[str], node: int) -> list[str]:
    """The names, each once.

    Raises
    ------
    NetworkError
        No settings at no loss are known of one, or nothing of cells of that node.
    """
    for name in names:
        if name not in TUNED:
            raise NetworkError(
                f"--workloads takes {', '.join(TUNED)}, whose settings at no loss are known, not "
                f"{name}"
            )
    if node not in NODES:
        raise NetworkError(f"--node must be one of {', '.join(map(str, NODES))} nm, not {node}")
    return list(dict.fromkeys(names))


def compare_chips(
    machines: Mapping[Path, Coefficients],
    workloads: Sequence[str],
    node: int = 130,
    say: Callable[[str], None] = lambda text: None,
) -> list[dict]:
    """A row for each figure, each with its kind and its origin.

    Parameters
    ----------
    machines : dict of Coefficients
        What was measured of machines, by file.
    workloads : sequence of str
        Workloads whose energy is estimated, where they fit.
    node : int
        Nanometres of the cells that machines were measured in; one of ``NODES``.
    say : function of str
        Told what happens.

    Raises
    ------
    PackageError, NetworkError
        There is no such workload, or its files cannot be fetched.
    """
    rows = []
    for path, machine in machines.items():
        config = config_of(dict(machine.config), path)
        rows += _measured_rows(machine, config)
        for name in workloads:
            say(f"estimating {name} on {config.name}")
            rows += _estimated_rows(machine, config, name)
    for row in rows:
        row |= {"nm": node, "scaled": _scaled(row["tops_per_watt"], node, row["volts"])}
        row["scaled_pj_per_step"] = _scaled_step(row["pj_per_step"], node, row["volts"])
    return [*rows, *quoted_rows()]


def quoted_rows() -> list[dict]:
    """The published chips."""
    return [
        {
            "kind": QUOTED,
            "machine": chip.name,
            "what": chip.what,
            "nm": chip.nm,
            "volts": chip.volts,
            "pj_per_product": None,
            "weights_pj_per_product": None,
            "pj_per_step": None if chip.nj_per_step is None else 1e3 * chip.nj_per_step,
            "times_dense": None,
            "tops_per_watt": chip.tops_per_watt,
            "scaled": {},
            "scaled_pj_per_step": {},
            "origin": chip.source,
        }
        for chip in CHIPS
    ]


def _measured_rows(machine: Coefficients, config: Config) -> list[dict]:
    """Dense steps of the networks that the gates ran."""
    origin = machine.origin
    library = f"{origin['library']}, {origin['volts']:g} V, {origin['mapped_for_mhz']:g} MHz"
    found = []
    for row in machine.errors.get("tested", []):
        if row["mode"] != "normal":
            continue
        products = row["operations"] * config.lanes
        leaks = 1e6 * sum(machine.leakage.values()) * row["cycles"] / machine.clock_mhz
        pj = (row["measured_pj"] + leaks) / products
        what = f"{_DENSE}, {row['network']}"
        found.append(_own_row(MEASURED, machine, config, what, pj, f"gates of {library}"))
    return found


def _estimated_rows(machine: Coefficients, config: Config, name: str) -> list[dict]:
    """A workload in normal mode and at no loss; none where it does not fit."""
    case = find_workload(name).load()
    if not _fits(case.network, config):
        return []
    split, networks = case.evaluation, {}
    worst = worst_error(machine)
    tests = "untested" if worst is None else f"totals within {worst:.1f} % in their tests"
    found = []
    for what, modes, bits in _ways(config, TUNED[name]):
        if bits not in networks:
            networks[bits] = quantize_case(case, **precision(config, bits))
        form = networks[bits].layers[0].directions[0].x
        inputs = [
            to_codes(x[None, : min(int(length), _STEPS)], form)
            for x, length in list(zip(split.x, split.lengths, strict=True))[:_SEQUENCES]
        ]
        pj, of_weights, of_step = _energies(machine, config, networks[bits], inputs, modes)
        origin = f"counts of held-out steps, coefficients with {tests}"
        if not what.startswith(_DENSE):
            origin += "; settings of docs/results.md"
        row = _own_row(ESTIMATED, machine, config, f"{what}, {name}", pj, origin)
        row |= {"weights_pj_per_product": of_weights, "pj_per_step": of_step}
        dense = found[0] if found else row
        found.append(row | {"times_dense": row["tops_per_watt"] / dense["tops_per_watt"]})
    return found


def _ways(config: Config, tuned: Tuned) -> list[tuple[str, LayerModes, int]]:
    """What is estimated of a machine: its name, settings, and bits of the network's weights."""
    width = config.multiplier.weight_width
    few = "" if width == TUNED_BITS else f", weights of {width} bits"
    ways = [(_DENSE + few, LayerModes(), width)]
    if width >= TUNED_BITS:
        ways.append((_EFFECTIVE, tuned.modes, width))
    if tuned.weight_bits < TUNED_BITS and tuned.weight_bits <= width:
        what = f"{_EFFECTIVE}, weights of {tuned.weight_bits} bits"
        ways.append((what, tuned.modes, tuned.weight_bits))
    return ways


def _fits(network: FloatNetwork, config: Config) -> bool:
    """Whether a machine has room for the layers: what is too large is not even quantised."""
    directions = [each for layer in network.layers for each in layer.directions]
    return all(
        each.input_size <= config.max_input and each.hidden_size <= config.max_hidden
        for each in directions
    )


def _energies(
    machine: Coefficients, config: Config, network, inputs, modes: LayerModes
) -> tuple[float, float, float]:
    """Picojoules, loads aside: of a product of a dense run, the weight memory in it, a step."""
    pj = of_weights = products = count = 0.0
    backend = ModelBackend(config)
    for x in inputs:
        result = backend.run(network, x, modes=modes, work=True)
        steps = [row for name, row in result.work.items() if name != LOAD]
        work = {name: sum(row[name] for row in steps) for name in WORK}
        work["cycle"] = result.cycles - result.stall_cycles["load"]
        energies = energy_of(machine, work)
        pj += total(energies)
        of_weights += sum(energies.get(WEIGHTS, {}).values())
        products += result.counts.macs_done + result.counts.macs_avoided
        count += x.shape[1]
    return pj / products, of_weights / products, pj / count


def _own_row(
    kind: str, machine: Coefficients, config: Config, what: str, pj: float, origin: str
) -> dict:
    return {
        "kind": kind,
        "machine": config.name,
        "what": what,
        "nm": None,
        "volts": machine.origin["volts"],
        "pj_per_product": pj,
        "weights_pj_per_product": None,
        "pj_per_step": None,
        "times_dense": None,
        "tops_per_watt": 2 / pj,
        "scaled": {},
        "origin": origin,
    }


def _scaled(tops_per_watt: float, node: int, volts: float) -> Mapping[str, list[float]]:
    """At 65 nm, by each rule from the higher supply to the lower."""
    found = {}
    for rule in RULES:
        least, most = scaled_range(rule, node, volts)
        found[rule.name] = [tops_per_watt / most, tops_per_watt / least]
    return found


def _scaled_step(pj: float | None, node: int, volts: float) -> Mapping[str, list[float]]:
    """Picojoules of a step at 65 nm, by each rule from the lower supply to the higher."""
    if pj is None:
        return {}
    return {rule.name: [pj * each for each in scaled_range(rule, node, volts)] for rule in RULES}
