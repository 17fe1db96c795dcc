"""Options of a command in groups: a command with many of them takes a few objects."""

from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from functools import wraps
from inspect import Parameter, signature

__all__ = ["grouped"]


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
