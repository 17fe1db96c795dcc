import pytest

from sim.networks.wording import listed, reason, shortened


@pytest.mark.parametrize(
    "names, text", [("", ""), ("a", "a"), ("abc", "a, b, c"), ("abcde", "a, b, c and 2 more")]
)
def test_a_list_counts_what_it_leaves_out(names, text):
    assert listed(iter(names), 3) == text


@pytest.mark.parametrize(
    "name, text",
    [("", ""), (" a\n\tb ", "a b"), ("abcdefgh", "abcdefgh"), ("abcdefghi", "abcde...")],
)
def test_a_name_is_one_line_and_loses_its_end_where_it_is_too_long(name, text):
    assert shortened(name, 8) == text


@pytest.mark.parametrize(
    "error, text",
    [
        (ValueError("bad\n  header"), "bad header"),
        (KeyError(), "KeyError"),
        (ValueError("x" * 81), "x" * 77 + "..."),
    ],
)
def test_the_words_of_a_library_are_short(error, text):
    assert reason(error) == text
