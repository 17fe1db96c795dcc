"""Loop and Scan nodes whose body is one step of LSTM layers, rewritten into LSTM nodes."""

import onnx

from sim.networks.onnx.builder import Builder
from sim.networks.onnx.forms.bodies import State, read_body
from sim.networks.onnx.forms.branches import is_recurrent
from sim.networks.onnx.forms.cells import Cell, CellFinder, is_zero
from sim.networks.onnx.forms.inner import find_inner
from sim.networks.onnx.forms.layers import Layer, Sequence, build_layer
from sim.networks.onnx.forms.overtime import OverTime
from sim.networks.onnx.forms.selects import Select, read_select
from sim.networks.onnx.sheet import Sheet
from sim.networks.onnx.walk import ancestors, identity, is_standard, node_name

__all__ = ["rewrite_loops"]

_OLDEST = 11
"""The first version of ONNX that has every operator that is put in a loop's place."""


def rewrite_loops(model: onnx.ModelProto) -> tuple[onnx.ModelProto, list[str]]:
    """Loops over the steps of LSTM layers become LSTM nodes; what was done comes as sentences.

    A loop that does more than can be done for all its steps at once stays as it is.
    """
    if not any(is_standard(node, "Loop", "Scan") for node in model.graph.node):
        return model, []
    sheet, notes, done = Sheet(model), [], False
    if sheet.opset < _OLDEST:
        return model, []
    for node in list(sheet.nodes):
        if is_standard(node, "Loop", "Scan") and is_recurrent(node):
            titles = _Rewriting(sheet, node).finish()
            if not titles:
                notes.append(
                    f"the {node.op_type} node {node_name(node)} holds what may be an LSTM layer "
                    f"but does more than its steps; it stays on the host"
                )
            done |= bool(titles)
            notes += [
                f"LSTM node {title} stands for the {node.op_type} node {node_name(node)}, whose "
                f"body is one step of it"
                for title in titles
            ]
    return (sheet.model() if done else model), notes


