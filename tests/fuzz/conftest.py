"""Damaged files: what happened to them, and a command line that has to bear it."""

import random
import traceback

import numpy as np
import pytest

from sim.cli import app
from sim.cli.sentences import MOST
from sim.networks.network import FloatLayer, FloatLstm
from sim.networks.quantizer import quantize
from sim.networks.tflite.writer import write_tflite


def pytest_generate_tests(metafunc):
    """Tests that take a ``count`` read a few damaged files, and when slow as many as are told."""
    if "count" in metafunc.fixturenames:
        many = metafunc.config.getoption("--damaged")
        metafunc.parametrize("count", [80, pytest.param(many, marks=pytest.mark.slow)])


def _place(rng, data):
    return rng.randrange(len(data) + 1)


def _flip(rng, data, others):
    at = rng.randrange(len(data))
    data[at] ^= 1 << rng.randrange(8)


def _replace(rng, data, others):
    data[rng.randrange(len(data))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, *b"\n '\"-{}[](),:09eL"))


def _cut(rng, data, others):
    del data[_place(rng, data) :]


def _drop(rng, data, others):
    at = _place(rng, data)
    del data[at : at + rng.randrange(1, 17)]


def _insert(rng, data, others):
    at = _place(rng, data)
    data[at:at] = rng.randbytes(rng.randrange(1, 9))


def _repeat(rng, data, others):
    start, at = _place(rng, data), _place(rng, data)
    data[at:at] = data[start : start + rng.randrange(1, 65)] * rng.choice((1, 1, 2, 50))


def _splice(rng, data, others):
    other = rng.choice(others)
    data[_place(rng, data) :] = other[_place(rng, other) :]


_DAMAGE = (_flip, _flip, _flip, _replace, _replace, _cut, _drop, _insert, _repeat, _splice)


def damaged(seeds, number):
    """One of the files, damaged in one way or in several; the same for the same number."""
    rng = random.Random(number)
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.choice((1, 1, 1, 2, 4, 8))):
        if data:
            rng.choice(_DAMAGE)(rng, data, seeds)
    return bytes(data)


@pytest.fixture
def command(capfd):
    """Makes a command line a function: it gives what a refusal says, None where all went well."""

    def make(*arguments):
        def call():
            status = app.run([str(each) for each in arguments])
            out, error = capfd.readouterr()
            if status == 0 and not error:
                return None
            assert status == 2 and error.startswith("refrain: ") and error.endswith("\n"), error
            assert not out, out
            return error.removeprefix("refrain: ").removesuffix("\n")

        return call

    return make


@pytest.fixture
def survives():
    """Calls a function on damaged files: each call must end well or in one short sentence.

    Takes the function, which gives the sentence or None, the path that is damaged, files that are
    whole, and how many damaged ones to try.
    """

    def check(function, path, seeds, count):
        wrong, refusals = {}, 0
        for number in range(count):
            path.write_bytes(damaged(seeds, number))
            try:
                sentence = function()
                refusals += sentence is not None
                assert sentence is None or 0 < len(sentence) <= MOST, sentence
                assert sentence is None or sentence.isprintable(), sentence
            except Exception as error:
                # Every wrong end is reported, by kind, and not only the first.
                place = traceback.extract_tb(error.__traceback__)[-1]
                found = f"{type(error).__name__} in {place.name}: {str(error)[:300]!r}"
                wrong.setdefault(found, []).append(number)
        report = [f"{len(numbers)} (as {numbers[0]}): {found}" for found, numbers in wrong.items()]
        assert not report, "\n".join(report)
        assert refusals > count / 20

    return check


@pytest.fixture
def net(tmp_path):
    """A .tflite file of one LSTM, 3 inputs and 2 hidden units."""
    rng = np.random.default_rng(0)
    lstm = FloatLstm(
        W=rng.normal(0, 0.4, (4, 2, 3)).astype(np.float32),
        R=rng.normal(0, 0.4, (4, 2, 2)).astype(np.float32),
        bias=np.zeros((4, 2), np.float32),
    )
    samples = rng.normal(size=(1, 2, 3)).astype(np.float32)
    path = tmp_path / "net.tflite"
    write_tflite(quantize(FloatLayer(directions=(lstm,)), samples), path, steps=2)
    return path
