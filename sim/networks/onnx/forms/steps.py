"""Cells of LSTMs that a graph writes out, rewritten into LSTM nodes: one for a chain of steps."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import onnx

from sim.networks.onnx.builder import Builder
from sim.networks.onnx.forms.cells import Cell, CellFinder, is_zero
from sim.networks.onnx.sheet import Sheet
from sim.networks.onnx.walk import ancestors, names_used, without_dead_nodes

__all__ = ["constant_weights", "rewrite_steps"]


def rewrite_steps(model: onnx.ModelProto) -> tuple[onnx.ModelProto, list[str]]:
    """Cells become LSTM nodes; steps of one layer that follow each other become one node over time.

    A step stays a node of its own where the next one's input needs what it gives, or where its
    ``c`` is asked for. What was done comes as sentences.
    """
    if not any(node.op_type == "Tanh" for node in model.graph.node):
        return model, []
    sheet = Sheet(model)
    cells = CellFinder(sheet).find()
    if not cells:
        return model, []
    notes = []
    removed, added = set(), []
    chains = [part for chain in _chains(cells) for part in _parts(sheet, chain)]
    if not chains:
        return model, []
    for chain in chains:
        removed |= {cell.h for cell in chain} | {chain[-1].c}
        title = sheet.fresh(chain[0].name)
        added += _node(sheet, title, chain)
        steps = f"{len(chain)} steps" if len(chain) > 1 else "one step"
        notes.append(
            f"LSTM node {title} stands for {steps} of an LSTM that the model writes out as "
            f"products, sigmoids and tangents"
        )
    sheet.replace(removed, added)
    return sheet.model(), notes


def constant_weights(sheet: Sheet, title: str, cell: Cell, element: int) -> list[str]:
    """``W``, ``R`` and ``B`` of an LSTM node for a cell, as constants of the graph."""
    kind = onnx.helper.tensor_dtype_to_np_dtype(element or onnx.TensorProto.FLOAT)
    both = np.concatenate([cell.bias, np.zeros_like(cell.bias)])
    return [
        sheet.constant(f"{title}/{name}", np.ascontiguousarray(value[None].astype(kind)))
        for name, value in (("W", cell.W), ("R", cell.R), ("B", both))
    ]


def _chains(cells: list[Cell]) -> list[list[Cell]]:
    """Cells by layer: each list follows the state from step to step."""
    chains, ends = [], {}
    for cell in cells:
        chain = ends.pop((cell.h_before, cell.c_before), None)
        if chain is None or not cell.has_weights_of(chain[-1]):
            chain = []
            chains.append(chain)
        chain.append(cell)
        ends[cell.h, cell.c] = chain
    return [whole for chain in chains if (whole := _whole(chain))]


def _whole(chain: list[Cell]) -> list[Cell]:
    """A chain whose first step has the recurrent weights of the next; empty where there is none."""
    first, *rest = chain
    if first.R is None and rest:
        first = replace(first, R=rest[0].R)
    return [] if first.R is None else [first, *rest]


def _parts(sheet: Sheet, chain: list[Cell]) -> list[list[Cell]]:
    """The parts of a chain that one node each can stand for."""
    made = {name for cell in chain for name in (cell.h, cell.c)}
    needed = set()
    for cell in chain[1:]:
        for source, _ in cell.sources:
            for node in ancestors(source, sheet.makers).values():
                needed.update(node.output)
    if len(chain) > 1 and made & needed:
        return [[cell] for cell in chain]
    ends = _asked_for(sheet, chain)
    parts = [[]]
    for cell in chain:
        parts[-1].append(cell)
        if cell.c in ends and cell is not chain[-1]:
            parts.append([])
    return parts


def _asked_for(sheet: Sheet, chain: list[Cell]) -> set[str]:
    """Cell states that something besides the next step needs, and the last one."""
    hidden, ends = {cell.h for cell in chain}, {chain[-1].c}

    def used():
        gone = hidden | ends
        rest = [node for node in sheet.nodes if gone.isdisjoint(node.output)]
        alive = without_dead_nodes(rest, sheet.outputs)
        return {*sheet.outputs, *(name for node in alive for name in names_used(node))}

    # What only a later state needs is not asked for once that one is an end.
    while asked := (used() - ends) & {cell.c for cell in chain}:
        ends.add(next(cell.c for cell in reversed(chain) if cell.c in asked))
    return ends


def _node(sheet: Sheet, title: str, chain: list[Cell]) -> list[onnx.NodeProto]:
    """An LSTM node for some steps, and what brings tensors into its shapes and back."""
    build = Builder(sheet, title)
    first, last = chain[0], chain[-1]
    size, pattern = first.hidden_size, first.sources[0][0]
    rows = [_row(sheet, build, cell.sources) for cell in chain]
    x = build.add("Concat", rows, axis=0) if len(rows) > 1 else rows[0]
    states = ["", ""]
    if not (is_zero(sheet, first.h_before) and is_zero(sheet, first.c_before)):
        states = [_state(sheet, build, n, pattern, size) for n in (first.h_before, first.c_before)]
    weights = constant_weights(sheet, title, first, sheet.element(last.c))
    outputs = [sheet.fresh(f"{title}/{name}") for name in ("Y", "Y_h", "Y_c")]
    build.nodes.append(
        onnx.helper.make_node("LSTM", [x, *weights, "", *states], outputs, title, hidden_size=size)
    )
    _back(sheet, build, outputs[1], last.h, pattern, size)
    _back(sheet, build, outputs[2], last.c, pattern, size)
    for number, cell in enumerate(chain[:-1]):
        step = build.add("Gather", [outputs[0], build.constant(number)], axis=0)
        _back(sheet, build, step, cell.h, pattern, size)
    return build.nodes


def _row(sheet: Sheet, build: Builder, sources: Sequence[tuple[str, int]]) -> str:
    """Tensors side by side as one step, [1, batch, size]."""
    names, size = [name for name, _ in sources], sum(size for _, size in sources)
    name = build.add("Concat", names, axis=-1) if len(names) > 1 else names[0]
    if sheet.rank(names[0]) == 2:
        return build.unsqueeze(name, 0)
    return build.reshape(name, [1, -1, size])


def _state(sheet: Sheet, build: Builder, name: str, pattern: str, size: int) -> str:
    """A state as [1, batch, size]; the graph may have one for all sequences."""
    sizes, wanted = sheet.shape(name), sheet.shape(pattern)
    if sizes is None or wanted is None or None in sizes or sizes[:-1] != wanted[:-1]:
        name = build.add("Expand", [name, build.first_sizes(pattern, size)])
    if sheet.rank(pattern) == 2:
        return build.unsqueeze(name, 0)
    return build.reshape(name, [1, -1, size])


def _back(sheet, build: Builder, name: str, output: str, pattern: str, size: int) -> None:
    """[1, batch, size] as the graph had it: like ``pattern`` in all but the last size."""
    if sheet.rank(pattern) == 2:
        build.squeeze(name, 0, output)
    else:
        build.add("Reshape", [name, build.first_sizes(pattern, size)], output)
