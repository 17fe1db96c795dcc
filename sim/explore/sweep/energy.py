"""Energy of a step: what was done, times what each costs.

Coefficients are of one 45 nm process, so that they can be added: M. Horowitz, "Computing's energy
problem (and what we can do about it)", ISSCC 2014, figure 1.1.9. A multiplier measured with a
Liberty file stands in for the first two.
"""

from dataclasses import dataclass

__all__ = ["Coefficients", "step_energy"]


@dataclass(frozen=True, kw_only=True)
class Coefficients:
    """Picojoules, each with its source.

    Parameters
    ----------
    multiply : float
        An 8-bit by 8-bit product: 0.2 pJ. Narrower operands are taken to cost their share of the
        array, ``bits * bits / 64``: an assumption.
    accumulate : float
        A 32-bit addition: 0.1 pJ.
    sram_byte : float
        A byte of a 64-bit word of a 32 KB memory: 20 pJ / 8.
    dram_byte : float
        A byte of a 64-bit word of DRAM: the lower end of 1.3 to 2.6 nJ, / 8.
    """

    multiply: float = 0.2
    accumulate: float = 0.1
    sram_byte: float = 20 / 8
    dram_byte: float = 1300 / 8

    def mac(self, weight_bits: int, activation_bits: int) -> float:
        """A product and its addition."""
        return self.multiply * weight_bits * activation_bits / 64 + self.accumulate


def step_energy(
    macs: float, weight_bytes: float, mac_pj: float, coefficients: Coefficients
) -> dict[str, float]:
    """Picojoules of a step's products, of their weights in SRAM and in DRAM, and of all.

    Every byte of weights comes from DRAM once, is written to SRAM and read from it. The rest of the
    machine (rows, states, cell unit, clock) is not in it.
    """
    products = macs * mac_pj
    sram = weight_bytes * 2 * coefficients.sram_byte
    dram = weight_bytes * coefficients.dram_byte
    return {
        "products_pj": products,
        "sram_pj": sram,
        "dram_pj": dram,
        "energy_pj": products + sram + dram,
    }
