"""What the cell unit keeps per hidden unit: biases and c."""

from amaranth import Module, Shape, signed, unsigned
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config

__all__ = ["UnitStore", "unit_shape"]


def unit_shape(config: Config) -> Shape:
    """Shape of the index of a hidden unit."""
    return unsigned((config.max_hidden - 1).bit_length() or 1)


class UnitStore(wiring.Component):
    """Two memories over the hidden units of a layer.

    Throughput: one unit read, one bias word and one ``c`` written per cycle.
    Latency: ``bias`` and ``c`` follow ``r_en`` by one cycle and hold; what was written can
    be read in the cycle after.

    Parameters
    ----------
    config : Config
        Gives the number of units.

    Members
    -------
    bias_en, bias_unit, bias_data : In
        Four int32 biases of a unit, in gate order.
    c_en, c_unit, c_data : In
        Cell state of a unit.
    r_en, r_unit : In
        Unit to read.
    bias, c : Out
        What it holds.
    """

    def __init__(self, config: Config):
        self._depth = max(config.max_hidden, 2)
        self._cell = signed(config.cell_width)
        self._biases = data.ArrayLayout(signed(32), 4)
        unit = unit_shape(config)
        super().__init__(
            {
                "bias_en": In(1),
                "bias_unit": In(unit),
                "bias_data": In(self._biases),
                "c_en": In(1),
                "c_unit": In(unit),
                "c_data": In(self._cell),
                "r_en": In(1),
                "r_unit": In(unit),
                "bias": Out(self._biases),
                "c": Out(self._cell),
            }
        )

    def elaborate(self, platform):
        """The same ports twice."""
        m = Module()
        for name, shape, enable, unit, value, out in (
            ("biases", self._biases, self.bias_en, self.bias_unit, self.bias_data, self.bias),
            ("cells", self._cell, self.c_en, self.c_unit, self.c_data, self.c),
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
