"""Stands for the open tools of Xilinx' 7 series: refuses what their sources do not document.

Called as ``stand_in.py TOOL ARGUMENTS``. ``STAND_IN_YOSYS`` is the version that it says;
``STAND_IN_MHZ`` holds the clocks that are reached with seeds 1, 2, ...; none where it is empty.

References: YosysHQ/nextpnr ``common/kernel/command.cc``, ``himbaechel/main.cc`` and
``himbaechel/uarch/xilinx/{xilinx,xdc}.cc``; openXC7/nextpnr-xilinx ``common/command.cc``,
``xilinx/main.cc`` and ``xilinx/xdc.cc``; f4pga/prjxray ``utils/fasm2frames.py`` and
``tools/xc7frames2bit.cc``; Yosys' ``help synth_xilinx``.
"""

import argparse
import json
import os
import re
import sys
from pathlib import Path

SYNTH = {"-flatten", "-abc9", "-nowidelut", "-nodsp", "-nobram", "-noiopad", "-run"}
PLACE = "json write seed freq log placer router sdf cstrweight starttemp"


def fail(text):
    sys.exit(f"ERROR: {text}")


def read(path):
    try:
        return Path(path).read_text()
    except OSError:
        fail(f"cannot open {path}")


def parse(arguments, values, flags=(), other=None):
    """Options as boost's or gflags' parser would take them: unknown ones are errors."""
    parser = argparse.ArgumentParser(allow_abbrev=False, exit_on_error=False)
    for name in values:
        parser.add_argument(f"--{name}")
    for name in flags:
        parser.add_argument(f"--{name}", action="store_true")
    if other:
        other(parser)
    try:
        return parser.parse_args(arguments)
    except (argparse.ArgumentError, SystemExit) as error:
        fail(f"unrecognised option: {error}")


def yosys(arguments):
    if arguments == ["-V"]:
        print(f"Yosys {os.environ['STAND_IN_YOSYS']} (git sha1 1234567)")
        return
    if arguments[:1] != ["-p"]:
        fail(f"unknown option {arguments[:1]}")
    for command in (each.split() for each in arguments[1].split(";")):
        if command[0] == "synth_xilinx":
            words = iter(command[1:])
            for word in words:
                if word in ("-arch", "-family", "-top"):
                    next(words)
                elif word not in SYNTH:
                    fail(f"synth_xilinx has no option {word}")
        elif command[0] == "write_json":
            top = re.search(r"^module top\(.*?^endmodule", read(arguments[-1]), re.M | re.S)[0]
            nets = re.findall(r"^  (?:wire|input|output|inout) (?:\[\d+:0\] )?(\S+);", top, re.M)
            Path(command[1]).write_text(json.dumps(nets))
        elif command != ["delete", "t:$scopeinfo"]:
            fail(f"no such command: {' '.join(command)}")


def clocks(xdc, nets, newer):
    """Periods by net, as the two versions read constraints."""
    found, placed = {}, set()
    for line in xdc.splitlines():
        line = line.split("#")[0]
        words = re.findall(r"\[[^\]]*\]|\S+", line)
        if not words:
            continue
        target = words[-1].strip("[]").split()
        if words[0] == "set_property":
            if len(words) != 4 or target[0] != "get_ports":
                fail(f"cannot read {line}")
            key = words[1], target[1]
            if key in placed and newer:
                fail(f"found multiple properties {key}")
            placed.add(key)
        elif words[0] == "create_clock":
            name = target[1].strip('"') if newer else target[1]
            period = float(words[words.index("-period") + 1])
            if target[0] not in ("get_ports", "get_nets"):
                fail("targets other than get_ports or get_nets are not supported")
            if name in nets:
                found[name] = period
    return found


def place(arguments, newer):
    flags = ["timing-allow-fail", "no-tmdriv", "verbose", "quiet"]
    if newer:

        def other(parser):
            parser.add_argument("-o", "--vopt", action="append")

        values = [*PLACE.split(), "device", "chipdb", "report", "sdc", "threads"]
        given = parse(arguments, values, flags, other)
        options = dict(option.split("=", 1) for option in given.vopt)
        if set(options) - {"xdc", "fasm"}:
            fail(f"unknown option in {options}")
        if not re.fullmatch(r"(xc7[azkv]\d+t?)([a-z0-9]+)-(\dL?)", given.device):
            fail(f"Invalid device {given.device}")
        xdc, fasm = options["xdc"], options["fasm"]
    else:
        given = parse(arguments, [*PLACE.split(), "chipdb", "xdc", "fasm"], flags)
        xdc, fasm = given.xdc, given.fasm
    if given.chipdb:
        read(given.chipdb)
    found = clocks(read(xdc), json.loads(read(given.json)), newer)
    wanted = 1000 / found["clk"] if "clk" in found else float(given.freq or 12)
    Path(fasm).write_text("fasm")
    reached = [float(mhz) for mhz in os.environ["STAND_IN_MHZ"].split()]
    if not reached:
        Path(given.log).write_text("Warning: No clocks found in design\n")
        return
    mhz = reached[int(given.seed) - 1]
    line = "Info: Max frequency for clock {:>20}: {:.2f} MHz ({} at {:.2f} MHz)\n"
    verdict = "PASS" if mhz >= wanted else "FAIL"
    estimate = line.format("'clk'", 0.9 * mhz, "FAIL", wanted)
    Path(given.log).write_text(estimate + line.format("'clk'", mhz, verdict, wanted))
    if newer and given.report:
        report = {"fmax": {"clk": {"achieved": mhz, "constraint": wanted}}, "utilization": {}}
        Path(given.report).write_text(json.dumps(report))
    if mhz < wanted and not given.timing_allow_fail:
        fail("timing is missed")


def fasm2frames(arguments):
    def other(parser):
        parser.add_argument("fn_in")
        parser.add_argument("fn_out", nargs="?", default="/dev/stdout")

    given = parse(arguments, ["part", "db-root", "roi"], ["sparse", "debug"], other)
    read(Path(given.db_root, given.part, "part.yaml"))
    Path(given.fn_out).write_text(read(given.fn_in))


def xc7frames2bit(arguments):
    values = ["part_name", "part_file", "frm_file", "output_file", "architecture"]
    given = parse(arguments, values)
    read(given.part_file)
    Path(given.output_file).write_text(read(given.frm_file))


TOOLS = {
    "yosys": yosys,
    "nextpnr-xilinx": lambda arguments: place(arguments, newer=False),
    "nextpnr-himbaechel": lambda arguments: place(arguments, newer=True),
    "fasm2frames": fasm2frames,
    "xc7frames2bit": xc7frames2bit,
}

if __name__ == "__main__":
    TOOLS[sys.argv[1]](sys.argv[2:])
