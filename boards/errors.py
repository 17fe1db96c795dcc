"""What goes wrong around a board."""

from hw.errors import UserError

__all__ = ["BoardError"]


class BoardError(UserError):
    """A board, a cable or a tool does not do what was asked; one sentence for the user."""
