"""``python -m sim.cli`` is ``refrain``."""

from sim.cli.main import main

__all__ = []

main()
