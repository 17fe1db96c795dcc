from sim.rtl import stages as module
from sim.rtl.stages import Stages


def test_a_stage_is_said_behind_those_before_and_their_times(monkeypatch):
    now, said = iter([10.0, 13.4, 14.0]), []
    monkeypatch.setattr(module, "monotonic", lambda: next(now))
    stages = Stages(said.append)
    stages.begin("elaborating the machine", "elaborated")
    stages.begin("writing it as Verilog", "Verilog")
    stages.begin("compiling it", "machine code")
    assert said == [
        "elaborating the machine",
        "elaborated in 3 s; writing it as Verilog",
        "elaborated in 3 s, Verilog in 1 s; compiling it",
    ]
