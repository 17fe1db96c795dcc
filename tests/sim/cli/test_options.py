from dataclasses import dataclass
from typing import Annotated

import pytest
import typer

from sim.cli.options import grouped


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large."""

    width: Annotated[int, typer.Option("--wide", help="Across.")]
    height: Annotated[int, typer.Option(help="Upwards.")] = 2


@pytest.fixture
def invoke():
    """The command line of a command with a group, and what the command was given."""
    seen, app = [], typer.Typer(add_completion=False)

    @app.command()
    @grouped
    def draw(name: Annotated[str, typer.Argument()], size: Size, thick: bool = False) -> None:
        """Draw."""
        seen.append((name, size, thick))

    return lambda *arguments: app(arguments, standalone_mode=False), seen


def test_fields_are_options_and_come_as_one_object(invoke):
    call, seen = invoke
    call("box", "--wide", "3")
    call("--height", "4", "--thick", "--wide", "1", "line")
    assert seen == [
        ("box", Size(width=3), False),
        ("line", Size(width=1, height=4), True),
    ]


def test_a_field_without_a_default_must_be_given(invoke):
    call, _ = invoke
    with pytest.raises(typer.BadParameter.__base__, match=r"[Mm]issing .*(width|--wide)"):
        call("box")


def test_options_stand_where_the_group_stood(invoke, capsys):
    call, _ = invoke
    call("--help")
    text = capsys.readouterr().out
    places = [text.index(part) for part in ("name", "--wide", "Across.", "--height", "--thick")]
    assert places == sorted(places)
