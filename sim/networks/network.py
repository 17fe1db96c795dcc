"""Networks as the rest of the project knows them, in floating point and in integers."""

from dataclasses import dataclass, field

import numpy as np

from hw.errors import UserError

__all__ = [
    "GATES",
    "FloatLayer",
    "FloatLstm",
    "FloatNetwork",
    "ForeignError",
    "IntegerLayer",
    "IntegerLstm",
    "IntegerNetwork",
    "NetworkError",
    "Quantization",
    "Scales",
    "code_type",
    "rows_of",
]

GATES = ("input", "forget", "cell", "output")
"""Gate order of every array in this project; importers reorder to it."""


class NetworkError(UserError, ValueError):
    """A network or data that cannot be used; the message is one sentence for the user."""


class ForeignError(NetworkError):
    """A file that is known for what it is, and that is not read.

    Parameters
    ----------
    what : str
        What it is, in a few words.
    sentence : str
        The message: what it is and what to do.
    """

    def __init__(self, what: str, sentence: str):
        super().__init__(sentence)
        self.what = what


@dataclass(frozen=True, kw_only=True)
class FloatLstm:
    """One direction of an LSTM layer, in floating point.

    Members
    -------
    W : float32 [4, H, I]
        Input weights, gates in the order of ``GATES``.
    R : float32 [4, H, H]
        Recurrent weights.
    bias : float32 [4, H]
        Sum of the input and recurrent biases.
    h0, c0 : float32 [H] or None
        Initial state; zero when None.
    reverse : bool
        Runs over the sequence from its end; outputs stand at their own time steps.
    cell_clip : float
        ``c`` is clamped to plus or minus this; 0 for no clamp.
    """

    W: np.ndarray
    R: np.ndarray
    bias: np.ndarray
    h0: np.ndarray | None = None
    c0: np.ndarray | None = None
    reverse: bool = False
    cell_clip: float = 0.0

    @property
    def input_size(self) -> int:
        """``I``."""
        return self.W.shape[2]

    @property
    def hidden_size(self) -> int:
        """``H``."""
        return self.W.shape[1]


@dataclass(frozen=True, kw_only=True)
class FloatLayer:
    """One or two directions over the same input; outputs are concatenated, forward first."""

    directions: tuple[FloatLstm, ...]


@dataclass(frozen=True, kw_only=True)
class FloatNetwork:
    """Layers stacked: the output of one is the input of the next."""

    layers: tuple[FloatLayer, ...]


@dataclass(frozen=True, kw_only=True)
class Quantization:
    """``real = scale * (code - zero_point)``, signed codes of ``bits`` bits, 4 to 8 or 16.

    Codes of 16 bits have the zero point 0, as TensorFlow Lite's have.
    """

    scale: float
    zero_point: int
    bits: int = 8

    @property
    def low(self) -> int:
        """The least code."""
        return -(1 << self.bits - 1)

    @property
    def high(self) -> int:
        """The largest code."""
        return (1 << self.bits - 1) - 1

    @property
    def dtype(self) -> type[np.signedinteger]:
        """What holds a code: int8, or int16 for codes of 16 bits."""
        return code_type(self.bits)


def code_type(bits: int) -> type[np.signedinteger]:
    """What holds a code of so many bits: int8, or int16 where that is too small."""
    return np.int8 if bits <= 8 else np.int16


Scales = tuple[float, float, float, float]
"""Scales of weights, one for each gate."""


def rows_of(scales: Scales | np.ndarray) -> np.ndarray:
    """Scales by gate as float64 [4, 1]; scales by row, [4, H], as they are."""
    return np.asarray(scales, np.float64).reshape(4, -1)


@dataclass(frozen=True, kw_only=True)
class IntegerLstm:
    """One direction of an LSTM layer in the integer format of TFLite's LSTM operators.

    That is the operator of int8 activations, or of int16 ones where ``x`` and ``h`` have 16 bits.
    Scales by row, and fewer bits, are more than these operators have.

    Members
    -------
    W : int8 [4, H, I]
        Input weights, -127 to 127, gates in the order of ``GATES``.
    R : int8 [4, H, H]
        Recurrent weights.
    bias : int32 [4, H]
        In units of ``x.scale * W_scale[gate]``; zero points are not folded in. In files of int16
        activations it is int64, of which these are the values that the machine takes.
    W_scale, R_scale : 4 floats, or float64 [4, H]
        Scales of weights by gate, or by row.
    x, h : Quantization
        Formats of the input and of the hidden state, both of 16 bits or neither.
    c_power : int
        ``c`` is int16 in units of ``2**c_power`` (usually -11).
    cell_clip : int
        ``c`` is clamped to plus or minus this many codes; 0 for no clamp.
    h0 : ``h.dtype`` [H] or None, c0 : int16 [H] or None
        Initial state; real zero when None.
    reverse : bool
        Runs over the sequence from its end.
    """

    W: np.ndarray
    R: np.ndarray
    bias: np.ndarray
    W_scale: Scales | np.ndarray
    R_scale: Scales | np.ndarray
    x: Quantization
    h: Quantization
    c_power: int
    cell_clip: int = 0
    h0: np.ndarray | None = None
    c0: np.ndarray | None = None
    reverse: bool = False

    @property
    def input_size(self) -> int:
        """``I``."""
        return self.W.shape[2]

    @property
    def hidden_size(self) -> int:
        """``H``."""
        return self.W.shape[1]

    @property
    def by_row(self) -> bool:
        """Rows of ``W`` or of ``R`` have scales of their own."""
        return any(isinstance(each, np.ndarray) for each in (self.W_scale, self.R_scale))


@dataclass(frozen=True, kw_only=True)
class IntegerLayer:
    """One or two directions over the same input, with the same ``x`` and the same ``h`` format.

    Outputs are concatenated, forward first.
    """

    directions: tuple[IntegerLstm, ...]

    @property
    def input_size(self) -> int:
        """``I`` of every direction."""
        return self.directions[0].input_size

    @property
    def output_size(self) -> int:
        """Sum of the directions' ``H``."""
        return sum(direction.hidden_size for direction in self.directions)


@dataclass(frozen=True, kw_only=True)
class IntegerNetwork:
    """Layers stacked; each layer's ``h`` format is the next layer's ``x`` format."""

    layers: tuple[IntegerLayer, ...] = field()
