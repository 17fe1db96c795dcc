"""What the cell unit keeps per hidden unit: biases and state."""

from amaranth import Module, Shape, signed, unsigned
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config

__all__ = ["UnitStore", "unit_layout", "unit_shape"]


def unit_shape(config: Config) -> Shape:
    """Shape of the index of a hidden unit."""
    return unsigned((config.max_hidden - 1).bit_length() or 1)


def unit_layout(config: Config) -> data.StructLayout:
    """State of one hidden unit, as it leaves the cell unit: ``h`` and ``c``."""
    return data.StructLayout({"h": signed(config.act_width), "c": signed(config.cell_width)})


class UnitStore(wiring.Component):
    """Two memories over the hidden units of a layer.

    Throughput: one unit read, one bias word and one state written per cycle.
    Latency: ``bias`` and ``state`` follow ``r_en`` by one cycle and hold; what was written can
    be read in the cycle after.

    Parameters
    ----------
    config : Config
        Gives the number of units.

    Members
    -------
    bias_en, bias_unit, bias_data : In
        Four int32 biases of a unit, in gate order.
    state_en, state_unit, state_data : In
        State of a unit: ``c`` and ``h``.
    r_en, r_unit : In
        Unit to read.
    bias, state : Out
        What it holds.
    """

    def __init__(self, config: Config):
        self._depth = max(config.max_hidden, 2)
        self._state = unit_layout(config)
        self._biases = data.ArrayLayout(signed(32), 4)
        unit = unit_shape(config)
        super().__init__(
            {
                "bias_en": In(1),
                "bias_unit": In(unit),
                "bias_data": In(self._biases),
                "state_en": In(1),
                "state_unit": In(unit),
                "state_data": In(self._state),
                "r_en": In(1),
                "r_unit": In(unit),
                "bias": Out(self._biases),
                "state": Out(self._state),
            }
        )

    def elaborate(self, platform):
        """The same ports twice."""
        m = Module()
        for name, shape, enable, unit, value, out in (
            ("biases", self._biases, self.bias_en, self.bias_unit, self.bias_data, self.bias),
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
                read.en.eq(self.r_en),
                read.addr.eq(self.r_unit),
                out.eq(read.data),
            ]
        return m
