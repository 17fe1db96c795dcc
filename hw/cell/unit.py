"""The cell unit: accumulators of a hidden unit in, its new ``h`` and ``c`` out."""

from amaranth.hdl import Module, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.cell.gate_lane import GateLane
from hw.cell.settings import settings_layout
from hw.cell.state_update import StateUpdate
from hw.numbers.pipeline import Pipeline
from hw.numbers.requantize import ACC_WIDTH, MULTIPLIER_WIDTH, ROW_MULTIPLIER_WIDTH
from hw.numbers.requantizer import SHIFT_WIDTH

__all__ = ["CellUnit"]

_GATES = ("input", "forget", "cell", "output")

_ROW_SCALE = data.StructLayout(
    {"shift": signed(SHIFT_WIDTH), "multiplier": unsigned(ROW_MULTIPLIER_WIDTH)}
)
"""A word of 32 bits."""

_DROPPED = MULTIPLIER_WIDTH - ROW_MULTIPLIER_WIDTH
"""Bits of a multiplier that are zero in those of rows."""


class CellUnit(wiring.Component):
    """Turns the accumulators of hidden units into their new state, one unit after another.

    A unit's gate rows come in the order input, forget, cell, output, ``lanes`` in a cycle; between
    two cycles of a unit there may be any number of idle ones. Equals
    :func:`hw.cell.reference.cell_step`.

    Throughput: a unit in every ``4 // lanes * row_cycles`` cycles. Latency: ``latency`` cycles from
    the last gate rows of a unit to its result, without stalls.

    Parameters
    ----------
    acc_width : int
        Bits of an accumulator, at most 32, or 47 where ``h`` has 16 bits.
    lanes : int
        Gate rows per cycle: 1, 2 or 4.
    act_width : int
        Bits of ``h``.
    row_scales : bool
        Rows may have multipliers and shifts of their own.
    row_cycles : int
        Cycles for which gate rows stand, 1 or 2; with 2 one requantiser does the work of two.

    Members
    -------
    i : In
        ``acc_x``, ``acc_h`` and ``bias``, each an array of ``lanes`` gate rows, first gate first;
        ``c``, read with the last gate rows of a unit; ``phase``, which of the ``4 // lanes``
        cycles of a unit this is. With scales of rows also ``x_scale`` and ``h_scale``, arrays like
        ``bias``: a multiplier's upper bits, and below them its shift.
    i_valid : In(1)
        ``i`` is to be taken.
    settings : In
        See :func:`hw.cell.settings.settings_layout`; steady from the cycle before the first rows
        to the last result.
    by_row : In(1)
        Rows have scales; as steady as ``settings``. With scales of rows only.
    o : Out
        ``h`` (``act_width`` bits) and ``c`` (16 bits) of a unit; they hold until the next unit's.
    o_valid : Out(1)
        High for one cycle for each unit.

    References
    ----------
    TFLite-Micro, ``micro/kernels/lstm_eval.h``: ``LstmStep``.
    """

    def __init__(
        self,
        acc_width: int,
        lanes: int,
        *,
        act_width: int = 8,
        row_scales: bool = False,
        row_cycles: int = 1,
    ):
        if lanes not in (1, 2, 4):
            raise ValueError(f"lanes must be 1, 2 or 4, not {lanes!r}")
        self.acc_width = acc_width
        self.lanes = lanes
        self.phases = 4 // lanes
        self.row_scales = row_scales
        self.row_cycles = row_cycles
        self._lanes = [
            GateLane(acc_width, wide=act_width > 8, cycles=row_cycles) for _ in range(lanes)
        ]
        shared = row_cycles > 1 and self.phases * row_cycles >= 4
        self._update = StateUpdate(act_width, cycles=4 if shared else 1)
        word = data.ArrayLayout(_ROW_SCALE, lanes)
        layout = data.StructLayout(
            {
                "acc_x": data.ArrayLayout(signed(acc_width), lanes),
                "acc_h": data.ArrayLayout(signed(acc_width), lanes),
                "bias": data.ArrayLayout(signed(ACC_WIDTH), lanes),
                **({"x_scale": word, "h_scale": word} if row_scales else {}),
                "c": signed(16),
                "phase": unsigned((self.phases - 1).bit_length()),
            }
        )
        super().__init__(
            {
                "i": In(layout),
                "i_valid": In(1),
                **({"by_row": In(1)} if row_scales else {}),
                "settings": In(settings_layout()),
                "o": Out(data.StructLayout({"h": signed(act_width), "c": signed(16)})),
                "o_valid": Out(1),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from the last ``i_valid`` of a unit to its ``o_valid``."""
        return self._lanes[0].latency + self._update.latency

    def elaborate(self, platform):
        m = Module()
        m.submodules.update = update = self._update
        for index, lane in enumerate(self._lanes):
            m.submodules[f"lane_{index}"] = lane
            self._feed(m, index, lane)

        stage = self._lanes[0].latency
        pipe = Pipeline(m, self.i_valid)
        phase = pipe.delay(0, stage, self.i.phase, "phase")
        valid = pipe.valid(stage)
        for index, lane in enumerate(self._lanes):
            self._collect(m, index, lane, phase, valid)

        # c comes with a unit's last rows only and waits for their activations.
        is_last = self.i.phase == self.phases - 1
        state = Pipeline(m, self.i_valid & is_last)
        m.d.comb += [
            update.i.c.eq(state.delay(0, stage, self.i.c, "c")),
            update.i_valid.eq(state.valid(stage)),
            update.settings.eq(self.settings),
            self.o.eq(update.o),
            self.o_valid.eq(update.o_valid),
        ]
        return m

    def _gates(self, index: int) -> list[int]:
        """Gates that a lane computes, by phase."""
        return [phase * self.lanes + index for phase in range(self.phases)]

    def _feed(self, m: Module, index: int, lane: GateLane):
        """Give a lane its row, and the requantisation of the gate whose turn it is."""
        m.d.comb += [
            lane.i.acc_x.eq(self.i.acc_x[index]),
            lane.i.acc_h.eq(self.i.acc_h[index]),
            lane.i.bias.eq(self.i.bias[index]),
            lane.i_valid.eq(self.i_valid),
        ]
        with m.Switch(self.i.phase):
            for phase, gate in enumerate(self._gates(index)):
                with m.Case(phase):
                    for name in ("x_multiplier", "x_shift", "h_multiplier", "h_shift"):
                        m.d.comb += lane.i[name].eq(self.settings[name][gate])
                    m.d.comb += lane.i.is_tanh.eq(_GATES[gate] == "cell")
        if self.row_scales:
            with m.If(self.by_row):
                for part in ("x", "h"):
                    scale = self.i[f"{part}_scale"][index]
                    m.d.comb += lane.i[f"{part}_shift"].eq(scale.shift)
                    m.d.comb += lane.i[f"{part}_multiplier"].eq(scale.multiplier << _DROPPED)

    def _collect(self, m: Module, index: int, lane: GateLane, phase, valid):
        """Keep a lane's activations until the unit is complete; the last ones go straight on."""
        *early, last = self._gates(index)
        for number, gate in enumerate(early):
            kept = Signal(signed(16), name=f"kept_{_GATES[gate]}", reset_less=True)
            with m.If(valid & (phase == number)):
                m.d.sync += kept.eq(lane.o)
            m.d.comb += self._update.i[_GATES[gate]].eq(kept)
        m.d.comb += self._update.i[_GATES[last]].eq(lane.o)
