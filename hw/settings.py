"""What is said of each field of a configuration: one text for files, pages, help and docstrings."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from textwrap import wrap

__all__ = ["Setting", "about", "parameters_text", "settings_of"]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One thing that can be chosen, as files, the command line and pages say it.

    Members
    -------
    name : str
        What it is called there.
    field : str
        The field of ``Config`` that holds it.
    kind : type
        ``int``, ``float``, ``bool`` or ``str``.
    meaning : str
        What it is.
    unit : str
        What its value counts; empty for a name.
    allowed : str
        What it can be, for the sentence "NAME must be ...".
    cost : str
        What a larger value, or another one, takes and gives.
    default : int, float, bool, str or None
        What it is if nothing is said; None if it must be said.
    """

    name: str
    field: str
    kind: type
    meaning: str
    unit: str
    allowed: str
    cost: str
    default: int | float | str | None = None


def about(
    meaning: str, *, allowed: str, cost: str, unit: str = "", name: str = ""
) -> dict[str, str]:
    """Metadata of a field of a dataclass, from which its ``Setting`` is made.

    Parameters are those of ``Setting``; ``name`` is that of the field unless told.
    """
    said = {"meaning": meaning, "allowed": allowed, "cost": cost, "unit": unit}
    return {**said, "name": name} if name else said


def settings_of(
    owner: type, behind: Mapping[str, Setting], texts: Mapping[str, str]
) -> dict[str, Setting]:
    """Settings of a dataclass by name, in the order of its fields.

    Parameters
    ----------
    owner : type
        The dataclass; every field has metadata made by ``about``.
    behind : dict of Setting
        Settings that stand behind the one of a field, by the field's name.
    texts : dict of str
        Defaults of fields whose values are written as text, by the field's name.
    """
    found = {}
    for item in fields(owner):
        said = {"name": item.name, **item.metadata}
        if item.name in texts:
            said |= {"kind": str, "default": texts[item.name]}
        else:
            default = None if item.default is MISSING else item.default
            said |= {"kind": item.type, "default": default}
        found[said["name"]] = Setting(field=item.name, **said)
        if item.name in behind:
            found[behind[item.name].name] = behind[item.name]
    return found


def parameters_text(owner: type) -> str:
    """The part of a dataclass's documentation that says what its fields are."""
    lines = ["", "", "Parameters", "----------"]
    for item in fields(owner):
        said = item.metadata
        unit = f" In {said['unit']}." if said["unit"] else ""
        lines.append(f"{item.name} : {item.type.__name__}")
        lines += wrap(
            f"{said['meaning']}{unit} Must be {said['allowed']}. Cost: {said['cost']}",
            width=92,
            initial_indent="    ",
            subsequent_indent="    ",
        )
    return "\n    ".join(lines) + "\n    "
