"""Makes the files of this folder; see README.md."""

import sys
import warnings
from pathlib import Path

import onnx
import torch
from torch import nn

FOLDER, INPUTS, H, T, B = Path(sys.argv[1]), 5, 4, 3, 2
warnings.filterwarnings("ignore")
torch.manual_seed(0)


class Plain(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.rnn = nn.LSTM(INPUTS, H, **options)

    def forward(self, x):
        y, (h, c) = self.rnn(x)
        return y, h, c


class States(Plain):
    def forward(self, x, h, c):
        y, (h, c) = self.rnn(x, (h, c))
        return y, h, c


class Packed(Plain):
    def forward(self, x, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths)
        y, (h, c) = self.rnn(packed)
        return nn.utils.rnn.pad_packed_sequence(y)[0], h, c


class Cell(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.LSTMCell(INPUTS, H)

    def forward(self, x, h, c):
        return self.cell(x, (h, c))


class Unrolled(Cell):
    def forward(self, x):
        h = c = torch.zeros(x.shape[1], H)
        steps = []
        for row in x:
            h, c = self.cell(row, (h, c))
            steps.append(h)
        return torch.stack(steps), c


class Scripted(Cell):
    def forward(self, x):
        h = torch.zeros(x.shape[1], self.cell.hidden_size)
        c = torch.zeros(x.shape[1], self.cell.hidden_size)
        steps = torch.jit.annotate(list[torch.Tensor], [])
        for t in range(x.shape[0]):
            h, c = self.cell(x[t], (h, c))
            steps.append(h)
        return torch.stack(steps), c


class Written(nn.Module):
    """An own LSTM, whose product with x is made for all steps at once; [batch, time]."""

    def __init__(self):
        super().__init__()
        self.w, self.r = nn.Linear(INPUTS, 4 * H), nn.Linear(H, 4 * H, bias=False)

    def forward(self, x):
        h = c = x.new_zeros(x.shape[0], H)
        products, steps = self.w(x), []
        for t in range(x.shape[1]):
            gates = products[:, t] + self.r(h)
            entry, forget, output = torch.sigmoid(gates[:, : 3 * H]).chunk(3, 1)
            c = forget * c + entry * torch.tanh(gates[:, 3 * H :])
            h = output * torch.tanh(c)
            steps.append(h)
        return torch.stack(steps, 1), c


x, state, step = torch.randn(T, B, INPUTS), torch.randn(2, B, H), torch.randn(B, H)
MODULES = {
    "plain": (Plain(), (x,), 1),
    "both": (Plain(bidirectional=True), (x,), 1),
    "stack": (Plain(num_layers=2, bidirectional=True), (x,), 1),
    "first": (Plain(batch_first=True), (x,), 0),
    "states": (States(num_layers=2), (x, state, state), 1),
    "packed": (Packed(), (x, torch.tensor([3, 2])), 1),
    "cell": (Cell(), (x[0], step, step), 0),
    "unrolled": (Unrolled(), (x,), 1),
    "scripted": (torch.jit.script(Scripted()), (x,), 1),
    "written": (Written(), (x,), 0),
}
SCRIPT = {
    "plain": (7, 22),
    "both": (9,),
    "stack": (13,),
    "first": (12, 18),
    "states": (8, 17),
    "packed": (16,),
    "cell": (11, 21),
    "unrolled": (10, 17),
    "scripted": (11, 17),
    "written": (15,),
}
DYNAMO = {
    "plain": (18,),
    "both": (20,),
    "stack": (23,),
    "first": (19,),
    "states": (22,),
    "cell": (21,),
    "unrolled": (18,),
    "written": (18,),
}


def strip(model):
    """Leave out where the exporter ran."""
    graphs = [model.graph]
    while graphs:
        graph = graphs.pop()
        for each in (*graph.node, *graph.value_info, *graph.input, *graph.output, graph):
            each.doc_string = ""
            del each.metadata_props[:]
        graphs += [a.g for n in graph.node for a in n.attribute if a.HasField("g")]
    del model.metadata_props[:]
    for function in model.functions:
        del function.metadata_props[:]


def export(name, opset, dynamo):
    module, inputs, axis = MODULES[name]
    names = ["x", *(("lengths",) if name == "packed" else ("h", "c"))][: len(inputs)]
    options = {"dynamic_axes": {n: {0 if n == "lengths" else axis: "batch"} for n in names}}
    if dynamo:
        batch = torch.export.Dim("batch", min=1, max=64)
        options = {"dynamic_shapes": tuple({axis: batch} for _ in inputs), "external_data": False}
    path = FOLDER / f"{name}_{'dynamo' if dynamo else 'script'}_{opset}.onnx"
    torch.onnx.export(
        module.eval(),
        inputs,
        path,
        input_names=names,
        opset_version=opset,
        dynamo=dynamo,
        **options,
    )
    model = onnx.load(path)
    strip(model)
    onnx.save(model, path)


for dynamo, table in ((False, SCRIPT), (True, DYNAMO)):
    for name, opsets in table.items():
        for opset in opsets:
            export(name, opset, dynamo)
