"""Files and folders that one process at a time may work in.

The operating system lets go of a lock when the process that holds it ends, however it ends, so
none is ever left behind.
"""

import fcntl

__all__ = ["try_lock"]


def try_lock(handle: int) -> bool:
    """Take hold of an open file or folder; False where another handle has it.

    On a file system without locks everybody gets it.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
