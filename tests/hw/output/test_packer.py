"""Rows of h and the final state in memory, against the bytes that they are."""

import random

import pytest

from hw.axi.bursts import request_layout
from hw.output.packer import BeatPacker, OutputPacker

REQUEST = request_layout(32, 20)


def beat_bytes(beats):
    """Written bytes of beats; checks that the strobes have no gap."""
    out = []
    for beat in beats:
        count = beat["strb"].bit_count()
        assert beat["strb"] == (1 << count) - 1
        out.append([beat["data"] >> 8 * k & 255 for k in range(count)])
    return out


class ItemSource:
    """Gives items of rows to a packer that has plain ports."""

    def __init__(self, dut, rows, idle, rng):
        self.dut, self.idle, self.rng = dut, idle, rng
        self.items = [(item, k == len(row) - 1) for row in rows for k, item in enumerate(row)]
        self.cycles, self.valid = [], False

    @property
    def done(self):
        """Whether all were taken."""
        return not self.items

    def drive(self, ctx, cycle):
        """Offer the next item, or wait."""
        self.valid = bool(self.items) and (self.valid or self.rng.random() >= self.idle)
        ctx.set(self.dut.i_valid, self.valid)
        if self.valid:
            ctx.set(self.dut.i_item, self.items[0][0])
            ctx.set(self.dut.i_last, self.items[0][1])

    def sample(self, ctx, cycle):
        """See whether it was taken."""
        if self.valid and ctx.get(self.dut.i_ready):
            self.items.pop(0)
            self.cycles.append(cycle)
            self.valid = False


