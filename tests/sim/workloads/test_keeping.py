import hashlib
import json
from dataclasses import asdict, replace
from functools import partial

import numpy as np
import pytest
import safetensors

from sim.networks.network import FloatLstm, NetworkError
from sim.workloads import keeping
from sim.workloads.catalogue import trained_here
from sim.workloads.keeping import FOLDER, SUMS, OwnNetwork, Trained, trained_bytes, trained_from
from sim.workloads.labelling import Labeller, LabellingRecipe
from sim.workloads.training import Classifier, Recipe

OWN = {each.prepare.name: each.prepare for each in trained_here()}
RECIPE = Recipe(hidden=4, classes=2, epochs=2)


def _trained(kind=Classifier):
    rng = np.random.default_rng(0)
    draw = partial(rng.normal, 0, 1)
    lstm = FloatLstm(
        W=draw((4, 4, 3)).astype(np.float32),
        R=draw((4, 4, 4)).astype(np.float32),
        bias=draw((4, 4)).astype(np.float32),
    )
    layers = {"weights": draw((2, 4)).astype(np.float32), "bias": np.zeros(2, np.float32)}
    if kind is Labeller:
        layers |= {"front_weights": draw((3, 5)), "front_bias": draw(3)}
    return Trained(network=kind(lstm=lstm, **layers), mean=draw(3), deviation=draw(3))


@pytest.mark.parametrize("kind", [Classifier, Labeller])
def test_a_file_holds_every_bit(kind):
    recipe = RECIPE if kind is Classifier else LabellingRecipe(hidden=4, outputs=2, batches=1)
    trained = _trained(kind)
    again = trained_from(trained_bytes(trained, recipe), kind)
    for one, two in zip(trained.arrays().values(), again.arrays().values(), strict=True):
        assert one.dtype == two.dtype and (one == two).all()
    assert (again.layers.layers[0].directions[0].W == trained.network.lstm.W).all()


@pytest.fixture
def own(monkeypatch, tmp_path):
    """A network in a folder of its own; its case is what is read."""
    monkeypatch.setattr(keeping, "FOLDER", tmp_path)
    content = trained_bytes(_trained(), RECIPE)
    (tmp_path / "toy.safetensors").write_bytes(content)
    (tmp_path / SUMS).write_text(f"{hashlib.sha256(content).hexdigest()}  toy.safetensors\n")
    return OwnNetwork(
        name="toy",
        recipe=RECIPE,
        data=lambda paths: paths,
        train=None,
        case=lambda data, trained: (data, trained),
    )


def test_the_kept_network_is_taken_and_nothing_is_trained(own):
    data, trained = own(["a path"], None)
    assert data == ["a path"] and (trained.mean == _trained().mean).all()


def test_another_file_is_refused(own):
    changed = replace(_trained(), mean=np.zeros(3))
    content = trained_bytes(changed, RECIPE)
    own.path.write_bytes(content)
    with pytest.raises(NetworkError) as caught:
        own.read()
    found = hashlib.sha256(content).hexdigest()
    assert str(caught.value).startswith(
        f"{own.path} is not the network that was trained for this version: its SHA-256 is {found}, "
    )
    assert str(caught.value).endswith("; install refrain again, or restore the file")


def test_a_file_that_is_not_there_is_refused(own):
    own.path.unlink()
    with pytest.raises(NetworkError) as caught:
        own.read()
    assert str(caught.value) == f"{own.path} cannot be read: No such file or directory"


@pytest.mark.parametrize("name", OWN)
def test_every_kept_network_is_the_one_of_its_recipe(name):
    own = OWN[name]
    trained = own.read()
    with safetensors.safe_open(own.path, framework="numpy") as file:
        recipe = json.loads(file.metadata()["recipe"])
    assert recipe == asdict(own.recipe)
    assert trained.network.lstm.hidden_size == own.recipe.hidden


def test_the_folder_holds_the_networks_and_their_hashes_alone():
    named = {line.split()[1] for line in (FOLDER / SUMS).read_text().splitlines()}
    assert named == {own.path.name for own in OWN.values()}
    assert {path.name for path in FOLDER.iterdir()} == named | {SUMS, "README.md"}


def test_the_files_are_small():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 2_000_000
