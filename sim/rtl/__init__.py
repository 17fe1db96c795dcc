"""The generated hardware, compiled to machine code and run with a memory that stalls."""

from sim.rtl.build import ToolError
from sim.rtl.memory_model import MemoryModel
from sim.rtl.simulator import RtlSimulator, SimulationError

__all__ = ["MemoryModel", "RtlSimulator", "SimulationError", "ToolError"]
