from dataclasses import replace

import numpy as np
import pytest

from sim.workloads import keeping
from sim.workloads.keeping import kept_path, trained
from sim.workloads.labelling import LabellingRecipe, frame_loss

RECIPE = LabellingRecipe(hidden=4, outputs=1, batches=2, front=3)
SEEN = (np.arange(4.0),)


def _draw(rng, done):
    return rng.normal(size=(4, 5, 2)).astype(np.float32), np.full(4, 5), np.ones((4, 5), int)


def _trained(told):
    return trained("toy", _draw, frame_loss, RECIPE, SEEN, told.append, lambda *_: None)


def test_weights_are_trained_once_and_kept(cache):
    told = []
    one, two = _trained(told), _trained(told)
    assert told == ["training toy"] and len(list((cache / "trained").iterdir())) == 1
    assert (one.lstm.W == two.lstm.W).all() and (one.front_weights == two.front_weights).all()
    assert (one.weights == two.weights).all() and (one.bias == two.bias).all()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04" + bytes(300)])
def test_damaged_weights_are_trained_again(cache, content):
    told = []
    _trained(told)
    (path,) = (cache / "trained").iterdir()
    path.write_bytes(content)
    _trained(told)
    assert len(told) == 2


def test_weights_are_kept_by_data_recipe_and_code(monkeypatch, tmp_path):
    changed = tmp_path / "changed.py"
    changed.write_text("")
    paths = {
        kept_path("toy", _draw, frame_loss, RECIPE, SEEN),
        kept_path("toy", _draw, frame_loss, replace(RECIPE, seed=2), SEEN),
        kept_path("toy", _draw, frame_loss, RECIPE, (np.arange(5.0),)),
    }
    monkeypatch.setattr(keeping.backpropagation, "__file__", str(changed))
    paths.add(kept_path("toy", _draw, frame_loss, RECIPE, SEEN))
    assert len(paths) == 4
