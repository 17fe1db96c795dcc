"""Mel-frequency cepstral coefficients as TensorFlow's audio operators compute them.

References
----------
S. Davis and P. Mermelstein, "Comparison of parametric representations for monosyllabic word
recognition in continuously spoken sentences", IEEE Trans. ASSP 28, 1980.
"""

import numpy as np

__all__ = ["cepstra", "mel_filters"]

_FLOOR = 1e-12
"""What a filter gives at the least, before its logarithm."""


def _mel(frequency):
    return 1127 * np.log1p(frequency / 700)


def mel_filters(bins: int, rate: int, channels: int, low: float, high: float) -> np.ndarray:
    """Weights ``[channels, bins]`` of triangles that stand evenly on the mel scale.

    Each rises from its left neighbour's centre to its own and falls to its right neighbour's.
    """
    edges = np.linspace(_mel(low), _mel(high), channels + 2)
    hertz = rate / 2 / (bins - 1)
    place = _mel(np.arange(bins) * hertz)
    rising = (place - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - place) / (edges[2:] - edges[1:-1])[:, None]
    weights = np.maximum(np.minimum(rising, falling), 0)
    weights[:, : int(1.5 + low / hertz)] = 0
    weights[:, int(high / hertz) + 1 :] = 0
    return weights


def cepstra(
    samples: np.ndarray,
    rate: int,
    window: int,
    hop: int,
    coefficients: int,
    channels: int = 40,
    low: float = 20,
) -> np.ndarray:
    """Coefficients, float32 ``[frames, coefficients]``, of samples from -1 to 1.

    Parameters
    ----------
    samples : float array
        The sound.
    rate : int
        Samples per second; the filters reach half of it.
    window, hop : int
        Samples of a frame, a power of two, and between the beginnings of frames.
    coefficients, channels : int
        Of the discrete cosine transform, and the filters it transforms.
    low : float
        Where the lowest filter begins, in Hz.
    """
    frames = np.lib.stride_tricks.sliding_window_view(samples, window)[::hop]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    magnitude = np.abs(np.fft.rfft(frames * hann, axis=1))
    filters = mel_filters(magnitude.shape[1], rate, channels, low, rate / 2)
    energy = np.log(np.maximum(magnitude @ filters.T, _FLOOR))
    angle = np.pi / channels * np.arange(coefficients)[:, None] * (np.arange(channels) + 0.5)
    return (energy @ (np.sqrt(2 / channels) * np.cos(angle)).T).astype(np.float32)
