"""The ``refrain`` command's entry."""

import sys
import warnings

__all__ = ["main"]

_INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit.

    Exit status 0 for success, 2 for anything that the user can mend, with one sentence on the
    error output, 130 after Ctrl-C.
    """
    if not sys.warnoptions:
        # Of use to programmers, who ask for them; the error output is for sentences.
        warnings.simplefilter("ignore")
    try:
        # Here, so that Ctrl-C while packages load ends as quietly as any other.
        from sim.cli.app import run

        status = run(sys.argv[1:])
    except KeyboardInterrupt:
        status = _INTERRUPTED
    sys.exit(status)
