"""Every board, by name."""

from boards import arty_a7, ecp5, icebreaker
from boards.board import Board
from boards.zynq import boards as zynq
from hw.config import ConfigError

__all__ = ["BOARDS", "find_board"]

BOARDS = {
    board.name: board for board in (*zynq.BOARDS, *arty_a7.BOARDS, *ecp5.BOARDS, *icebreaker.BOARDS)
}


def find_board(name: str) -> Board:
    """The board of that name.

    Raises
    ------
    ConfigError
        There is none.
    """
    if name not in BOARDS:
        raise ConfigError(f"there is no board {name!r}; the boards are {', '.join(BOARDS)}")
    return BOARDS[name]
