import numpy as np
import pytest

from sim.explore.tuning.metrics import METRICS, Metric
from sim.networks.network import NetworkError

RNG = np.random.default_rng(0)
OUTPUTS = RNG.normal(size=(6, 5, 3))


def _score(name, outputs, labels=None, normal=OUTPUTS):
    return Metric(name, labelled=labels is not None).score(outputs, normal, labels, "held_out")


def test_equal_outputs_have_no_error():
    assert _score("sqnr", OUTPUTS).value == float("inf")
    assert _score("sqnr", OUTPUTS * 1.1).value == pytest.approx(20)


def test_agreement_compares_the_largest_outputs():
    moved = OUTPUTS.copy()
    moved[0, 0] = np.roll(moved[0, 0], 1)
    score = _score("agreement", moved)
    assert score.value == pytest.approx(29 / 30) and score.examples == 30


@pytest.mark.parametrize(
    ("labels", "examples"),
    [(np.argmax(OUTPUTS, axis=2), 30), (np.argmax(OUTPUTS[:, -1], axis=1), 6)],
)
def test_labels_are_for_each_step_or_for_each_sequence(labels, examples):
    score = _score("accuracy", OUTPUTS, labels)
    assert score.value == 1 and score.examples == examples
    assert _score("accuracy", OUTPUTS, (labels + 1) % 3).value == 0


def test_the_area_is_that_of_the_last_output():
    labels = (OUTPUTS[:, :, -1] > 0.3).astype(int)
    score = _score("roc_auc", OUTPUTS, labels)
    assert score.value == 1 and score.examples == 30
    flat = _score("roc_auc", OUTPUTS[:, :, -1:], labels[:, :, None])
    assert flat.value == 1


@pytest.mark.parametrize("label", [0, 1])
def test_an_area_of_one_kind_of_label_is_refused(label):
    with pytest.raises(NetworkError) as caught:
        _score("roc_auc", OUTPUTS, np.full((6, 5), label))
    assert str(caught.value) == (
        f"roc_auc is not defined on the held-out data: its labels are all {label}"
    )


def test_labels_of_another_shape_are_refused():
    with pytest.raises(NetworkError) as caught:
        _score("accuracy", OUTPUTS, np.zeros((6, 4), int))
    assert str(caught.value) == (
        "the labels must have the shape [6, 5] of the outputs, or one label for each sequence, "
        "not [6, 4]"
    )


@pytest.mark.parametrize("name", ["agreement", "accuracy"])
def test_one_output_has_no_largest(name):
    labels = np.zeros((6, 5), int) if name == "accuracy" else None
    with pytest.raises(NetworkError) as caught:
        _score(name, OUTPUTS[:, :, :1], labels, OUTPUTS[:, :, :1])
    assert str(caught.value) == f"metric {name} compares outputs, and this network has only one"


def test_a_metric_has_labels_where_it_needs_them_and_only_there():
    for name, labelled, sentence in (
        (
            "speed",
            False,
            "the metric must be sqnr, agreement, accuracy, roc_auc, or a function of yours as "
            "FILE.py:function, not speed",
        ),
        ("accuracy", False, "metric accuracy compares with labels: give them by --labels"),
        ("sqnr", True, "metric sqnr takes no labels: it compares with normal mode"),
    ):
        with pytest.raises(NetworkError) as caught:
            Metric(name, labelled=labelled)
        assert str(caught.value) == sentence
    assert len(METRICS) == 4


@pytest.fixture
def own(tmp_path):
    """Writes a file of functions; gives the name of one."""

    def make(text, name="f"):
        path = tmp_path / "metrics.py"
        path.write_text(text)
        return f"{path}:{name}"

    return make


COUNT = "def f(outputs, labels):\n    return (outputs.argmax(-1) != labels).mean()\n"


