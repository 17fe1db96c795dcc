"""What a user can mend."""

__all__ = ["UserError"]


class UserError(Exception):
    """Something that the user can mend: the message is one sentence for them, and no traceback.

    Every error of this project that is meant for people is one, so that whoever talks to them
    need not load the part of the project that it comes from.
    """
