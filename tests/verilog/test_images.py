"""Icarus reads the file that a compiled network has for ``$readmemh``."""

import pytest

from hw.config import CONFIGS
from sim.explore.compiling.made import Wanted, compile_integer
from sim.explore.compiling.writing import write_compiled
from sim.model.random_network import random_network

READER = """
module reader;
  reg [{width}-1:0] memory [0:{words}-1];
  integer k;
  initial begin
    $readmemh("image.mem", memory);
    for (k = 0; k < {words} * {width} / 8; k = k + 1)
      $display("%h", memory[k * 8 / {width}][k * 8 % {width} +: 8]);
  end
endmodule
"""


@pytest.mark.parametrize("name", ["tiny", "edge", "chip"])
def test_byte_after_byte_is_the_image(tool, run, tmp_path, name):
    config = CONFIGS[name]
    network = random_network((5, 6, 7), seed=1, bidirectional=True)
    made = compile_integer(network, Wanted(config=config, base=0x1000))
    write_compiled(made, tmp_path)
    words = len(made.data) // config.bus_bytes
    source = READER.format(width=config.bus_width, words=words)
    (tmp_path / "reader.v").write_text(source)
    run(tool("iverilog", "iverilog"), "-Wall", "reader.v", "-o", "reader", folder=tmp_path)
    said = run(tool("vvp", "iverilog"), "-n", "reader", folder=tmp_path)
    assert bytes.fromhex("".join(said.split())) == made.data