def test_a_function_is_called_with_outputs_and_labels(own):
    labels = np.argmax(OUTPUTS, axis=2)
    labels[0] = 3
    score = Metric(own(COUNT), labelled=True, lower=True).score(OUTPUTS, None, labels, "held_out")
    assert score.value == pytest.approx(1 / 6) and score.gain == -score.value
    assert score.examples == 6 and np.isnan(score.standard_error)


def test_a_function_works_on_copies_and_may_have_no_labels(own):
    name = own("def f(outputs, labels):\n    outputs[:] = 0\n    return labels is None\n")
    before = OUTPUTS.copy()
    with pytest.raises(NetworkError, match="must give one finite number, not True"):
        Metric(name).score(OUTPUTS, None, None, "held_out")
    assert (before == OUTPUTS).all()


def test_a_function_has_a_standard_error_where_it_is_wanted(own):
    rng = np.random.default_rng(1)
    outputs, labels = rng.random((400, 2)), rng.integers(0, 2, 400)
    score = Metric(own(COUNT), labelled=True, errors=True).score(outputs, None, labels, "")
    assert score.standard_error == pytest.approx(0.5 / 20, rel=0.3)


def test_a_function_may_import_what_stands_beside_it(own, tmp_path):
    (tmp_path / "beside_metrics.py").write_text("VALUE = 0.25\n")
    name = own("from beside_metrics import VALUE\ndef f(outputs, labels):\n    return VALUE\n")
    assert Metric(name).score(OUTPUTS, None, None, "").value == 0.25
    assert not (tmp_path / "__pycache__" / "metrics.cpython-311.pyc").exists()


def test_a_changed_function_is_another_metric(own):
    one, other = Metric(own(COUNT)).key, Metric(own(COUNT + "# changed\n")).key
    assert one != other and Metric("sqnr").key == ("sqnr",)
    assert Metric(own(COUNT), lower=True).key != one


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "def f(a, b):\n    x = 1\n    return a.no\n",
            "{}, line 3: f raised AttributeError: 'numpy.ndarray' object has no attribute 'no'",
        ),
        (
            "def f(a, b):\n    return inner()\n\ndef inner():\n    raise SystemExit(3)\n",
            "{}, line 5: f raised SystemExit: 3",
        ),
        ("def f(a, b):\n    return\n", "{}: f must give one finite number, not a NoneType"),
        (
            "def f(a, b):\n    return a\n",
            "{}: f must give one finite number, not an array of the shape [6, 5, 3]",
        ),
        (
            "def f(a, b):\n    return a[0, 0, 0] * float('nan')\n",
            "{}: f must give one finite number, not nan",
        ),
        (
            "def f(a):\n    return 1\n",
            "{}: f raised TypeError: f() takes 1 positional argument but 2 were given",
        ),
    ],
)
def test_a_function_that_fails_is_named_with_its_line(own, text, sentence):
    name = own(text)
    with pytest.raises(NetworkError) as caught:
        Metric(name).score(OUTPUTS, None, None, "held_out")
    assert str(caught.value) == sentence.format(name.removesuffix(":f"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("def f(:\n", "{}, line 1: it raised SyntaxError: invalid syntax"),
        ("import math\n1 / 0\n", "{}, line 2: it raised ZeroDivisionError: division by zero"),
        ("g = 1\n", "{} has no function f for a metric"),
        ("f = 1\n", "{} has no function f for a metric"),
    ],
)
def test_a_file_without_the_function_is_refused(own, text, sentence):
    name = own(text)
    with pytest.raises(NetworkError) as caught:
        Metric(name)
    assert str(caught.value).split(" (")[0] == sentence.format(name.removesuffix(":f"))


def test_a_missing_file_of_functions_is_named(tmp_path):
    with pytest.raises(NetworkError) as caught:
        Metric(f"{tmp_path}/no.py:f")
    assert str(caught.value) == f"{tmp_path}/no.py cannot be read: No such file or directory"


def test_of_the_projects_own_metrics_more_is_better():
    with pytest.raises(NetworkError) as caught:
        Metric("accuracy", labelled=True, lower=True)
    assert str(caught.value) == "of metric accuracy more is better: --lower is for a function"
