"""What goes wrong around a board."""

__all__ = ["BoardError"]


class BoardError(Exception):
    """A board, a cable or a tool does not do what was asked; one sentence for the user."""
