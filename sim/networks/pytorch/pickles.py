"""Pickles read as data: nothing in them is imported, called or built.

``pickle`` runs what a file says. Here the opcodes, which ``pickletools`` of the standard library
decodes, move plain values on a stack, and a class or function that the file names stays a name.
What ``torch.save`` writes needs no more than that, so a file from anywhere can be opened.
"""

import pickletools
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO

__all__ = ["Global", "Object", "Pickle", "PickleError", "Reference", "read_pickle"]

_DICTS = ("collections OrderedDict", "collections defaultdict", "builtins dict")
"""Calls that are carried out, as an empty or a filled ``dict``."""
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_FRESH = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_SET": list}
_VALUES = frozenset(
    {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"}
    | {"UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"}
    | {"STRING", "BINSTRING", "SHORT_BINSTRING"}
    | {"BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"}
)
_IGNORED = frozenset({"PROTO", "FRAME"})
_DAMAGE = (ValueError, LookupError, TypeError, AttributeError, OverflowError)


class PickleError(ValueError):
    """The bytes are no pickle, or a damaged one."""


@dataclass(frozen=True)
class Global:
    """A class or function by name, such as ``torch FloatStorage``; it is never looked up."""

    name: str


@dataclass
class Object:
    """What a call of a class or function would have given; the call is not made.

    Members
    -------
    maker : Global or whatever else the file calls
        What would be called.
    arguments : tuple
        With what.
    state : object
        What the file would have the object take up afterwards.
    items : list
        Values that the file appends or sets on it, pairs of key and value for the latter.
    """

    maker: object
    arguments: tuple
    state: object = None
    items: list = field(default_factory=list)


@dataclass(frozen=True)
class Reference:
    """A persistent id: what is stored elsewhere in the file."""

    id: object


@dataclass(frozen=True, kw_only=True)
class Pickle:
    """What a pickle holds.

    Members
    -------
    value : object
        Dictionaries, lists, tuples, numbers, texts, and ``Object`` for what would be made by a
        call. It may contain itself.
    names : set of str
        Classes and functions that it names.
    references : list of Reference
        Persistent ids in it.
    """

    value: object
    names: set[str]
    references: list[Reference]


_MARK = object()


def read_pickle(file: BinaryIO) -> Pickle:
    """The pickle that begins at the file's position, which moves behind it.

    Raises
    ------
    PickleError
        The bytes are no pickle.
    """
    machine = _Machine()
    try:
        with warnings.catch_warnings():
            # Python warns of texts that are escaped in a way that only a damaged file has.
            warnings.simplefilter("ignore")
            for opcode, argument, _ in pickletools.genops(file):
                if opcode.name == "STOP":
                    value = machine.pop()
                    return Pickle(value=value, names=machine.names, references=machine.references)
                machine.step(opcode.name, argument)
    except _DAMAGE as error:
        raise PickleError(str(error)) from None
    raise PickleError("it does not end")


class _Machine:
    """The stack and the memo of one pickle."""

    def __init__(self):
        self.stack, self.memo = [], {}
        self.names, self.references = set(), []
        self._steps: dict[str, Callable[[object], None]] = {
            "MARK": lambda _: self.stack.append(_MARK),
            "POP": lambda _: self.stack.pop(),
            "POP_MARK": lambda _: self._marked(),
            "DUP": lambda _: self.stack.append(self.stack[-1]),
            "MEMOIZE": lambda _: self.memo.update({len(self.memo): self.stack[-1]}),
            "LIST": lambda _: self.stack.append(self._marked()),
            "DICT": lambda _: self.stack.append(dict(_pairs(self._marked()))),
            "TUPLE": lambda _: self.stack.append(tuple(self._marked())),
            "FROZENSET": lambda _: self.stack.append(self._marked()),
            "GLOBAL": lambda name: self.stack.append(self._global(name)),
            "STACK_GLOBAL": lambda _: self.stack.append(self._global(" ".join(self._take(2)))),
            "PERSID": lambda name: self._refer(name),
            "BINPERSID": lambda _: self._refer(self.pop()),
            "APPEND": lambda _: self._extend([self.pop()]),
            "APPENDS": lambda _: self._extend(self._marked()),
            "ADDITEMS": lambda _: self._extend(self._marked()),
            "SETITEM": lambda _: self._update(self._take(2)),
            "SETITEMS": lambda _: self._update(self._marked()),
            "REDUCE": lambda _: self.stack.append(_call(*self._take(2))),
            "NEWOBJ": lambda _: self.stack.append(_call(*self._take(2))),
            "NEWOBJ_EX": lambda _: self.stack.append(_call(*self._take(3))),
            "OBJ": lambda _: self._object(self._marked()),
            "INST": lambda name: self._object([self._global(name), *self._marked()]),
            "BUILD": lambda _: self._build(self.pop()),
        }

    def step(self, name: str, argument) -> None:
        """Carry out one opcode."""
        if name in _VALUES:
            self.stack.append(argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _FRESH:
            self.stack.append(_FRESH[name]())
        elif name in self._steps:
            self._steps[name](argument)
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            self.stack.append(tuple(self._take(int(name[-1]))))
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            self.memo[argument] = self.stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            self.stack.append(self.memo[argument])
        elif name not in _IGNORED:
            raise ValueError(f"the opcode {name}")

    def pop(self):
        """The value on top."""
        return self._take(1)[0]

    def _take(self, count: int) -> list:
        if len(self.stack) < count or any(value is _MARK for value in self.stack[-count:]):
            raise ValueError("the stack is empty")
        values = self.stack[-count:]
        del self.stack[-count:]
        return values

    def _marked(self) -> list:
        """The values above the last mark, which goes too."""
        place = len(self.stack) - 1
        while self.stack[place] is not _MARK:
            place -= 1
            if place < 0:
                raise ValueError("there is no mark")
        values = self.stack[place + 1 :]
        del self.stack[place:]
        return values

    def _global(self, name: str) -> Global:
        self.names.add(name)
        return Global(name)

    def _refer(self, to) -> None:
        self.references.append(Reference(to))
        self.stack.append(self.references[-1])

    def _object(self, values: list) -> None:
        self.stack.append(_call(values[0], tuple(values[1:])))

    def _extend(self, values: list) -> None:
        target = self.stack[-1]
        (target.items if isinstance(target, Object) else target).extend(values)

    def _update(self, values: list) -> None:
        target = self.stack[-1]
        if isinstance(target, Object):
            target.items.extend(_pairs(values))
        else:
            target.update(_pairs(values))

    def _build(self, state) -> None:
        # A state dict is an OrderedDict with an attribute beside its items, which says nothing.
        if isinstance(self.stack[-1], Object):
            self.stack[-1].state = state


def _pairs(values: list) -> list[tuple]:
    return list(zip(values[::2], values[1::2], strict=True))


def _call(maker, arguments, *_):
    """A dictionary where one would be made, else an ``Object``."""
    if not isinstance(arguments, tuple):
        raise ValueError("the arguments of a call are no tuple")
    if isinstance(maker, Global) and maker.name in _DICTS:
        given = arguments[-1] if arguments else ()
        return dict(given) if isinstance(given, dict | list) else {}
    return Object(maker, arguments)
