"""Registers of a fixed-latency pipeline."""

from amaranth.hdl import Module, Signal, Value

__all__ = ["Pipeline"]


class Pipeline:
    """Stages of registers that load only when the stage before them holds something.

    A value *of stage k* is read in the cycle in which ``valid(k)`` is high; the inputs are values
    of stage 0. Without a new value, registers hold theirs, so the logic behind them stays quiet.

    Parameters
    ----------
    m : Module
        Gets the registers, in domain ``sync``.
    valid : Value
        High when the values of stage 0 are to be taken.
    """

    def __init__(self, m: Module, valid: Value):
        self._m = m
        self._valids = [valid]

    def valid(self, stage: int) -> Value:
        """High when ``stage`` holds a value."""
        while len(self._valids) <= stage:
            valid = Signal(name=f"valid_{len(self._valids)}")
            self._m.d.sync += valid.eq(self._valids[-1])
            self._valids.append(valid)
        return self._valids[stage]

    def register(self, stage: int, value: Value, name: str) -> Signal:
        """A value of ``stage``, as a value of the next stage."""
        value = Value.cast(value)
        register = Signal(value.shape(), name=f"{name}_{stage + 1}", reset_less=True)
        with self._m.If(self.valid(stage)):
            self._m.d.sync += register.eq(value)
        return register

    def delay(self, start: int, stop: int, value: Value, name: str) -> Value:
        """A value of stage ``start``, as a value of stage ``stop``."""
        for stage in range(start, stop):
            value = self.register(stage, value, name)
        return value
