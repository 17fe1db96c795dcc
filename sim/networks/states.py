"""Which inputs of a model are states that its outputs give back."""

import re
from collections.abc import Sequence

from sim.networks.network import NetworkError
from sim.networks.whole import Dims, WholeModel
from sim.networks.wording import listed

__all__ = ["chosen_pairs", "guessed_pairs", "may_pair"]

_MARKS = re.compile(
    "in|inputs?|out|outputs?|prev|previous|next|old|new|init|initial|final|last|cur|current|past|"
    "present|n|t|i|o|s|f|0"
)
"""Words and letters that tell a state that goes in from the one that comes out."""
_STATES = re.compile(
    "[hc]|[hc]x|hc|[hc]s|hid|hidden|cell|states?|memory|mem|cache|context|rnn|lstm|buffer"
)
"""Words of a name that say state."""
_WORDS = re.compile(r"[a-z]+|\d+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_GLUED = re.compile(
    r"^(?P<core>h|c|hx|cx|hidden|cell|states?|memory|mem|cache|context)"
    r"(?P<mark>in|out|n|i|o|prev|next|new|old|t)$"
)
_SHOWN = 8


def chosen_pairs(model: WholeModel, texts: Sequence[str]) -> dict[str, str]:
    """The pairs that a user names: output by input.

    Raises
    ------
    NetworkError
        A text is not ``IN=OUT``, or one of the two is not there or named twice, or cannot be the
        other's value for its shape.
    """
    pairs = {}
    for text in texts:
        name, equals, output = text.partition("=")
        if not equals:
            raise NetworkError(f"a state must be given as IN=OUT, not {text}")
        for what, given, known in (
            ("input", name, model.inputs),
            ("output", output, model.outputs),
        ):
            if given not in known:
                raise NetworkError(
                    f"{model.path} has no {what} {given}; it has {listed(known, _SHOWN)}"
                )
        if name in pairs or output in pairs.values():
            raise NetworkError(f"--state {text} names an input or output for the second time")
        if not may_pair(model.dims.get(name), model.dims.get(output)):
            raise NetworkError(
                f"{model.path}: the output {output}, {_text(model.dims[output])}, cannot be the "
                f"next value of the input {name}, {_text(model.dims[name])}"
            )
        pairs[name] = output
    return pairs


def guessed_pairs(model: WholeModel) -> dict[str, str]:
    """Pairs that names and shapes say: output by input; empty where nothing is said.

    Names say it when they speak of a state and differ only in a mark such as ``in`` and ``out``,
    ``0`` and ``n``, and their shapes fit.
    """
    pairs = {}
    inputs = {name: _core(name) for name in model.inputs}
    outputs = {name: _core(name) for name in model.outputs}
    for name, core in inputs.items():
        found = [
            output
            for output, other in outputs.items()
            if other == core and core and may_pair(model.dims.get(name), model.dims.get(output))
        ]
        same = [each for each, other in inputs.items() if other == core]
        if len(found) == 1 and len(same) == 1 and name != found[0] and _is_state(core):
            pairs[name] = found[0]
    return pairs


def _is_state(core: tuple[str, ...]) -> bool:
    """Whether a name says state; ``x`` and ``y`` or ``audio`` do not, whatever their marks."""
    return any(_STATES.fullmatch(word) for word in core)


def _core(name: str) -> tuple[str, ...]:
    """The words of a name without its marks."""
    words = []
    for word in _WORDS.findall(_CAMEL.sub("_", name.rsplit(":", 1)[0]).lower()):
        glued = _GLUED.match(word)
        words.append(glued["core"] if glued else word)
    return tuple(word for word in words if not _MARKS.fullmatch(word))


def may_pair(given: Dims, made: Dims) -> bool:
    """Whether a value of one declared shape can have the other."""
    if given is None or made is None:
        return True
    return len(given) == len(made) and all(
        one == other or not (isinstance(one, int) and isinstance(other, int))
        for one, other in zip(given, made, strict=True)
    )


def _text(dims: Dims) -> str:
    if dims is None:
        return "of any shape"
    return f"[{', '.join('any' if size is None else str(size) for size in dims)}]"
