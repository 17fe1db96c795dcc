"""Options that several commands share, and options in groups for a command with many of them."""

from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated

import typer

from hw.config import CONFIGS, SETTINGS

__all__ = [
    "CONFIG_HELP",
    "ActivationBits",
    "Changes",
    "ConfigName",
    "Json",
    "Lower",
    "MetricName",
    "MultiplierName",
    "NetworkBits",
    "NodeName",
    "OtherConfig",
    "Percentile",
    "Quantized",
    "RowScales",
    "StatePairs",
    "WeightBits",
    "grouped",
]

Json = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help="Write the printed figures to FILE."),
]
MultiplierName = Annotated[
    str | None,
    typer.Option(
        "--multiplier",
        metavar="NAME[:NUMBERS]",
        rich_help_panel="Arithmetic",
        help="Another multiplier than the configuration's, as 'refrain multipliers' lists them.",
    ),
]
WeightBits = Annotated[
    int | None, typer.Option(rich_help_panel="Arithmetic", help="Bits of a weight, 4 to 8.")
]
NetworkBits = Annotated[
    int | None,
    typer.Option(
        rich_help_panel="Arithmetic",
        help="Bits of a weight that a network is quantised to; as the accelerator without.",
    ),
]
ActivationBits = Annotated[
    int | None,
    typer.Option(rich_help_panel="Arithmetic", help="Bits of a code of x and h: 4 to 8, or 16."),
]
RowScales = Annotated[
    bool,
    typer.Option(
        "--row-scales",
        rich_help_panel="Arithmetic",
        help="Gates for a scale of each row of weights, and networks that have them.",
    ),
]
MetricName = Annotated[
    str | None,
    typer.Option(
        "--metric",
        metavar="NAME|FILE.py:FUNCTION",
        help="What counts of a network file: sqnr, agreement, accuracy, roc_auc, or a function of "
        "yours of outputs and labels.",
    ),
]
Lower = Annotated[
    bool,
    typer.Option("--lower", help="Less of your function is better, as of a rate of errors."),
]
NodeName = Annotated[
    str | None,
    typer.Option(
        "--node", metavar="NAME", help="Which LSTM, where a file holds several: encoder, say."
    ),
]
Quantized = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Integers that quantize wrote, for the LSTM nodes of an ONNX model; the rest of "
        "them is quantised.",
    ),
]
Percentile = Annotated[
    float | None,
    typer.Option(
        "--percentile",
        metavar="P",
        rich_help_panel="Arithmetic",
        help="Share of the samples' values that the formats of a quantised network cover.",
    ),
]
StatePairs = Annotated[
    list[str] | None,
    typer.Option(
        "--state",
        metavar="IN=OUT",
        help="A state of a model that runs call by call, and the output that is its next value; "
        "repeat it for several. Guessed from names and graph without.",
    ),
]
CONFIG_HELP = f"The accelerator: {', '.join(CONFIGS)}, or a .toml file."
ConfigName = Annotated[str, typer.Option("--config", metavar="NAME|FILE", help=CONFIG_HELP)]
OtherConfig = Annotated[str | None, typer.Option("--config", metavar="NAME|FILE", help=CONFIG_HELP)]
Changes = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Change a field of the configuration; repeat it for several. Fields: "
        f"{', '.join(SETTINGS)}. 'refrain configs --show edge' explains them.",
    ),
]


def grouped(command: Callable) -> Callable:
    """The command, with the fields of its dataclass parameters as options in their place.

    Fields have typer's annotations, and what is no field's default must be given.
    """
    groups, parameters = {}, []
    for name, parameter in signature(command).parameters.items():
        if is_dataclass(parameter.annotation):
            groups[name] = parameter.annotation
            parameters += map(_parameter, fields(parameter.annotation))
        else:
            parameters.append(parameter.replace(kind=Parameter.KEYWORD_ONLY))

    @wraps(command)
    def flat(**given):
        for name, group in groups.items():
            given[name] = group(**{field.name: given.pop(field.name) for field in fields(group)})
        return command(**given)

    flat.__signature__ = signature(command).replace(parameters=parameters)
    flat.__annotations__ = {each.name: each.annotation for each in parameters}
    return flat


def _parameter(field) -> Parameter:
    default = Parameter.empty if field.default is MISSING else field.default
    return Parameter(field.name, Parameter.KEYWORD_ONLY, default=default, annotation=field.type)
