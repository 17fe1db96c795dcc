"""What a file holds, told without running it: every reader has a function that gives this."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sim.networks.network import FloatLayer, IntegerLayer, IntegerLstm

__all__ = ["FileSummary", "LayerSummary", "Port", "layer_summary"]


@dataclass(frozen=True, kw_only=True)
class Port:
    """An input or output of a model.

    Members
    -------
    name : str
        What it is called.
    shape : tuple of int, str or None, or None
        Sizes of its axes; a name or None is any size. None where nothing is declared.
    kind : str
        Type of its values, as NumPy writes it where it can.
    """

    name: str
    shape: tuple[int | str | None, ...] | None
    kind: str


@dataclass(frozen=True, kw_only=True)
class LayerSummary:
    """A recurrent layer.

    Members
    -------
    name : str
        Of the node or module; of the layers of one stack it is the same.
    layer : int
        Number in its stack.
    kind : str
        ``LSTM``, or what it is instead.
    inputs, hidden : int or None
        Sizes; None where the file does not say them.
    directions : int
        1, or 2 for a bidirectional one.
    reverse : bool
        Its only direction runs backwards.
    begins : str or None
        Where its state comes from; None where the file does not run.
    formats : dict
        Scales, zero points and bits of a layer in integers; empty in floating point.
    weight_bits : int or None
        Bits that its largest weight needs, of a layer in integers.
    refused : str or None
        Why it cannot run on the accelerator.
    """

    name: str
    layer: int = 0
    kind: str = "LSTM"
    inputs: int | None
    hidden: int | None
    directions: int = 1
    reverse: bool = False
    begins: str | None = None
    formats: Mapping[str, float | int] = field(default_factory=dict)
    weight_bits: int | None = None
    refused: str | None = None


@dataclass(frozen=True, kw_only=True)
class FileSummary:
    """A file.

    Members
    -------
    kind : str
        Its kind, as ``file_kind`` says it.
    what : str
        What it is, in words.
    inputs, outputs : tuple of Port
        Of a whole model.
    states : dict of str
        By state among the inputs, the output that is its next value.
    layers : tuple of LayerSummary
        Recurrent layers.
    networks : tuple of tuple of str
        Names of layers that are one network, in their order, for each network of the file.
    host : dict of int
        Operators that run on the host, counted by kind; where the model is refused, all of them.
    notes : tuple of str
        What was done to bring layers into the form that runs.
    refused : str or None
        Why no run of it is possible.
    """

    kind: str
    what: str
    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()
    states: Mapping[str, str] = field(default_factory=dict)
    layers: tuple[LayerSummary, ...] = ()
    networks: tuple[tuple[str, ...], ...] = ()
    host: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    refused: str | None = None


def layer_summary(
    name: str, layer: FloatLayer | IntegerLayer, number: int = 0, begins: str | None = None
) -> LayerSummary:
    """A layer that can run; ``begins`` says where its state comes from, if not from itself."""
    first = layer.directions[0]
    integer = isinstance(first, IntegerLstm)
    given = any(each is not None for lstm in layer.directions for each in (lstm.h0, lstm.c0))
    return LayerSummary(
        name=name,
        layer=number,
        inputs=first.input_size,
        hidden=first.hidden_size,
        directions=len(layer.directions),
        reverse=len(layer.directions) == 1 and first.reverse,
        begins=begins or ("the file's own constants" if given else "zero"),
        formats=_formats(first) if integer else {},
        weight_bits=_weight_bits(layer) if integer else None,
    )


def _formats(lstm: IntegerLstm) -> dict[str, float | int]:
    return {
        "x_scale": lstm.x.scale,
        "x_zero": lstm.x.zero_point,
        "h_scale": lstm.h.scale,
        "h_zero": lstm.h.zero_point,
        "code_bits": lstm.h.bits,
        "c_power": lstm.c_power,
    }


def _weight_bits(layer: IntegerLayer) -> int:
    largest = max(
        int(abs(weights.astype(int)).max())
        for lstm in layer.directions
        for weights in (lstm.W, lstm.R)
    )
    return largest.bit_length() + 1
