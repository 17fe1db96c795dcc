import pytest

from sim.explore.tuning.budgets import Budget, Outcome
from sim.networks.network import NetworkError
from sim.workloads.scores import Score

NORMAL = Score(value=0.9, standard_error=0.02, examples=50)


def _outcome(value, exact=False):
    score = Score(value=value, standard_error=0.02, examples=50)
    return Outcome(score=score, exact=exact, macs=0.5, bytes=0.6)


@pytest.mark.parametrize(
    ("text", "least"),
    [
        *(("0.05", 0.85), ("10%", 0.81), ("1se", 0.88), ("0.5se", 0.89), (">=0.7", 0.7)),
        *(("0", 0.9), ("exact", 0.9)),
    ],
)
def test_a_budget_says_how_low_the_score_may_be(text, least):
    budget = Budget(text)
    assert budget.least(NORMAL, "accuracy") == pytest.approx(least)
    if not budget.exact:
        assert budget.excess(_outcome(least), NORMAL, "accuracy") <= 0
        assert budget.excess(_outcome(least - 1e-6), NORMAL, "accuracy") > 0


ERRORS = Score(value=0.1, standard_error=0.02, examples=50, lower=True)


@pytest.mark.parametrize(
    ("text", "most"), [("0.05", 0.15), ("10%", 0.11), ("1se", 0.12), ("<=0.3", 0.3), ("0", 0.1)]
)
def test_where_less_is_better_a_budget_says_how_high_the_score_may_be(text, most):
    budget = Budget(text)
    budget.check_metric("wer", lower=True)
    assert budget.least(ERRORS, "wer") == pytest.approx(-most)
    for value, within in ((most, True), (most + 1e-6, False), (0.05, True)):
        score = Score(value=value, standard_error=0.02, examples=50, lower=True)
        outcome = Outcome(score=score, exact=False, macs=0.5, bytes=0.6)
        assert (budget.excess(outcome, ERRORS, "wer") <= 0) is within


def test_exact_asks_for_equal_bits_and_zero_for_an_equal_score():
    assert Budget("exact").exact and not Budget("0").exact and not Budget("0.0").exact
    assert Budget("exact").excess(_outcome(0.9), NORMAL, "accuracy") > 0
    assert Budget("exact").excess(_outcome(0.9, exact=True), NORMAL, "accuracy") <= 0
    assert Budget("0").excess(_outcome(0.9), NORMAL, "accuracy") <= 0
    assert Budget("0").excess(_outcome(0.91), NORMAL, "accuracy") <= 0
    assert Budget("0").excess(_outcome(0.899), NORMAL, "accuracy") > 0


def test_only_a_budget_in_standard_errors_needs_them():
    assert Budget("1se").in_errors
    assert not any(Budget(text).in_errors for text in ("exact", "0", "1%", ">=0.9"))


@pytest.mark.parametrize("text", ["", "x", "-0.1", "1 %%", "se", "nan", "30 dB"])
def test_other_budgets_are_refused(text):
    with pytest.raises(NetworkError) as caught:
        Budget(text)
    assert str(caught.value) == (
        "a budget is exact (no bit changes), 0 (the metric loses nothing), a loss such as 0.01, 1% "
        f"or 1se, or a limit such as >=0.95, <=0.05 or 30dB, not {text}"
    )


def test_a_floor_above_the_network_itself_is_refused():
    with pytest.raises(NetworkError) as caught:
        Budget(">=0.95").least(NORMAL, "accuracy")
    assert str(caught.value) == (
        "the budget >=0.95 cannot be met: the network itself reaches accuracy 0.9"
    )


def test_an_unknown_standard_error_is_refused():
    score = Score(value=0.9, standard_error=float("nan"), examples=5)
    with pytest.raises(NetworkError) as caught:
        Budget("1se").least(score, "roc_auc")
    assert str(caught.value) == ("roc_auc has no standard error on these data; name a drop instead")


@pytest.mark.parametrize(
    ("text", "metric", "sentence"),
    [
        ("1%", "sqnr", "metric sqnr needs a budget in dB, such as 30dB, or exact, not 1%"),
        ("0", "sqnr", "metric sqnr needs a budget in dB, such as 30dB, or exact, not 0"),
        ("<=1", "accuracy", "more is better of accuracy, so its limit is >=1, not <=1"),
        ("30dB", "accuracy", "a budget in dB is for metric sqnr, not for accuracy"),
    ],
)
def test_a_budget_has_the_unit_of_its_metric(text, metric, sentence):
    with pytest.raises(NetworkError) as caught:
        Budget(text).check_metric(metric)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("text", "metric"), [("30dB", "sqnr"), ("exact", "sqnr"), ("1%", "roc_auc")]
)
def test_a_budget_of_the_right_unit_is_taken(text, metric):
    Budget(text).check_metric(metric)


def test_a_floor_is_on_the_wrong_side_where_less_is_better():
    with pytest.raises(NetworkError) as caught:
        Budget(">=0.9").check_metric("wer", lower=True)
    assert str(caught.value) == "less is better of wer, so its limit is <=0.9, not >=0.9"


def test_what_is_saved_has_a_name():
    assert _outcome(1).saved("macs") == 0.5 and _outcome(1).saved("bytes") == 0.6
