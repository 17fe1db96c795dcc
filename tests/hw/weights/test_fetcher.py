"""Requests for streamed blocks against the loops that define them."""

import pytest

from hw.axi.bursts import request_layout
from hw.weights.fetcher import WeightFetcher

REQUEST = request_layout(32, 20)


def requests(job, beat_bytes):
    """What must be asked for, in order."""
    kept, blocks = job["resident_blocks"], job["blocks"]
    for _ in range(job["steps"]):
        for block in range(blocks):
            if (block + 1) * kept // blocks == block * kept // blocks:
                addr = job["weights_addr"] + block * job["block_bytes"]
                yield {"addr": addr, "beats": job["block_bytes"] // beat_bytes}


@pytest.mark.parametrize(
    "hidden, kept", [(1, 0), (1, 1), (3, 1), (7, 3), (15, 1), (16, 0), (16, 7), (16, 8)]
)
@pytest.mark.parametrize("stall", [0, 0.6])
def test_the_streamed_blocks_of_every_step_are_asked_for(
    bench, small, job_of, start, after, hidden, kept, stall
):
    config = small()
    sizes = {"input_size": 5, "hidden_size": hidden, "steps": 3}
    job = job_of(config, weights_addr=0x7000, resident_blocks=kept, **sizes)
    dut = WeightFetcher(config, REQUEST)
    b = bench(dut, seed=hidden)
    b.add(start(dut, job))
    expected = list(requests(job, 8))
    out = after(b, b.drain(dut.request, len(expected), stall))
    b.run(extra=30)
    assert out.items == expected


@pytest.mark.parametrize("kept", [0, 1, 4])
def test_a_block_takes_a_cycle_from_the_one_after_start_on(bench, small, job_of, start, kept):
    config = small()
    job = job_of(config, hidden_size=16, steps=2, resident_blocks=kept)
    dut = WeightFetcher(config, REQUEST)
    b = bench(dut)
    b.add(start(dut, job))
    out = b.drain(dut.request, 2 * (8 - kept))
    b.run(extra=20)
    walked = [block % 8 for block in range(16)]
    streamed = [(block + 1) * kept // 8 == block * kept // 8 for block in walked]
    assert out.cycles == [1 + k for k, asks in enumerate(streamed) if asks]


def test_a_request_stands_until_it_is_taken(prover, small, one_start):
    def properties(m, dut):
        one_start(m, dut)
        prover.stable(m, dut.request.valid, dut.request.ready, dut.request.payload)

    prover.run(WeightFetcher(small(), REQUEST), properties, 10)
