import numpy as np
import pytest

from sim.workloads.cepstra import cepstra, mel_filters

RATE, WINDOW, HOP = 16000, 512, 320


def test_neighbouring_filters_share_every_bin_between_their_centres():
    filters = mel_filters(257, RATE, 40, 20, 8000)
    total = filters.sum(axis=0)
    centres = np.argmax(filters, axis=1)
    between = slice(centres[0] + 1, centres[-1])
    assert total[between] == pytest.approx(1)
    assert (np.diff(centres) >= 0).all()
    # 20 Hz is below the first whole bin, and the constant is in none.
    assert not total[:1].any()


def test_a_tone_is_loudest_in_its_own_filter():
    filters = mel_filters(257, RATE, 40, 20, 8000)
    for number in (10, 25, 39):
        spectrum = np.zeros(257)
        spectrum[np.argmax(filters[number])] = 1
        assert np.argmax(filters @ spectrum) == number


def test_frames_begin_every_hop_and_end_with_the_samples():
    samples = np.random.default_rng(0).normal(size=WINDOW + 4 * HOP + HOP - 1)
    frames = cepstra(samples, RATE, WINDOW, HOP, 26)
    assert frames.shape == (5, 26) and frames.dtype == np.float32
    alone = cepstra(samples[3 * HOP : 3 * HOP + WINDOW], RATE, WINDOW, HOP, 26)
    assert frames[3] == pytest.approx(alone[0])


def test_loudness_moves_only_the_first_coefficient():
    samples = np.random.default_rng(0).normal(size=WINDOW)
    soft, loud = (cepstra(scale * samples, RATE, WINDOW, HOP, 26)[0] for scale in (1, 2))
    # The first basis vector is constant: sqrt(2 / 40) each over 40 filters.
    assert loud[0] - soft[0] == pytest.approx(np.log(2) * np.sqrt(80), rel=1e-5)
    assert loud[1:] == pytest.approx(soft[1:], abs=1e-4)


def test_silence_is_finite():
    assert np.isfinite(cepstra(np.zeros(WINDOW), RATE, WINDOW, HOP, 26)).all()


# Read off TensorFlow Lite's own AudioSpectrogram and Mfcc operators (LiteRT 2.3.0) for this chirp.
REFERENCE = [
    -29.4891,
    28.3098,
    -11.7952,
    -12.1156,
    -4.0594,
    1.6631,
    -0.182,
    -1.5985,
    -0.8599,
    0.639,
    0.3558,
    -0.3036,
    -0.398,
    0.0626,
    0.0928,
    -0.1022,
    -0.1914,
    -0.0267,
    0.0352,
    -0.0039,
    -0.0539,
    -0.0123,
    0.0125,
    0.0136,
    -0.0161,
    -0.0169,
]


def test_coefficients_are_those_of_tensorflow_lite():
    time = np.arange(WINDOW) / RATE
    samples = (0.5 * np.sin(2 * np.pi * (300 + 20000 * time) * time)).astype(np.float32)
    # Float32 sums of 40 logarithms of up to 28.
    assert cepstra(samples, RATE, WINDOW, HOP, 26)[0] == pytest.approx(REFERENCE, abs=2e-4)
