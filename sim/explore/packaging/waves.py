"""Timing diagrams of the data sheet, drawn by WaveDrom."""

import base64
import json

__all__ = ["DIAGRAMS", "diagram"]

_CLOCK = {"name": "aclk", "wave": "p........"}
_WRITE = [
    _CLOCK,
    {"name": "s_axi_awaddr", "wave": "x3..x....", "data": ["address"]},
    {"name": "s_axi_awvalid", "wave": "01..0...."},
    {"name": "s_axi_awready", "wave": "0..10...."},
    {"name": "s_axi_wdata", "wave": "x4..x....", "data": ["data"]},
    {"name": "s_axi_wvalid", "wave": "01..0...."},
    {"name": "s_axi_wready", "wave": "0..10...."},
    {"name": "s_axi_bvalid", "wave": "0....10.."},
    {"name": "s_axi_bready", "wave": "01....0.."},
]
_READ = [
    _CLOCK,
    {"name": "s_axi_araddr", "wave": "x3..x....", "data": ["address"]},
    {"name": "s_axi_arvalid", "wave": "01..0...."},
    {"name": "s_axi_arready", "wave": "0..10...."},
    {"name": "s_axi_rdata", "wave": "x....5x..", "data": ["data"]},
    {"name": "s_axi_rvalid", "wave": "0....10.."},
    {"name": "s_axi_rready", "wave": "01....0.."},
]
_RUN = [
    {"name": "written", "wave": "z3z|..|3z.", "data": ["start", "clear"]},
    {"name": "status.busy", "wave": "0.1|.0|..."},
    {"name": "status.done", "wave": "0..|.1|..."},
    {"name": "interrupt", "wave": "0..|.1|.0."},
]
_BURST = [
    {"name": "aclk", "wave": "p...|....."},
    {"name": "m_axi_araddr", "wave": "x3.x|.....", "data": ["address"]},
    {"name": "m_axi_arlen", "wave": "x3.x|.....", "data": ["3"]},
    {"name": "m_axi_arvalid", "wave": "01.0|....."},
    {"name": "m_axi_arready", "wave": "0.10|....."},
    {"name": "m_axi_rdata", "wave": "x...|5555x", "data": ["0", "1", "2", "3"]},
    {"name": "m_axi_rvalid", "wave": "0...|1...0"},
    {"name": "m_axi_rready", "wave": "1...|....."},
    {"name": "m_axi_rlast", "wave": "x...|0..1x"},
]
DIAGRAMS = {
    "A register is written": _WRITE,
    "A register is read": _READ,
    "A run, from the write of control to that of interrupt; the marks leave cycles out": _RUN,
    "A burst of four beats is read from a memory that has some latency": _BURST,
}
"""Signals of each diagram, by what it shows."""


def diagram(signals: list[dict]) -> str:
    """An ``img`` source that holds a diagram as SVG."""
    import wavedrom

    drawn = wavedrom.render(json.dumps({"signal": signals})).tostring()
    return f"data:image/svg+xml;base64,{base64.b64encode(drawn.encode()).decode()}"
