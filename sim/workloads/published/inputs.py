"""Inputs for published networks: a recording, drawn words, sentences, made-up brain waves.

Each function gives arrays that do not depend on the machine. Calls of a one-step network stand
along the first axis.
"""

import json
from pathlib import Path

import numpy as np

from sim.workloads import silero

__all__ = [
    "brain_waves",
    "characters",
    "chunks",
    "frames",
    "magnitudes",
    "words",
]

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789"
_SENTENCES = (
    "السلام عليكم ورحمة الله وبركاته",
    "ذهب الولد إلى المدرسة في الصباح",
    "هذا كتاب جديد عن تاريخ العلوم",
    "تشرق الشمس من الشرق كل يوم",
    "أحب القهوة مع الحليب والسكر",
    "كتبت البنت رسالة طويلة إلى أمها",
    "الماء ضروري لحياة كل إنسان",
    "وصل القطار إلى المحطة متأخرا",
)
_ARABIC = "ءآأؤإئابةتثجحخدذرزسشصضطظعغـفقكلمنهوي" + " .,،؛:؟!()-\"'\n"
"""What the character table of text2tashkeel's first network lists, from number 4 on."""


def chunks(samples: np.ndarray, count: int, context: int = 64) -> np.ndarray:
    """Chunks of 512 samples, each behind so many samples before it: float32 [count, 1, samples]."""
    padded = np.concatenate([np.zeros(context, np.float32), samples])
    size = context + silero.CHUNK_SAMPLES
    windows = np.lib.stride_tricks.sliding_window_view(padded, size)
    return windows[:: silero.CHUNK_SAMPLES][:count, None].copy()


def frames(samples: np.ndarray, count: int) -> np.ndarray:
    """Frames of 512 samples every 128, with a little noise: float32 [count, 512]."""
    noise = np.random.default_rng(0).normal(0, 0.01, samples.size).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(samples + noise, 512)
    return windows[::128][:count].copy()


def magnitudes(samples: np.ndarray, count: int) -> np.ndarray:
    """Magnitudes of the frames' spectra: float32 [count, 257]."""
    return np.abs(np.fft.rfft(frames(samples, count))).astype(np.float32)


def words(
    count: int, height: int, width: int, channels: int, seed: int = 0, family: str = "sans-serif"
) -> np.ndarray:
    """Pictures of random words, noisy, from -1 to 1: float32 [count, channels, height, width]."""
    rng = np.random.default_rng(seed)
    drawn = ("".join(rng.choice(list(_LETTERS), 5)) for _ in range(count))
    pictures = [_drawn(word, height, width, rng, family) for word in drawn]
    x = np.stack(pictures) + rng.normal(0, 0.05, (count, height, width))
    x = np.clip(x, 0, 1) * 2 - 1
    return np.repeat(x[:, None], channels, axis=1).astype(np.float32)


def _drawn(word: str, height: int, width: int, rng: np.random.Generator, family: str) -> np.ndarray:
    """A word, dark on white, from 0 to 1: [height, width]."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width / 100, height / 100), dpi=100)
    canvas = FigureCanvasAgg(figure)
    size, angle = rng.uniform(0.30, 0.42) * height, rng.uniform(-6, 6)
    figure.text(0.05, 0.3, word, fontsize=size, rotation=angle, family=family)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].mean(axis=2) / 255


def characters(table: Path | None) -> np.ndarray:
    """Sentences in Arabic as numbers of characters, cut to one length: int64 [sentences, 24].

    ``table`` is a package's file of characters; None takes the letters in their order from 4 on.
    """
    if table is None:
        numbers = {letter: 4 + k for k, letter in enumerate(_ARABIC)}
    else:
        numbers = json.loads(table.read_text(encoding="utf-8"))["char_to_idx"]
    rows = [[numbers.get(letter, 1) for letter in sentence] for sentence in _SENTENCES]
    return np.array([row[:24] for row in rows], np.int64)


def brain_waves(count: int, seconds: int = 150, rate: int = 500, seed: int = 1) -> np.ndarray:
    """Spectra of coloured noise with passing rhythms, each bin normalised: float32 [count, 100, t].

    One column every half second, one bin a hertz, as the seizure detector's package prepares them.
    """
    rng = np.random.default_rng(seed)
    time = np.arange(rate * seconds) / rate
    bins = np.fft.rfftfreq(time.size, 1 / rate)
    spectra = []
    for _ in range(count):
        noise = np.fft.rfft(rng.normal(size=time.size))
        wave = np.fft.irfft(noise / np.maximum(bins, 0.5) ** rng.uniform(0.6, 1.2), time.size)
        wave /= wave.std()
        for _ in range(rng.integers(1, 4)):
            middle, length = rng.uniform(20, seconds - 20), rng.uniform(4, 15)
            pitch = rng.uniform(3, 20)
            envelope = np.exp(-(((time - middle) / length) ** 4))
            wave += rng.uniform(1, 6) * envelope * np.sin(2 * np.pi * pitch * time)
        spectra.append(_normalised_spectrum((wave - wave.mean()) / wave.std(), rate))
    return np.stack(spectra).astype(np.float32)


def _normalised_spectrum(wave: np.ndarray, rate: int) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(wave, rate)[:: rate // 2]
    windows = (windows - windows.mean(axis=1, keepdims=True)) * np.hanning(rate)
    power = np.abs(np.fft.rfft(windows)).T[:100] ** 2
    return (power - power.mean(axis=1, keepdims=True)) / power.std(axis=1, keepdims=True)
