"""Bodies of Loop and Scan nodes: what goes from step to step, what comes in, what is kept."""

from dataclasses import dataclass

import onnx

from sim.networks.network import NetworkError
from sim.networks.onnx.sheet import Sheet
from sim.networks.onnx.walk import attributes, names_used, node_name

__all__ = ["Body", "Kept", "State", "Taken", "read_body"]


@dataclass(frozen=True, kw_only=True)
class State:
    """What one step hands to the next: ``first`` outside, then ``before`` and ``after`` inside.

    ``last`` is the node's output, empty if nobody asks for it.
    """

    first: str
    before: str
    after: str
    last: str


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A tensor of which a Scan takes a slice each step: ``whole`` outside, ``each`` inside."""

    whole: str
    each: str
    axis: int
    reverse: bool


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A tensor that is collected: ``each`` inside, ``whole`` is the node's output."""

    each: str
    whole: str
    axis: int
    reverse: bool


@dataclass(frozen=True, kw_only=True)
class Body:
    """One step of a Loop or Scan.

    Members
    -------
    sheet : Sheet
        The body as a graph of its own. Its inputs are states, slices, the counter of a Loop, and
        tensors from outside that are not constant; what never changes has its name from outside.
    states, taken, kept : tuple
        What it hands on, takes and collects.
    counter : str
        The number of the step inside, for a Loop; empty for a Scan.
    most, go, again : str
        A Loop's limit and first condition outside, and its next condition inside; may be empty.
    """

    sheet: Sheet
    states: tuple[State, ...]
    taken: tuple[Taken, ...] = ()
    kept: tuple[Kept, ...] = ()
    counter: str = ""
    most: str = ""
    go: str = ""
    again: str = ""


def read_body(outer: Sheet, node: onnx.NodeProto) -> Body | None:
    """The body of a Loop or Scan node; None where its form is not known."""
    given = attributes(node)
    graph = given.get("body")
    if graph is None or graph.sparse_initializer:
        return None
    copies = {n.output[0]: n.input[0] for n in graph.node if n.op_type == "Identity"}

    def origin(name):
        while name in copies:
            name = copies[name]
        return name

    if node.op_type == "Loop":
        parts = _loop_parts(node, graph, origin)
    else:
        parts = _scan_parts(node, graph, given)
    fixed = {s.before: s.first for s in parts["states"] if origin(s.after) == s.before}
    parts["states"] = tuple(s for s in parts["states"] if s.before not in fixed or s.last)
    return Body(sheet=_sheet(outer, graph, fixed), **parts)


def _loop_parts(node: onnx.NodeProto, graph: onnx.GraphProto, origin) -> dict:
    inputs, outputs = [v.name for v in graph.input], [v.name for v in graph.output]
    first = [*node.input, "", ""]
    count = len(inputs) - 2
    last = [*node.output, *[""] * len(outputs)]
    states = zip(node.input[2:], inputs[2:], outputs[1 : 1 + count], last, strict=False)
    collected = zip(outputs[1 + count :], last[count:], strict=False)
    return {
        "states": [State(first=f, before=b, after=a, last=end) for f, b, a, end in states],
        "kept": tuple(Kept(each=e, whole=w, axis=0, reverse=False) for e, w in collected if w),
        "counter": inputs[0],
        "most": first[0],
        "go": first[1],
        "again": "" if origin(outputs[0]) == inputs[1] else outputs[0],
    }


def _scan_parts(node: onnx.NodeProto, graph: onnx.GraphProto, given: dict) -> dict:
    inputs, outputs = [v.name for v in graph.input], [v.name for v in graph.output]
    scans = given["num_scan_inputs"]
    count = len(inputs) - scans
    last = [*node.output, *[""] * len(outputs)]
    # Before opset 9, a Scan had sequence lengths as its first input and a batch in front.
    states = zip(node.input, inputs[:count], outputs[:count], last, strict=False)
    ins, outs = len(inputs) - count, len(outputs) - count
    axes = given.get("scan_input_axes", [0] * ins), given.get("scan_output_axes", [0] * outs)
    turns_in = given.get("scan_input_directions", [0] * ins)
    turns_out = given.get("scan_output_directions", [0] * outs)
    if count < 0 or not ins == len(node.input) - count == len(axes[0]) == len(turns_in):
        raise NetworkError(
            f"the Scan node {node_name(node)} has other inputs than its body takes; the file is "
            f"damaged"
        )
    taken = zip(node.input[count:], inputs[count:], axes[0], turns_in, strict=True)
    kept = zip(outputs[count:], last[count:], axes[1], turns_out, strict=False)
    return {
        "states": [State(first=f, before=b, after=a, last=end) for f, b, a, end in states],
        "taken": tuple(
            Taken(whole=w, each=e, axis=axis, reverse=bool(turn)) for w, e, axis, turn in taken
        ),
        "kept": tuple(
            Kept(each=e, whole=w, axis=axis, reverse=bool(turn)) for e, w, axis, turn in kept if w
        ),
    }


def _sheet(outer: Sheet, graph: onnx.GraphProto, fixed: dict[str, str]) -> Sheet:
    """The body as a graph of its own."""
    copies = [onnx.helper.make_node("Identity", [f], [b]) for b, f in fixed.items()]
    nodes = [*copies, *graph.node]
    inside = {name for node in nodes for name in node.output} | {t.name for t in graph.initializer}
    changing = [v for v in graph.input if v.name not in fixed]
    used = {name for node in nodes for name in names_used(node)}
    captured = sorted(used - inside - {v.name for v in changing} - {""})
    constants, inputs = list(graph.initializer), list(changing)
    for name in captured:
        value = outer.value(name)
        if value is None:
            inputs.append(outer.value_info(name))
        else:
            constants.append(onnx.numpy_helper.from_array(value, name))
    body = onnx.helper.make_graph(nodes, "body", inputs, graph.output, constants)
    return Sheet(outer.model_of(body))
