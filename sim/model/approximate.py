"""Sums whose products are not exact: they are carried from step to step, errors and all."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hw.config import Config
from hw.modes import Mode
from hw.numbers.rounding import wrap
from sim.image.levels import mode_levels
from sim.image.modes import LayerModes
from sim.model.hidden import Following
from sim.model.plan import StepPlan
from sim.model.products import LevelProducts, is_exact
from sim.networks.codes import difference_type

__all__ = ["ApproximateHidden", "ApproximateInput", "Levels"]


@dataclass(frozen=True, kw_only=True)
class Levels:
    """What a layer's steps multiply with.

    Members
    -------
    config : Config
        Gives the multiplier and the widths.
    of_mode : tuple of ints
        Level of a step of each mode.
    """

    config: Config
    of_mode: tuple[int, ...]

    @classmethod
    def of(cls, modes: LayerModes, config: Config) -> "Levels | None":
        """Levels of a layer; None where every product that it takes is exact.

        Raises
        ------
        NetworkError
            There is no such level, or it must not be used.
        """
        of_mode = mode_levels(modes, config)
        if all(is_exact(config.multiplier, level) for level in set(of_mode)):
            return None
        return cls(config=config, of_mode=of_mode)

    def products(self, weights: np.ndarray) -> dict[int, LevelProducts]:
        """Products of a matrix at every level in use."""
        config = self.config
        return {
            level: LevelProducts(weights, config.multiplier, level, config.value_width)
            for level in set(self.of_mode)
        }

    @property
    def limit(self) -> int:
        """No magnitude of a sum is larger: it wraps."""
        return 1 << self.config.acc_width - 1


class _Sums:
    """Accumulators of one part, ``[rows, sequences]``; from zero unless ``values`` are there."""

    def __init__(self, levels: Levels, products: dict[int, LevelProducts], sequences: int, values):
        self.levels, self.products = levels, products
        if values is None:
            values = np.zeros((next(iter(products.values())).rows, sequences))
        self.values = values.copy()

    def add(self, mode: np.ndarray, added: np.ndarray):
        """A step's sums of products; fresh in modes that begin anew."""
        self.values[:, (mode == Mode.NORMAL) | (mode == Mode.REDUCED)] = 0
        self.values += added
        if np.abs(self.values).max() >= self.levels.limit:
            self.values = wrap(self.values.astype(np.int64), self.levels.config.acc_width) * 1.0

    def multiply(self, mode: np.ndarray, values: np.ndarray, events: np.ndarray) -> np.ndarray:
        """Sums of products of sets of events, each at the level of its mode."""
        found = np.zeros((len(self.values), len(mode)))
        of_set = np.array(self.levels.of_mode)[mode]
        for level, products in self.products.items():
            chosen = (of_set == level) & (mode != Mode.SKIP)
            if chosen.all():
                return products.sums(values, events)
            if chosen.any():
                found[:, chosen] = products.sums(values[:, chosen], events[:, chosen])
        return found


class ApproximateInput:
    """The part of ``x``, all of whose events a plan knows.

    Parameters
    ----------
    plan : StepPlan
        What the steps do.
    part : slice
        Sequences that run.
    zero : int
        Zero point of ``x``.
    levels : Levels
        What the steps multiply with.
    products : dict of LevelProducts
        Of ``W``, by level.
    sums : [rows, sequences] or None
        Sums that the first step finds; None for zeros.
    """

    def __init__(
        self,
        plan: StepPlan,
        part: slice,
        zero: int,
        levels: Levels,
        products: dict[int, LevelProducts],
        sums: np.ndarray | None = None,
    ):
        self.mode, self.x_ref = plan.activity.mode[part], plan.x_ref[part]
        self.zero, self.zero_skip = zero, plan.zero_skip
        before = np.zeros_like(self.x_ref[:, 0]) if plan.before is None else plan.before[part]
        self.wide = difference_type(self.x_ref)
        self.before = before.astype(self.wide)
        self.sums = _Sums(levels, products, len(self.mode), sums)

    def run(self, times: Sequence[int]) -> np.ndarray:
        """Sums of the steps at ``times``, the next in running order, ``[rows, times, sequences]``.

        The bias is not in them.
        """
        rows = self.x_ref[:, times].astype(self.wide)
        before = np.concatenate([self.before[:, None], rows[:, :-1]], axis=1)
        self.before = rows[:, -1]
        mode = self.mode[:, times]
        delta = (mode == Mode.DELTA)[..., None]
        values = rows - np.where(delta, before, self.wide(self.zero))
        events = values != 0
        if self.zero_skip:
            events[..., -1] |= ~delta[..., 0]
        else:
            events |= ~delta
        columns = values.shape[2]
        flat = (each.transpose(2, 1, 0).reshape(columns, -1) for each in (values, events))
        added = self.sums.multiply(mode.T.ravel(), *flat)
        added = added.reshape(len(added), len(times), -1)
        for step in range(len(times)):
            self.sums.add(mode[:, step], added[:, step])
            added[:, step] = self.sums.values
        return added


class ApproximateHidden(Following):
    """The part of ``h``, step by step.

    Parameters
    ----------
    plan, part, h, ref
        As for ``Following``.
    levels : Levels
        What the steps multiply with.
    products : dict of LevelProducts
        Of ``R``, by level.
    sums : [rows, sequences] or None
        Sums that the first step finds; None for zeros.
    """

    def __init__(
        self,
        plan: StepPlan,
        part: slice,
        h: np.ndarray,
        levels: Levels,
        products: dict[int, LevelProducts],
        ref: np.ndarray | None = None,
        sums: np.ndarray | None = None,
    ):
        super().__init__(plan, part, h, ref)
        self.sums = _Sums(levels, products, h.shape[1], sums)

    def multiply(self, R: np.ndarray, time: int, h: np.ndarray, c: np.ndarray, out: np.ndarray):
        """Sums of step ``time``."""
        self.keep(time, h, c)
        mode = self.mode[:, time]
        delta, skip = mode == Mode.DELTA, mode == Mode.SKIP
        values = np.where(delta, h - self.ref, h)
        events = np.abs(values) > np.where(delta, self.threshold, 0)
        if self.zero_skip:
            events[-1] |= ~delta
        else:
            events |= ~delta
        events &= ~skip
        np.copyto(self.ref, h, where=(events | ~delta) & ~skip)
        self.events[:, time] = np.count_nonzero(events, axis=0)
        self.sums.add(mode, self.sums.multiply(mode, values, events))
        out[...] = self.sums.values
