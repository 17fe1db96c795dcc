"""AXI3 as the ports of a Zynq-7000 have it, with the member names of AXI4 where both have them."""

from amaranth.hdl import Const
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["LONGEST_BURST", "Axi3Signature", "connect_to_axi3"]

LONGEST_BURST = 16
"""Beats of the longest AXI3 burst."""

_BUFFERABLE = 0b0011
"""What ``cache`` says to the DRAM controller: it may merge and delay."""


def _address_channel(prefix: str, addr_width: int, id_width: int) -> dict:
    return {
        f"{prefix}id": Out(id_width),
        f"{prefix}addr": Out(addr_width),
        f"{prefix}len": Out(4),
        f"{prefix}size": Out(2),
        f"{prefix}burst": Out(2),
        f"{prefix}lock": Out(2),
        f"{prefix}cache": Out(4),
        f"{prefix}prot": Out(3),
        f"{prefix}qos": Out(4),
        f"{prefix}valid": Out(1),
        f"{prefix}ready": In(1),
    }


class Axi3Signature(wiring.Signature):
    """A whole AXI3 port, as its master sees it.

    The size has two bits, as on the ports of the Zynq-7000: none is wider than 8 bytes.

    Parameters
    ----------
    addr_width, data_width, id_width : int
        Bits of an address, of the data and of a transaction identifier.

    References
    ----------
    UG585, Zynq-7000 SoC Technical Reference Manual, chapter 5.
    """

    def __init__(self, addr_width: int, data_width: int, id_width: int):
        super().__init__(
            {
                **_address_channel("aw", addr_width, id_width),
                "wid": Out(id_width),
                "wdata": Out(data_width),
                "wstrb": Out(data_width // 8),
                "wlast": Out(1),
                "wvalid": Out(1),
                "wready": In(1),
                "bid": In(id_width),
                "bresp": In(2),
                "bvalid": In(1),
                "bready": Out(1),
                **_address_channel("ar", addr_width, id_width),
                "rid": In(id_width),
                "rdata": In(data_width),
                "rresp": In(2),
                "rlast": In(1),
                "rvalid": In(1),
                "rready": Out(1),
            }
        )


def connect_to_axi3(m, master, slave, base):
    """Drive the AXI3 port ``slave`` from the AXI4 ``master``, whose addresses count from ``base``.

    The master keeps to bursts of ``LONGEST_BURST`` beats and of one page, and to one identifier,
    so what differs is wires, and the sum needs the page number alone. ``base`` is aligned to 4 KiB.
    """
    for prefix in ("aw", "ar"):
        for name in ("len", "size", "burst", "prot", "qos", "valid"):
            m.d.comb += getattr(slave, prefix + name).eq(getattr(master, prefix + name))
        page = getattr(master, f"{prefix}addr")[12:] + base[12:]
        m.d.comb += [
            getattr(slave, f"{prefix}addr")[:12].eq(getattr(master, f"{prefix}addr")[:12]),
            getattr(slave, f"{prefix}addr")[12:].eq(page),
            getattr(slave, f"{prefix}id").eq(getattr(master, f"{prefix}id")),
            getattr(slave, f"{prefix}lock").eq(0),
            getattr(slave, f"{prefix}cache").eq(Const(_BUFFERABLE, 4)),
            getattr(master, f"{prefix}ready").eq(getattr(slave, f"{prefix}ready")),
        ]
    m.d.comb += slave.wid.eq(master.awid)
    for name in ("wdata", "wstrb", "wlast", "wvalid", "bready", "rready"):
        m.d.comb += getattr(slave, name).eq(getattr(master, name))
    for name in ("wready", "bid", "bresp", "bvalid", "rid", "rdata", "rresp", "rlast", "rvalid"):
        m.d.comb += getattr(master, name).eq(getattr(slave, name))
