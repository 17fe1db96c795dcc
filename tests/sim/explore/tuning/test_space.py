import pytest

from sim.explore.tuning.space import FAMILIES, Space


class Fixed:
    """A trial that takes the last of every choice."""

    def suggest_int(self, name, low, high):
        return high

    def suggest_float(self, name, low, high, step):
        return high

    def suggest_categorical(self, name, choices):
        return choices[-1]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("layers", [1, 3])
def test_every_choice_makes_settings(family, layers):
    space = Space(family, layers)
    modes = space.suggest(Fixed())
    assert len(modes.layers) == layers and not any(each.unused() for each in modes.layers)
    for choices in space.first():
        assert len(space.modes(choices).layers) == layers


def test_families_allow_what_they_say():
    delta, skip, both = (Space(family, 1).suggest(Fixed()).layers[0] for family in FAMILIES)
    assert delta.deltas and not delta.skips
    assert skip.skips and not skip.deltas
    assert both.deltas and both.skips and both.delta_threshold == 0


def test_the_first_settings_are_the_mildest():
    thresholds = [(c["x0"], c["h0"]) for c in Space("delta", 1).first()]
    assert thresholds[0] == (0, 0) and thresholds == sorted(thresholds)
    scores = [c["skip_threshold"] for c in Space("skip", 1).first()]
    assert scores == sorted(scores, reverse=True)


def test_zeros_are_left_out_everywhere():
    for family in FAMILIES:
        space = Space(family, 1)
        assert all(space.modes(choices).layers[0].zero_skip for choices in space.first())
    assert all(modes.layers[0].zero_skip for modes in Space("all", 1).exact())


def test_thresholds_of_16_bits_are_as_far_as_those_of_8():
    narrow, wide = (Space("delta", 1, bits).suggest(Fixed()).layers[0] for bits in (8, 16))
    assert narrow.x_threshold and wide.x_threshold == 256 * narrow.x_threshold
    assert narrow.h_threshold and wide.h_threshold == 256 * narrow.h_threshold
