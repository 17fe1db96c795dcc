# %% [markdown]
# # Simulate your own test bench
#
# The command `refrain run --backend rtl` hides the hardware from you: it loads a network, starts
# the machine, waits and reads the result. This notebook opens it. You write each register and each
# byte of memory yourself, as the driver on your processor will. You see what happens when the
# memory is slow and when you make a mistake, and then you take the same run to Icarus Verilog and
# cocotb.
#
# It is for those who integrate the accelerator. You need g++, and some seconds for its first use,
# in which the smallest accelerator, `tiny`, is compiled.

# %%
import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import refrain
from safetensors.numpy import save_file

folder = Path("test_bench")
folder.mkdir(exist_ok=True)
rng = np.random.default_rng(2)

# %% [markdown]
# ## A network in integers
#
# Any network does. This one has 6 inputs, 16 units and random weights, and is quantised on its own
# input. `x` is what the accelerator reads: int8, two sequences of five steps.

# %%
INPUTS, UNITS = 6, 16
shapes: dict[str, tuple[int, ...]] = {
    "weight_ih_l0": (4 * UNITS, INPUTS),
    "weight_hh_l0": (4 * UNITS, UNITS),
}
shapes |= {"bias_ih_l0": (4 * UNITS,), "bias_hh_l0": (4 * UNITS,)}
weights = {name: rng.normal(0, 0.4, s).astype(np.float32) for name, s in shapes.items()}
save_file(weights, folder / "net.safetensors")
real = rng.normal(0, 0.3, (2, 5, INPUTS)).cumsum(axis=1).astype(np.float32)
quantized = refrain.quantize(folder / "net.safetensors", real)
network = refrain.load(quantized.save(folder / "net.tflite"))

scale, zero = (quantized.figures[0]["layers"][0][name] for name in ("x_scale", "x_zero"))
x = np.clip(np.round(real / scale) + zero, -128, 127).astype(np.int8)
print(f"x is {x.dtype} {x.shape}")

# %% [markdown]
# ## What goes into memory
#
# The accelerator reads everything from memory: a table of *descriptors*, one for each layer, which
# say where its weights, its input and its output lie; the weights; and the input.
# `compile_image` lays all of it out, from address 0 on.

# %%
image = refrain.compile_image(network, x, "tiny")
print(f"descriptors and weights: {len(image.data)} bytes from address 0")
print(f"input:  {len(image.pack_x(x))} bytes from address {image.x.addr}")
print(f"output: from address {image.output_base} to before {image.output_limit}")

# %% [markdown]
# ## The machine
#
# `simulator` gives you the compiled gates with a memory behind them, held in reset once and then
# ready. Each register access makes real cycles on the AXI4-Lite port. Register 0 tells who is
# there, and `Driver` knows the others by their names.

# %%
machine = refrain.simulator("tiny", memory=refrain.Memory(latency=30))
print(f"register 0 reads 0x{machine.read_register(0):08x}")
driver = refrain.Driver(machine)
print(f"{driver.lanes} lanes, up to {driver.max_input} inputs and {driver.max_hidden} units")

# %% [markdown]
# ## A run, register by register
#
# 1. Write the image and the input into memory.
# 2. Say where the descriptors are, and where the machine may write. A write outside this window is
#    an error, so that a wrong descriptor cannot damage other memory.
# 3. Start it, and wait for the interrupt.
# 4. Read and clear the interrupt: bit 0 means done, bit 1 means error.

# %%
machine.write_memory(0, image.data)
machine.write_memory(image.x.addr, image.pack_x(x))
driver.write("interrupt_enable", 0b11)
driver.write("descriptor", image.descriptor)
driver.write("output_base", image.output_base)
driver.write("output_limit", image.output_limit)
driver.write("control", 1)
arrived = machine.wait_interrupt(timeout=100_000)
reason = driver.read("interrupt")
driver.write("interrupt", reason)
print(f"interrupt: {arrived}, reason: {reason:#04b}")

# %% [markdown]
# The output lies in the window. The integer model computes the same, so every bit can be checked.

# %%
h = image.unpack_h(machine.read_memory(0, image.output_limit))
model = refrain.run(network, x, config="tiny").outputs["h"]
print(f"gates and model agree on every bit: {bool((h == model).all())}")
counters = driver.counters()
print(f"cycles {counters['cycles']}, of them waiting for loads {counters['stall_load']}")
print(f"broken AXI rules: {machine.violations}")

# %% [markdown]
# ## Slow memories
#
# Your memory is not ideal. `Memory` has a latency, a bandwidth, and random gaps on each channel of
# the bus. The bits must never depend on them, only the cycles may. `Driver.start` and `Driver.wait`
# do what you did by hand above. After `restart` the machine has just been switched on.


# %%
def run_with(memory: refrain.Memory) -> tuple[bool, int, int]:
    """Whether the bits are right, cycles, and broken AXI rules, with such a memory."""
    machine.restart(memory)
    machine.write_memory(0, image.data)
    machine.write_memory(image.x.addr, image.pack_x(x))
    host = refrain.Driver(machine)
    host.start(image.descriptor, image.output_base, image.output_limit)
    host.wait(timeout=1_000_000)
    out = image.unpack_h(machine.read_memory(0, image.output_limit))
    return bool((out == model).all()), host.counters()["cycles"], machine.violations


