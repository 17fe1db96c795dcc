"""Descriptors: every field has its own bits, and comes back from them."""

import random

import pytest

from hw.descriptor import DESCRIPTOR_BYTES, DESCRIPTOR_WORDS, FIELDS, MAGIC, pack, unpack


def limits(field):
    """Least and largest value of a field."""
    low = -(1 << field.width - 1) if field.signed else 0
    return low, low + (1 << field.width) - 1


def random_values(seed):
    """A value for every field but the magic."""
    rng = random.Random(seed)
    fields = {name: field for name, field in FIELDS.items() if name != "magic"}
    values = {name: rng.randint(*limits(field)) for name, field in fields.items()}
    for name, field in fields.items():
        if rng.random() < 0.3:
            values[name] = rng.choice(limits(field))
    return values


@pytest.mark.parametrize("seed", range(20))
def test_what_is_packed_is_unpacked(seed):
    values = random_values(seed)
    data = pack(**values)
    assert len(data) == DESCRIPTOR_BYTES == 4 * DESCRIPTOR_WORDS
    assert unpack(data) == {"magic": MAGIC, **values}


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_has_bits_of_its_own_in_a_little_endian_word(name):
    field = FIELDS[name]
    ones = -1 if field.signed else (1 << field.width) - 1
    data = pack(**{"magic": 0, name: ones})
    expected = ((1 << field.width) - 1) << (32 * field.word + field.lsb)
    assert int.from_bytes(data, "little") == expected
    assert field.word < DESCRIPTOR_WORDS and field.lsb + field.width <= 32


def test_no_two_fields_share_a_bit():
    used = 0
    for field in FIELDS.values():
        bits = ((1 << field.width) - 1) << (32 * field.word + field.lsb)
        assert not used & bits, field.name
        used |= bits


def test_fields_that_are_not_named_are_zero_but_for_the_magic():
    assert pack() == b"FR" + bytes(DESCRIPTOR_BYTES - 2)


@pytest.mark.parametrize(
    "values, sentence",
    [
        ({"input_size": 65536}, "input_size must fit 16 bits, not 65536"),
        ({"x_shift_1": 128}, "x_shift_1 must fit 8 bits, not 128"),
        ({"x_zero": -129}, "x_zero must fit 8 bits, not -129"),
        ({"steps": -1}, "steps must fit 32 bits, not -1"),
        ({"last": 2}, "last must fit 1 bits, not 2"),
    ],
)
def test_a_value_beyond_its_field_is_refused(values, sentence):
    with pytest.raises(ValueError) as error:
        pack(**values)
    assert str(error.value) == sentence


def test_a_threshold_beyond_a_byte_has_its_upper_bits_elsewhere():
    found = unpack(pack(x_threshold=0x1234, h_threshold=255))
    assert (found["x_threshold"], found["x_threshold_high"]) == (0x34, 0x12)
    assert (found["h_threshold"], found["h_threshold_high"]) == (255, 0)


def test_both_ends_of_every_field_fit():
    for end in (0, 1):
        values = {name: limits(field)[end] for name, field in FIELDS.items()}
        assert unpack(pack(**values)) == values
