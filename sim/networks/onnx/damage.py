"""Models that are not what ONNX says a model is: found out where something fails on them.

A sound model costs nothing: it is looked through only after a failure. A failure on a model in
which nothing wrong is found is a mistake of this project, and stays what it is.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import onnx
import onnx.inliner
import onnx.shape_inference
from google.protobuf.message import Message
from onnx.external_data_helper import uses_external_data

from sim.networks.network import NetworkError

__all__ = ["check_names", "explained", "find_damage"]

_ADVICE = "write the file anew, or get it again"


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Where a model is worked on that nobody has checked; ``path`` is its file.

    Raises
    ------
    NetworkError
        Something failed inside, and the model is damaged.
    """
    try:
        yield
    except (NetworkError, OSError, MemoryError):
        raise
    except Exception as error:
        # On a damaged model anything may fail; on a sound one this is a mistake of ours.
        damage = find_damage(onnx.load(path, load_external_data=False))
        if damage is None:
            raise
        raise NetworkError(f"{path} is a damaged ONNX model: {damage}; {_ADVICE}") from error


def check_names(path: Path, model: onnx.ModelProto) -> None:
    """Refuse names that are no text, which nothing could be found by.

    Raises
    ------
    NetworkError
        The first such name.
    """
    for graph in _graphs(model):
        values = (*graph.input, *graph.output, *graph.value_info)
        named = [each.name for each in (*values, *graph.initializer)]
        named += [axis.dim_param for v in values for axis in v.type.tensor_type.shape.dim]
        if not all(isinstance(name, str) for name in named):
            damage = "the name of a value or axis is not text"
        elif not all(map(_is_named_in_text, graph.node)):
            damage = "a name in a node is not text"
        else:
            continue
        raise NetworkError(f"{path} is a damaged ONNX model: {damage}; {_ADVICE}")


def _graphs(model: onnx.ModelProto) -> Iterator[onnx.GraphProto | onnx.FunctionProto]:
    """The main graph and those inside of nodes."""
    pending = [model.graph]
    while pending:
        graph = pending.pop()
        yield graph
        for node in graph.node:
            for attribute in node.attribute:
                pending += [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]


def _is_named_in_text(node: onnx.NodeProto) -> bool:
    names = (node.name, node.op_type, node.domain, *node.input, *node.output)
    names += tuple(attribute.name for attribute in node.attribute)
    return all(isinstance(name, str) for name in names)


def find_damage(model: onnx.ModelProto) -> str | None:
    """What is wrong with a model; None where nothing is found."""
    for find in (_broken_text, _broken_tensor, _broken_rule, _broken_attribute):
        found = find(model)
        if found is not None:
            return found
    return None


def _messages(message: Message) -> Iterator[Message]:
    """A message and all messages inside."""
    pending = [message]
    while pending:
        message = pending.pop()
        yield message
        for field, value in message.ListFields():
            if field.message_type is not None:
                pending.extend(value if field.is_repeated else [value])


def _broken_text(model: onnx.ModelProto) -> str | None:
    """Names are text; what is not UTF-8 comes as bytes."""
    for message in _messages(model):
        for field, value in message.ListFields():
            if field.type == field.TYPE_STRING:
                for each in value if field.is_repeated else [value]:
                    if not isinstance(each, str):
                        kind = message.DESCRIPTOR.name.removesuffix("Proto").lower()
                        return f"the {field.name} of a {kind} is not text"
    return None


def _broken_tensor(model: onnx.ModelProto) -> str | None:
    """Tensors have as many values as their shape says, of a type that there is."""
    for message in _messages(model):
        if isinstance(message, onnx.TensorProto):
            try:
                if not uses_external_data(message):
                    onnx.numpy_helper.to_array(message)
            except Exception as error:
                # NumPy and onnx raise whatever the damage leads to.
                return f"the tensor {message.name or 'of a node'} cannot be read: {_line(error)}"
    return None


def _broken_rule(model: onnx.ModelProto) -> str | None:
    """The rules of ONNX, and what its operators take."""
    checks = (onnx.checker.check_model, onnx.shape_inference.infer_shapes, _infer_inlined)
    for check in checks:
        try:
            check(model)
        except Exception as error:
            # onnx raises classes of its own, and whatever protobuf does.
            return _line(error)
    return None


def _infer_inlined(model: onnx.ModelProto):
    onnx.shape_inference.infer_shapes(onnx.inliner.inline_local_functions(model))


def _broken_attribute(model: onnx.ModelProto) -> str | None:
    """Attributes that choose among words are text."""
    for message in _messages(model):
        if isinstance(message, onnx.AttributeProto):
            for text in (message.s, *message.strings):
                try:
                    text.decode()
                except UnicodeDecodeError:
                    return f"the attribute {message.name} is not text"
    return None


def _line(error: Exception) -> str:
    """The first line of a library's message, without its end."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__).rstrip(" .")