latencies = [1, 10, 30, 100, 300]
cycles = []
for latency in latencies:
    right, count, broken = run_with(refrain.Memory(latency=latency))
    cycles.append(count)
    print(f"latency {latency:3}: bits right: {right}, cycles {count}, broken rules {broken}")
right, count, broken = run_with(refrain.Memory.stalling(0.5, seed=1))
print(f"random gaps: bits right: {right}, cycles {count}, broken rules {broken}")

figure, axes = plt.subplots(figsize=(6, 3))
axes.plot(latencies, cycles, "o-")
axes.set(xlabel="latency of the memory, cycles", ylabel="cycles of the run", ylim=(0, None))
figure.tight_layout()
figure.savefig(folder / "latency.png")

# %% [markdown]
# What you see: the machine fetches ahead while it computes, and hides a latency of tens of cycles
# almost whole. A step of this small network takes some 200 cycles; a memory that answers later than
# that makes it wait.
#
# ## Mistakes
#
# What does a wrong driver see? Two mistakes: a window that is too small for the output, and a
# descriptor address at which there is no descriptor. The machine stops, keeps an error code, and
# raises the interrupt. `Driver.wait` turns it into a sentence.

# %%
for mistake, descriptor, limit in (
    ("small window", image.descriptor, image.output_base + 16),
    ("no descriptor", 1 << 20, image.output_limit),
):
    try:
        driver.soft_reset()
        driver.start(descriptor, image.output_base, limit)
        driver.wait(timeout=100_000)
    except refrain.RefrainError as error:
        print(f"{mistake}: {error}")
driver.soft_reset()
print(f"busy after a soft reset: {driver.busy}")

# %% [markdown]
# ## Waves
#
# `refrain.simulator("tiny", trace="run.vcd")` writes every signal for GTKWave or Surfer. It
# compiles the machine once more, with tracing, and the file grows by kilobytes in each cycle, so
# trace short runs. Call `machine.close()` at the end.
#
# ## The same run in your own simulator
#
# The exported Verilog is plain Verilog-2005. The next cell writes it, together with the memory and
# the numbers that a test bench needs.

# %%
refrain.export_verilog("tiny", folder)
(folder / "memory.bin").write_bytes(image.data + image.pack_x(x))
start = {"descriptor": image.descriptor, "base": image.output_base, "limit": image.output_limit}
(folder / "start.json").write_text(json.dumps(start))
run_with(refrain.Memory())
expected = machine.read_memory(image.output_base, image.output_limit - image.output_base)
(folder / "expected.bin").write_bytes(expected.tobytes())
print(f"files to simulate: {', '.join(sorted(path.name for path in folder.glob('*.v')))}")

# %% [markdown]
# Save this as `own_bench.py` in the folder of the Verilog. It is a test for cocotb, with the memory
# and the AXI masters of `cocotbext-axi`:
#
# ```python
# import json
# from pathlib import Path
#
# import cocotb
# from cocotb.clock import Clock
# from cocotb.triggers import ClockCycles, RisingEdge
# from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiRam
#
# HERE = Path(__file__).parent
# CONTROL, INTERRUPT_ENABLE, DESCRIPTOR = 0x14, 0x24, 0x28
# OUTPUT_BASE, OUTPUT_LIMIT = 0x2C, 0x30
#
#
# @cocotb.test()
# async def a_network_runs(dut):
#     cocotb.start_soon(Clock(dut.aclk, 10, "ns").start())
#     reset = {"reset": dut.m_axi_aresetn, "reset_active_level": False}
#     ram = AxiRam(AxiBus.from_prefix(dut, "m_axi"), dut.aclk, **reset, size=1 << 20)
#     host = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), dut.aclk, **reset)
#     dut.aresetn.value = dut.m_axi_aresetn.value = 0
#     await ClockCycles(dut.aclk, 8)
#     dut.aresetn.value = dut.m_axi_aresetn.value = 1
#
#     start = json.loads((HERE / "start.json").read_text())
#     ram.write(0, (HERE / "memory.bin").read_bytes())
#     await host.write_dword(INTERRUPT_ENABLE, 0b11)
#     await host.write_dword(DESCRIPTOR, start["descriptor"])
#     await host.write_dword(OUTPUT_BASE, start["base"])
#     await host.write_dword(OUTPUT_LIMIT, start["limit"])
#     await host.write_dword(CONTROL, 1)
#     await RisingEdge(dut.interrupt)
#     expected = (HERE / "expected.bin").read_bytes()
#     assert ram.read(start["base"], len(expected)) == expected
# ```
#
# and this as `simulate.py` beside it, then type `python simulate.py`. It needs Icarus Verilog and
# `pip install cocotb cocotbext-axi`:
#
# ```python
# from pathlib import Path
#
# from cocotb_tools.runner import get_runner
#
# runner = get_runner("icarus")
# sources = sorted(Path().glob("refrain_*.v"))
# runner.build(sources=sources, hdl_toplevel="refrain_tiny", timescale=("1ns", "1ps"))
# runner.test(hdl_toplevel="refrain_tiny", test_module="own_bench")
# ```
#
# What you see: one test, passed. From here on the test bench is yours: other latencies, other
# masters on the bus, resets in the middle of a run. The page *Use the Verilog* has Verilator and
# plain Icarus as well, and the page *Registers and counters* lists them.