class _Rewriting:
    """One loop on its way to LSTM nodes."""

    def __init__(self, sheet: Sheet, node: onnx.NodeProto):
        self._outer, self._node = sheet, node
        self._build = Builder(sheet, node_name(node))
        self._titles, self._lasts = [], {}

    def finish(self) -> list[str]:
        """Put LSTM nodes in the loop's place; their names, none where the loop stays."""
        body = read_body(self._outer, self._node)
        if body is None:
            return []
        cells = [*CellFinder(body.sheet).find(), *find_inner(body.sheet)]
        if not cells:
            return []
        self._body = body
        count, steps = self._steps()
        self._count = count
        self._over = OverTime(self._outer, self._build, body, steps)
        self._states = {state.before: state for state in body.states}
        if not self._place_all(cells) or not self._give_outputs():
            return []
        self._outer.replace([identity(self._node)], self._build.nodes)
        return self._titles

    def _steps(self) -> tuple[str, str]:
        """How many steps there are, [1], and their numbers, [steps]."""
        build, body = self._build, self._body
        if body.taken:
            taken = body.taken[0]
            axis = taken.axis if taken.axis >= 0 else taken.axis + self._outer.rank(taken.whole)
            count = build.part(build.add("Shape", [taken.whole]), axis, axis + 1)
        else:
            count = self._loop_count()
        ends = build.constant(0), build.squeeze(count, 0), build.constant(1)
        return count, build.add("Range", ends)

    def _loop_count(self) -> str:
        """How many steps a Loop makes: its limit, or what a loop without the layers counts."""
        build, body, outer = self._build, self._body, self._outer
        go = [outer.value(body.go)] if body.go else [True]
        again = [body.sheet.value(body.again)] if body.again else [True]
        if body.most and all(each is not None and bool(each) for each in (*go, *again)):
            return build.reshape(body.most, [1])
        return build.add("Shape", [self._counting_loop()])

    def _counting_loop(self) -> str:
        """A tensor with an element for each step, made by what decides whether there is another."""
        build, body = self._build, self._body
        inside = body.sheet
        graph = next(a.g for a in self._node.attribute if a.name == "body")
        again = body.again or graph.input[1].name
        needed = _needed(inside, again, body.states)
        states = [state for state in body.states if state.before in needed]
        kinds = {v.name: v for v in (*graph.input, *graph.output)}
        nodes = [node for node in inside.nodes if identity(node) in needed]
        counted = build.names("count", 1)[0]
        nodes.append(onnx.helper.make_node("Identity", [body.counter], [counted]))
        outputs = [kinds[again] if again in kinds else graph.output[0]]
        outputs += [kinds[state.after] for state in states]
        outputs.append(onnx.helper.make_tensor_value_info(counted, onnx.TensorProto.INT64, []))
        used = inside.constants_of(nodes, [v.name for v in outputs])
        small = onnx.helper.make_graph(
            nodes, "steps", [*graph.input[:2], *(kinds[s.before] for s in states)], outputs, used
        )
        lasts = build.names("last", len(states))
        (numbers,) = build.names("numbers", 1)
        inputs = [body.most, body.go, *(state.first for state in states)]
        name = build.names("loop", 1)[0]
        build.nodes.append(
            onnx.helper.make_node("Loop", inputs, [*lasts, numbers], name, body=small)
        )
        return numbers

    def _place_all(self, cells: list[Cell]) -> bool:
        """Build the layers, each when what it takes is there; False where one cannot be built."""
        while cells:
            left = [cell for cell in cells if not self._place(cell)]
            if len(left) == len(cells):
                return False
            cells = left
            self._over.forget_failures()
        return True

    def _place(self, cell: Cell) -> bool:
        """Build the layer of one cell; False where it is not one."""
        h, c = self._states.get(cell.h_before), self._states.get(cell.c_before)
        if h is None or c is None:
            return False
        mask = self._mask(cell, h, c)
        if mask is None:
            return False
        parts = [self._over.find(name) for name, _ in cell.sources]
        over_mask = self._mask_over_time(mask) if mask else ""
        if None in parts or over_mask is None:
            return False
        x = parts[0] if len(parts) == 1 else self._build.add("Concat", parts, axis=2)
        if any(self._body.sheet.rank(name) != 2 for name, _ in cell.sources):
            return False
        title = self._outer.fresh(cell.name)
        first_h, first_c = (self._first(state, cell) for state in (h, c))
        sequence = Sequence(x=x, h=first_h, c=first_c, mask=over_mask, count=self._count)
        element = self._body.sheet.element(cell.c) or onnx.TensorProto.FLOAT
        layer = build_layer(self._outer, self._build, title, cell, sequence, element)
        self._titles.append(title)
        self._know(cell, h, c, mask, layer)
        return True

    def _first(self, state: State, cell: Cell) -> str:
        """A state before the first step, [batch, H]."""
        if not cell.extra_axis or is_zero(self._outer, state.first):
            return state.first
        return self._build.squeeze(state.first, 0)

    def _know(self, cell: Cell, h: State, c: State, mask: str, layer: Layer) -> None:
        """Enter what a layer gives as what names inside are over time, and in the end."""
        sheet = self._body.sheet
        lasts = layer.last_h, layer.last_c
        if cell.extra_axis:
            lasts = tuple(self._build.unsqueeze(last, 0) for last in lasts)
        self._lasts |= dict(zip((h.before, c.before), lasts, strict=True))
        if not mask:
            self._over.known[cell.h] = layer.all_h
            for name, axes in cell.copies:
                whole = layer.all_h
                for _ in range(axes):
                    whole = self._build.unsqueeze(whole, 1)
                self._over.known[name] = whole
            return
        self._over.known[sheet.origin(h.after)] = layer.all_h
        # Keras keeps the last output apart from the state; both begin with zero and stay equal.
        for state in self._body.states:
            chosen = read_select(sheet, state.after)
            if chosen == Select(mask=mask, new=cell.h, old=state.before) and all(
                is_zero(self._outer, each.first) for each in (state, h)
            ):
                self._over.known[sheet.origin(state.after)] = layer.all_h
                self._lasts[state.before] = layer.last_h
        self._know_choices(cell, mask, layer)

    def _know_choices(self, cell: Cell, mask: str, layer: Layer) -> None:
        """Enter the new ``h`` where it counts and something else where not."""
        for node in self._body.sheet.nodes:
            chosen = read_select(self._body.sheet, identity(node))
            if chosen is None or (chosen.mask, chosen.new) != (mask, cell.h):
                continue
            value = self._body.sheet.value(chosen.old)
            if value is not None and identity(node) not in self._over.known:
                other = self._build.constant(value, value.dtype)
                over = (
                    self._build.unsqueeze(self._over.find(mask), 1)
                    if (self._body.sheet.rank(mask) == 1)
                    else self._over.find(mask)
                )
                self._over.known[identity(node)] = self._build.add(
                    "Where", [over, layer.all_h, other]
                )

    def _mask(self, cell: Cell, h: State, c: State) -> str | None:
        """What decides whether the step counts: empty for always; None for anything else."""
        sheet = self._body.sheet
        after_h, after_c = sheet.origin(h.after), sheet.origin(c.after)
        if (after_h, after_c) == (cell.h, cell.c):
            return ""
        chosen = [read_select(sheet, name) for name in (after_h, after_c)]
        if None in chosen or chosen[0].mask != chosen[1].mask:
            return None
        mask = chosen[0].mask
        wanted = [
            Select(mask=mask, new=new, old=old)
            for new, old in ((cell.h, h.before), (cell.c, c.before))
        ]
        return mask if chosen == wanted else None

    def _mask_over_time(self, mask: str) -> str | None:
        """A mask, [steps, batch]."""
        shape, found = self._body.sheet.shape(mask), self._over.find(mask)
        if shape is None or found is None or len(shape) != 2 or shape[-1] != 1:
            return None
        return self._build.squeeze(found, 2)

    def _give_outputs(self) -> bool:
        """Make the loop's outputs under their names; False where one of them cannot be made."""
        for state in self._body.states:
            if not state.last or self._give_list(state):
                continue
            last = self._lasts.get(state.before) or self._last(state)
            if last is None:
                if self._is_asked(state.last):
                    return False
                continue
            self._build.add("Identity", [last], state.last)
        for kept in self._body.kept:
            whole = self._over.find(kept.each)
            if whole is None or kept.axis:
                if self._is_asked(kept.whole):
                    return False
                continue
            whole = self._over.reversed(whole) if kept.reverse else whole
            self._build.add("Identity", [whole], kept.whole)
        return True

    def _last(self, state: State) -> str | None:
        """The end of a state that is no layer's but never changes."""
        origin = self._body.sheet.origin
        return state.first if origin(state.after) == origin(state.before) else None

    def _give_list(self, state: State) -> bool:
        """Make a list that begins empty and gets one more element each step, as PyTorch's do."""
        sheet = self._body.sheet
        insert = sheet.maker(state.after, "SequenceInsert")
        empty = self._outer.maker(state.first, "SequenceEmpty")
        if insert is None or empty is None or len(insert.input) > 2:
            return False
        whole = self._over.find(insert.input[1])
        if whole is None or sheet.origin(insert.input[0]) != state.before:
            return False
        self._build.add("SplitToSequence", [whole], state.last, axis=0, keepdims=0)
        return True

    def _is_asked(self, name: str) -> bool:
        return name in self._outer.needed()


def _needed(sheet: Sheet, again: str, states: tuple[State, ...]) -> set[str]:
    """Nodes, by identity, and states that the next condition depends on."""
    needed, pending = set(), [again]
    while pending:
        name = pending.pop()
        nodes = ancestors(name, sheet.makers)
        needed |= nodes.keys()
        used = {name, *(n for node in nodes.values() for n in node.input)}
        for state in states:
            if state.before in used and state.before not in needed:
                needed.add(state.before)
                pending.append(state.after)
    return needed
