"""The lanes, and the pipeline that walks beside them."""

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config
from hw.select import any_of

__all__ = ["MacArray", "control_layout", "hand_on"]


def control_layout(config: Config) -> data.StructLayout:
    """What travels beside an operand.

    Members
    -------
    first, last : first and last event of a sum.
    fresh : the sum starts from zero, else from the one that is there.
    hidden : the sum is over ``h`` events (else over ``x``).
    block : block whose rows the lanes hold.
    block_end : the sum is the block's last.
    level : level of the multiplier.
    slot : place of the step in its group.
    """
    return data.StructLayout(
        {
            "first": 1,
            "last": 1,
            "fresh": 1,
            "hidden": 1,
            "block": unsigned((config.max_blocks - 1).bit_length() or 1),
            "block_end": 1,
            "level": unsigned(config.multiplier.level_width),
            "slot": unsigned(config.slot_width or 1),
        }
    )


def hand_on(m: Module, en: Value, given: data.View, stage: data.View, *, rests: bool):
    """Let the next stage take over an operation; where it ``rests``, only what is new of it.

    What a part's operations have in common comes with the first of them, and a ``weight_base`` also
    with each that is ``streamed`` or ``placed``: so those registers are not clocked in between.
    That is for chips: enables of their own take LUTs.
    """
    for name in stage.shape().members:
        if not rests or name in ("first", "last", "block_end", "null"):
            new = 1
        elif name == "weight_base":
            itself = [each for each in ("streamed", "placed") if each in given.shape().members]
            new = any_of([given.first, *(given[each] for each in itself)])
        else:
            new = given.first
        with m.If(en & new):
            m.d.sync += stage[name].eq(given[name])


class MacArray(wiring.Component):
    """``lanes`` lanes that share one operand per cycle.

    Throughput: one operand per cycle.
    Latency: a sum is at ``totals`` three cycles after its last operand.

    Parameters
    ----------
    config : Config
        Gives the lanes.

    Members
    -------
    i_valid, operand, weights, control : In
        An operand, a column word as it lies in DRAM, and what it belongs to.
    beats : In
        A bit for each beat that the column word has. The bits of weights that would lie in others
        are zero, or the sign, whatever is on ``weights``.
    base : In
        The sums that the operand of the cycle before goes on from.
    o_valid : Out
        ``totals`` holds complete sums.
    o_sums : Out
        The same for sums of ``x`` (bit 0) and for those of ``h``: registers, as they enable every
        bit of the memories of sums.
    totals : Out
        One signed sum per lane.
    o_control : Out
        What the sums belong to.

    All of ``control`` but ``first``, ``last`` and ``block_end`` is that of a sum's first operand.
    """

    def __init__(self, config: Config):
        self._config = config
        control = control_layout(config)
        totals = data.ArrayLayout(signed(config.acc_width), config.lanes)
        super().__init__(
            {
                "i_valid": In(1),
                "operand": In(config.multiplier.operand_layout(config.value_width)),
                "weights": In(unsigned(config.lanes * config.multiplier.weight_width)),
                "control": In(control),
                "beats": In(config.word_beats),
                "base": In(totals),
                "o_valid": Out(1),
                "o_sums": Out(2),
                "totals": Out(totals),
                "o_control": Out(control),
            }
        )

    def elaborate(self, platform):
        """A lane per weight; control delayed by the lanes' three registers; where sums start."""
        m = Module()
        valid = [self.i_valid, Signal(name="operand_valid"), Signal(name="product_valid")]
        control = [self.control, Signal.like(self.control), Signal.like(self.control)]
        for stage in (1, 2):
            m.d.sync += valid[stage].eq(valid[stage - 1])
            given, rests = control[stage - 1], self._config.multiplier.shares_operand
            hand_on(m, valid[stage - 1], given, control[stage], rests=rests)
        with m.If(valid[2] & control[2].last):
            m.d.sync += self.o_control.eq(control[2])
        done, hidden = valid[2] & control[2].last, control[2].hidden
        m.d.sync += [self.o_valid.eq(done), self.o_sums.eq(Cat(done & ~hidden, done & hidden))]
        base = self._start_sums(m, control)

        operand, together = self._operand(m), self._config.multiplier.lanes_together
        for first in range(0, self._config.lanes, together):
            own = range(first, first + together)
            m.submodules[f"lane_{first}"] = lane = self._config.multiplier.lanes(
                self._config.value_width, self._config.acc_width
            )
            m.d.comb += [
                lane.i_valid.eq(self.i_valid),
                lane.operand.eq(operand),
                lane.weights.eq(Cat(self._weight(index) for index in own)),
                lane.level.eq(control[1].level),
                lane.operand_valid.eq(valid[1]),
                lane.product_valid.eq(valid[2]),
                lane.product_first.eq(control[2].first),
                *(lane.bases[place].eq(base[index]) for place, index in enumerate(own)),
                *(self.totals[index].eq(lane.totals[place]) for place, index in enumerate(own)),
            ]
        return m

    def _operand(self, m):
        """What all lanes are given: a register, unless each lane has one of its own."""
        if not self._config.multiplier.shares_operand:
            return self.operand
        operand = Signal.like(self.operand)
        with m.If(self.i_valid):
            m.d.sync += operand.eq(self.operand)
        return operand

    def _start_sums(self, m, control):
        """What new sums start from, in registers: the memory's delay is not the adder's."""
        base, starts = Signal.like(self.base), Signal()
        # It enables a register for each bit of all sums.
        m.d.sync += starts.eq(self.i_valid & self.control.first)
        with m.If(starts):
            m.d.sync += base.eq(Mux(control[1].fresh, 0, self.base))
        return base

    def _weight(self, index):
        """A lane's weight from its planes: its sign, then its lowest bits, then those above."""
        config = self._config
        size, count = config.plane_bits, config.multiplier.weight_width
        sign = self.weights[index * size]
        fill = sign if config.multiplier.extends_sign else Const(0, 1)
        above = []
        for bit in range(1, count):
            plane, place = divmod(bit, size)
            found = self.weights[(plane * config.lanes + index) * size + place]
            # Every layer has the first plane.
            there = self.beats[plane * config.plane_beats]
            above.append(Mux(there, found, fill) if plane else found)
        return Cat(above, sign)
