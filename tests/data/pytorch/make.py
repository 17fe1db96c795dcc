"""Makes the files of tests/data/pytorch; it needs PyTorch (they are of 2.13.0, CPU) and NumPy."""

import argparse
import pathlib
import sys

import numpy as np
import torch
from torch import nn

FOLDER = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")


class Net(nn.Module):
    """An LSTM and a classifier."""

    def __init__(self, **options):
        super().__init__()
        self.lstm = nn.LSTM(3, 4, batch_first=True, **options)
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.lstm(x)[0])


def save(value, name, **options):
    """One file."""
    torch.save(value, FOLDER / name, **options)


def expect(module, name):
    """What a module makes of an input, and the input."""
    x = torch.linspace(-1, 1, 2 * 5 * 3).reshape(2, 5, 3)
    with torch.no_grad():
        y = module(x)[0]
    np.savez(FOLDER / name, x=x.numpy(), y=y.numpy())


torch.manual_seed(0)
net = Net()
save(net.state_dict(), "plain.pt")
save(net.state_dict(), "legacy.pt", _use_new_zipfile_serialization=False)
save(net.state_dict(), "protocol4.pt", pickle_protocol=4)
checkpoint = {
    "epoch": 3,
    "model_state_dict": net.state_dict(),
    "optimizer_state_dict": torch.optim.Adam(net.parameters()).state_dict(),
    "loss": np.float64(0.25),
    "best": np.arange(3),
    "args": argparse.Namespace(rate=0.1),
    "where": pathlib.PurePosixPath("a/b"),
}
save(checkpoint, "checkpoint.pt")
state = {f"model.{key}": value for key, value in net.state_dict().items()}
save({"state_dict": state, "epoch": 1, "pytorch-lightning_version": "2.5"}, "lightning.ckpt")
save(nn.DataParallel(net).state_dict(), "parallel.pt")
save({key: value.to(torch.bfloat16) for key, value in net.state_dict().items()}, "bfloat16.pt")
save(dict(net.named_parameters()), "parameters.pt")
save({key: value.numpy() for key, value in net.state_dict().items()}, "numpy.pt")
save(net, "module.pt")
torch.jit.script(net).save(FOLDER / "script.pt")
torch.export.save(torch.export.export(net, (torch.zeros(1, 2, 3),)), FOLDER / "program.pt2")
expect(net.lstm, "plain.npz")
deep = nn.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True, bias=False)
save(deep.state_dict(), "deep.pt")
expect(deep, "deep.npz")
save({"encoder": nn.LSTM(3, 4).state_dict(), "decoder": nn.LSTM(3, 5).state_dict()}, "two.pt")
save(nn.LSTMCell(3, 4).state_dict(), "cell.pt")
save(nn.GRU(3, 4).state_dict(), "gru.pt")
save(nn.RNN(3, 4).state_dict(), "rnn.pt")
save(nn.LSTM(3, 4, proj_size=2).state_dict(), "projection.pt")
normed = nn.LSTM(3, 4)
nn.utils.parametrizations.weight_norm(normed, "weight_hh_l0")
save(normed.state_dict(), "normed.pt")
# Rows of one storage, transposed: strides and offsets of its tensors differ from the usual.
both = torch.randn(8 + 3, 16)
save({"weight_ih_l0": both[8:].T, "weight_hh_l0": both[:4].T}, "views.pt")
np.savez(FOLDER / "views.npz", W=both[8:].T.numpy(), R=both[:4].T.numpy())