@pytest.mark.parametrize("width, bus", [(8, 64), (32, 64), (8, 128), (32, 512)])
@pytest.mark.parametrize("stalls", [(0, 0), (0.5, 0), (0, 0.6), (0.4, 0.4)])
def test_items_are_joined_to_beats_that_end_with_their_row(bench, small, width, bus, stalls):
    rng, per_beat = random.Random(width), bus // width
    lengths = [1, 1, per_beat - 1 or 1, per_beat, per_beat + 1, 2 * per_beat, 1]
    rows = [[rng.getrandbits(width) for _ in range(length)] for length in lengths]
    expected = []
    for row in rows:
        whole = [item >> 8 * k & 255 for item in row for k in range(width // 8)]
        expected += [whole[at : at + bus // 8] for at in range(0, len(whole), bus // 8)]
    dut = BeatPacker(width, small(lanes=64, bus_width=bus))
    b = bench(dut, seed=width)
    source = b.add(ItemSource(dut, rows, stalls[0], rng))
    out = b.drain(dut.o, len(expected), stalls[1])
    b.run()
    assert beat_bytes(out.items) == expected
    if stalls == (0, 0):
        assert source.cycles == list(range(sum(lengths)))
        ends, total = [], 0
        for length in lengths:
            ends += [total + min(at + per_beat, length) for at in range(0, length, per_beat)]
            total += length
        assert out.cycles == ends


def run_packer(b, dut, job, rows, stall, start, after, offsets=(0, 0)):
    """Feed ``[step][unit]`` pairs of ``h`` and ``c``; returns feeder and the four drainers."""
    steps, hidden, bus = len(rows), len(rows[0]), 8
    states = job.get("store_state", 0)
    b.add(start(dut, job, h_offset=offsets[0], state_offset=offsets[1]))
    units = [{"h": h, "c": c} for row in rows for h, c in row]
    fed = after(b, b.feed(dut.units, units, stall))
    counts = (steps, steps * -(-hidden // bus), states, states * -(-4 * hidden // bus))
    ports = (dut.h_request, dut.h_beats, dut.state_request, dut.state_beats)
    outs = [b.drain(port, count, stall) for port, count in zip(ports, counts, strict=True)]
    b.run(extra=6)
    return fed, outs


def random_rows(steps, hidden):
    """Units of all codes, the extreme ones included."""
    rng = random.Random(hidden)
    edge = [(-128, -32768), (127, 32767)]
    return [
        [
            rng.choice([*edge, (rng.randrange(-128, 128), rng.randrange(-32768, 32768))])
            for _ in range(hidden)
        ]
        for _ in range(steps)
    ]


@pytest.mark.parametrize("hidden", [1, 2, 7, 8, 9, 16])
@pytest.mark.parametrize("stall, store", [(0, 1), (0.5, 1), (0.5, 0)])
def test_rows_and_state_are_written_where_they_belong(
    bench, small, job_of, start, after, hidden, stall, store
):
    config, rows = small(), random_rows(3, hidden)
    job = job_of(config, hidden_size=hidden, steps=3, store_state=store)
    job |= {"h_addr": 0x900, "h_step_stride": -32, "state_out_addr": 0x4000}
    dut = OutputPacker(config, REQUEST)
    b = bench(dut, seed=hidden)
    _, outs = run_packer(b, dut, job, rows, stall, start, after, (0x100, 0x200))
    h_requests, h_beats, state_requests, state_beats = (out.items for out in outs)
    beats = -(-hidden // 8)
    assert h_requests == [{"addr": 0xA00 - 32 * step, "beats": beats} for step in range(3)]
    written = [[h & 255 for h, _ in row] for row in rows]
    assert beat_bytes(h_beats) == [
        row[at : at + 8] for row in written for at in range(0, hidden, 8)
    ]
    assert state_requests == [{"addr": 0x4200, "beats": -(-hidden // 2)}] * store
    words = [[c & 255, c >> 8 & 255, h & 255, 0] for h, c in rows[-1]]
    flat = [byte for word in words for byte in word]
    state = [flat[at : at + 8] for at in range(0, len(flat), 8)]
    assert beat_bytes(state_beats) == (state if store else [])


@pytest.mark.parametrize("hidden, row", [(1, 2), (2, 2), (9, 9), (16, 16)])
def test_a_row_takes_a_cycle_for_each_unit_and_at_least_two(
    bench, small, job_of, start, after, hidden, row
):
    config = small()
    job = job_of(config, hidden_size=hidden, steps=4, store_state=1)
    dut = OutputPacker(config, REQUEST)
    b = bench(dut)
    fed, outs = run_packer(b, dut, job, random_rows(4, hidden), 0, start, after)
    assert fed.cycles == [3 + row * step + k for step in range(4) for k in range(hidden)]
    assert outs[0].cycles == [4 + row * step for step in range(4)]
    last_units = [fed.cycles[hidden * step + hidden - 1] for step in range(4)]
    beats = -(-hidden // 8)
    assert outs[1].cycles[beats - 1 :: beats] == [cycle + 1 for cycle in last_units]


def test_it_is_active_until_the_writer_has_everything(play, small, job_of):
    config = small()
    job = job_of(config, hidden_size=1, store_state=1)
    ports = ["h_request", "h_beats", "state_request", "state_beats"]
    for late in ports:
        ready = {f"{port}.ready": 1 for port in ports if port != late}
        rows = [{"job": job, "start": 1}, *[ready] * 3, {"units.valid": 1, **ready}]
        rows += [*[ready] * 4, {f"{late}.ready": 1}, {}]
        active = [row["active"] for row in play(OutputPacker(config, REQUEST), rows)]
        assert active == [0] + [1] * 9 + [0]


def test_requests_and_beats_stand_until_they_are_taken(prover, small, one_start):
    def properties(m, dut):
        one_start(m, dut)
        for port in (dut.h_request, dut.h_beats, dut.state_request, dut.state_beats):
            # The address of the state follows its offset, which stays while a sequence runs.
            payload = port.payload.beats if port is dut.state_request else port.payload
            prover.stable(m, port.valid, port.ready, payload)

    prover.run(OutputPacker(small(), REQUEST), properties, 7)
