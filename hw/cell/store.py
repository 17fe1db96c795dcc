"""What the cell unit keeps per hidden unit: parameters and state."""

from amaranth import Module, Shape, Value, signed, unsigned
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config

__all__ = ["PARTS", "UnitStore", "unit_layout", "unit_shape"]

PARTS = ("bias", "x_scale", "h_scale")
"""Words of a unit's parameters in their order; the first alone where rows have no scales."""


def unit_shape(config: Config) -> Shape:
    """Shape of the index of a hidden unit."""
    return unsigned((config.max_hidden - 1).bit_length() or 1)


def unit_layout(config: Config) -> data.StructLayout:
    """State of one hidden unit, as it leaves the cell unit: ``h`` and ``c``."""
    return data.StructLayout({"h": signed(config.act_width), "c": signed(config.cell_width)})


class UnitStore(wiring.Component):
    """Two memories over the hidden units of a layer.

    Where rows may have scales of their own there are two more.

    Throughput: one unit read, one parameter word and one state written per cycle.
    Latency: ``state`` follows ``r_en`` by one cycle, as ``bias`` and scales follow ``rows_en``, and
    they hold; what was written can be read in the cycle after.

    Parameters
    ----------
    config : Config
        Gives the number of units, and says whether rows may have scales.

    Members
    -------
    bias_en, bias_unit, bias_data : In
        Four words of a unit, in gate order: int32 biases,
    bias_part : In
        or multipliers and shifts: number of what they are in ``PARTS``. With scales of rows only.
    state_en, state_unit, state_data : In
        State of a unit: ``c`` and ``h``.
    r_en, rows_en, r_unit : In
        Unit to read: its state, and its biases and scales.
    bias, x_scale, h_scale, state : Out
        What it holds; scales with scales of rows only.
    """

    def __init__(self, config: Config):
        self._depth = max(config.max_hidden, 2)
        self._state = unit_layout(config)
        self._biases = data.ArrayLayout(signed(32), 4)
        self._parts = PARTS if config.row_scales else PARTS[:1]
        unit = unit_shape(config)
        scales = {"bias_part": In(range(len(PARTS)))} if config.row_scales else {}
        super().__init__(
            {
                "bias_en": In(1),
                "bias_unit": In(unit),
                "bias_data": In(self._biases),
                "state_en": In(1),
                "state_unit": In(unit),
                "state_data": In(self._state),
                "r_en": In(1),
                "rows_en": In(1),
                "r_unit": In(unit),
                **scales,
                **{name: Out(self._biases) for name in self._parts},
                "state": Out(self._state),
            }
        )

    def elaborate(self, platform):
        """The same ports for each memory."""
        m = Module()
        names = {"bias": "biases", "x_scale": "x_scales", "h_scale": "h_scales"}
        for name, shape, enable, unit, value, out in (
            *(
                (
                    names[part],
                    self._biases,
                    self._bias_en(number),
                    self.bias_unit,
                    self.bias_data,
                    getattr(self, part),
                )
                for number, part in enumerate(self._parts)
            ),
            (
                "states",
                self._state,
                self.state_en,
                self.state_unit,
                self.state_data,
                self.state,
            ),
        ):
            m.submodules[name] = words = memory.Memory(shape=shape, depth=self._depth, init=[])
            write = words.write_port()
            read = words.read_port()
            m.d.comb += [
                write.en.eq(enable),
                write.addr.eq(unit),
                write.data.eq(value),
                read.en.eq(self.r_en if name == "states" else self.rows_en),
                read.addr.eq(self.r_unit),
                out.eq(read.data),
            ]
        return m

    def _bias_en(self, number: int) -> Value:
        """What comes is the part of this number."""
        return self.bias_en if len(self._parts) == 1 else self.bias_en & (self.bias_part == number)
