"""AXI4 and AXI4-Lite port shapes, with the member names of the AMBA specification in lower case."""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = [
    "Axi4LiteSignature",
    "Axi4Signature",
    "AxiReadSignature",
    "AxiWriteSignature",
    "connect_halves",
]


def _address_channel(prefix: str, addr_width: int, id_width: int) -> dict:
    """Members of an AXI4 address channel, AW or AR."""
    return {
        f"{prefix}id": Out(id_width),
        f"{prefix}addr": Out(addr_width),
        f"{prefix}len": Out(8),
        f"{prefix}size": Out(3),
        f"{prefix}burst": Out(2),
        f"{prefix}lock": Out(1),
        f"{prefix}cache": Out(4),
        f"{prefix}prot": Out(3),
        f"{prefix}qos": Out(4),
        f"{prefix}valid": Out(1),
        f"{prefix}ready": In(1),
    }


def _read_members(addr_width: int, data_width: int, id_width: int) -> dict:
    return {
        **_address_channel("ar", addr_width, id_width),
        "rid": In(id_width),
        "rdata": In(data_width),
        "rresp": In(2),
        "rlast": In(1),
        "rvalid": In(1),
        "rready": Out(1),
    }


def _write_members(addr_width: int, data_width: int, id_width: int) -> dict:
    return {
        **_address_channel("aw", addr_width, id_width),
        "wdata": Out(data_width),
        "wstrb": Out(data_width // 8),
        "wlast": Out(1),
        "wvalid": Out(1),
        "wready": In(1),
        "bid": In(id_width),
        "bresp": In(2),
        "bvalid": In(1),
        "bready": Out(1),
    }


class AxiReadSignature(wiring.Signature):
    """Read half (AR and R) of an AXI4 port, as its master sees it.

    Parameters
    ----------
    addr_width, data_width, id_width : int
        Bits of ``araddr``, ``rdata`` and ``arid``.
    """

    def __init__(self, addr_width: int, data_width: int, id_width: int = 1):
        super().__init__(_read_members(addr_width, data_width, id_width))


class AxiWriteSignature(wiring.Signature):
    """Write half (AW, W and B) of an AXI4 port, as its master sees it.

    Parameters
    ----------
    addr_width, data_width, id_width : int
        Bits of ``awaddr``, ``wdata`` and ``awid``.
    """

    def __init__(self, addr_width: int, data_width: int, id_width: int = 1):
        super().__init__(_write_members(addr_width, data_width, id_width))


class Axi4Signature(wiring.Signature):
    """A whole AXI4 port, as its master sees it: the members of both halves.

    Parameters
    ----------
    addr_width, data_width, id_width : int
        Bits of an address, of the data and of a transaction identifier.
    """

    def __init__(self, addr_width: int, data_width: int, id_width: int = 1):
        super().__init__(
            {
                **_write_members(addr_width, data_width, id_width),
                **_read_members(addr_width, data_width, id_width),
            }
        )


class Axi4LiteSignature(wiring.Signature):
    """An AXI4-Lite port, as its master sees it.

    Parameters
    ----------
    addr_width, data_width : int
        Bits of a byte address and of the data.
    """

    def __init__(self, addr_width: int = 12, data_width: int = 32):
        super().__init__(
            {
                "awaddr": Out(addr_width),
                "awprot": Out(3),
                "awvalid": Out(1),
                "awready": In(1),
                "wdata": Out(data_width),
                "wstrb": Out(data_width // 8),
                "wvalid": Out(1),
                "wready": In(1),
                "bresp": In(2),
                "bvalid": In(1),
                "bready": Out(1),
                "araddr": Out(addr_width),
                "arprot": Out(3),
                "arvalid": Out(1),
                "arready": In(1),
                "rdata": In(data_width),
                "rresp": In(2),
                "rvalid": In(1),
                "rready": Out(1),
            }
        )


def connect_halves(m, port, *halves):
    """Drive the AXI4 ``port`` of a component from the master halves inside it.

    ``port`` is seen from inside: what is ``Out`` of the component is driven here.
    """
    for half in halves:
        for name, member in half.signature.members.items():
            inner, outer = getattr(half, name), getattr(port, name)
            m.d.comb += outer.eq(inner) if member.flow == Out else inner.eq(outer)
