"""Refusals as people read them: one line each, and never too long for one."""

__all__ = ["MOST", "one_line", "printable"]

MOST = 400
"""Characters of a refusal, at the most."""

_DOTS = "..."
_WORDS = (160, 120, 100, 80, 64, 48)
"""Characters that a single word may have; the first that is enough is taken."""


def one_line(text: str) -> str:
    """A sentence in at most ``MOST`` printable characters.

    Line ends become spaces, and what cannot be printed is written as Python escapes it. In a
    sentence that is too long, long words (paths, names of tensors) lose their middle first; a list
    that is still too long loses its middle as a whole.
    """
    text = printable(" ".join(text.split()))
    for most in _WORDS:
        if len(text) <= MOST:
            return text
        text = " ".join(_shorten(word, most) for word in text.split())
    return _shorten(text, MOST)


def printable(text: str) -> str:
    """A text in which nothing steers a terminal: such characters are written as Python escapes."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def _shorten(text: str, most: int) -> str:
    """Without its middle where it is longer; a little more is kept of the end, as of paths."""
    if len(text) <= most:
        return text
    head = (most - len(_DOTS)) // 2
    return text[:head] + _DOTS + text[head - (most - len(_DOTS)) :]
