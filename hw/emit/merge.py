"""Identical modules of RTLIL written once, under short names."""

import re
from dataclasses import dataclass

__all__ = ["merge_modules"]

_PORT = re.compile(r"\\port\$[\d$]+")
"""Amaranth's name of a port that no signal of the module names; its numbers are the design's."""

_SHORT = 3
"""Letters of a name that is too short to stand alone."""


@dataclass(frozen=True)
class _Block:
    """A module: its name, and its lines without the first and the last."""

    name: str
    attributes: list[str]
    body: list[str]


def _blocks(text: str) -> list[_Block]:
    blocks, attributes, lines = [], [], None
    for line in text.splitlines():
        if line.startswith("module "):
            name, lines = line.split()[1].removeprefix("\\"), []
        elif line == "end" and lines is not None:
            blocks.append(_Block(name, attributes, lines))
            attributes, lines = [], None
        elif lines is None:
            attributes.append(line)
        else:
            lines.append(line)
    return blocks


def _rename_ports(blocks: list[_Block]) -> dict[str, dict[str, str]]:
    """For each module, its unnamed ports and what they are called where modules are compared."""
    found = {}
    for block in blocks:
        declared = [line for line in block.body if re.search(r" (?:input|output) \d+ ", line)]
        ports = [name for line in declared for name in _PORT.findall(line)]
        found[block.name] = {name: f"\\port${place}" for place, name in enumerate(ports)}
    return found


def _rewrite(block: _Block, ports: dict[str, dict[str, str]], classes: dict[str, str]) -> str:
    """The module with comparable names: of its ports, of its submodules and of their ports.

    Inputs, then outputs, stand in the order of their names, here and where they are connected, as
    the order in which Amaranth finds them depends on what is around a module.
    """
    own, lines, attributes = ports[block.name], [], []
    declared: list[tuple[tuple[bool, str], list[str]]] = []
    inside: dict[str, str] | None = None
    connected: list[str] = []
    for line in block.body:
        cell = re.match(r"  cell \\(\S+) (\S+)$", line)
        port = re.match(r"  (wire width \d+ (?:input|output)) \d+ (.*)$", line)
        if cell and cell[1] in classes:
            inside = ports[cell[1]]
            line = f"  cell \\{classes[cell[1]]} {cell[2]}"
        elif line == "  end" and inside is not None:
            lines += sorted(connected)
            inside, connected = None, []
        elif inside is not None and (connect := re.match(r"    connect (\S+) (.*)$", line)):
            to = inside.get(connect[1], connect[1])
            connected.append(f"    connect {to} {_own(connect[2], own)}")
            continue
        elif port:
            place = ("output" in port[1], _own(port[2], own))
            declared.append((place, [*attributes, port[1]]))
            attributes = []
            continue
        if line.startswith("  attribute "):
            attributes.append(line)
            continue
        lines += [*attributes, _own(line, own)]
        attributes = []
    head = []
    for place, ((_, name), (*about, kind)) in enumerate(sorted(declared)):
        head += [*about, f"  {kind} {place} {name}"]
    return "\n".join([*head, *lines])


def _own(line: str, ports: dict[str, str]) -> str:
    return _PORT.sub(lambda found: ports.get(found[0], found[0]), line)


def _names(paths: dict[str, list[str]]) -> dict[str, str]:
    """The shortest different end of each path, without the numbers of its instances."""

    def candidates(path: list[str]) -> list[str]:
        numbered = [re.sub(r"\$\d+$", "", part) for part in path]
        plain = [re.sub(r"_\d+$", "", part) for part in numbered]
        ends = [
            "_".join(parts[-k:]) for parts in (plain, numbered) for k in range(1, len(path) + 1)
        ]
        # "x" alone says little.
        ends = [end for end in ends if len(end) > _SHORT]
        return [*ends, re.sub(r"\W", "_", "_".join(path))]

    choices = {key: candidates(path) for key, path in paths.items()}
    level = dict.fromkeys(choices, 0)
    while True:
        users: dict[str, list[str]] = {}
        for key, names in choices.items():
            users.setdefault(names[level[key]], []).append(key)
        double = [
            key
            for keys in users.values()
            for key in keys
            if len(keys) > 1 and level[key] + 1 < len(choices[key])
        ]
        if not double:
            return {key: names[level[key]] for key, names in choices.items()}
        for key in double:
            level[key] += 1


def merge_modules(text: str, *, source: bool = False) -> str:
    """RTLIL in which modules that do the same are one module.

    Parameters
    ----------
    text : str
        RTLIL of Amaranth; its first module is the top.
    source : bool
        Keep the source references, of the first of several modules that are one.

    Returns
    -------
    str
        The same design. A module is called after the top and the shortest different end of its
        place in the hierarchy.
    """
    blocks = _blocks(text)
    if not blocks:
        return text
    top = blocks[0].name
    ports = _rename_ports(blocks)
    classes: dict[str, str] = {}
    seen: dict[str, str] = {}
    bodies: dict[str, str] = {}
    # A module stands before its submodules.
    for place, block in reversed(list(enumerate(blocks))):
        body = _rewrite(block, ports, classes)
        key = "\n".join(line for line in body.splitlines() if "attribute \\src" not in line)
        name = seen.setdefault(key, f"class${place}")
        classes[block.name] = name
        bodies[name] = body if source else key
    first: dict[str, _Block] = {}
    for block in blocks:
        first.setdefault(classes[block.name], block)
    paths = {
        name: block.name.removeprefix(f"{top}.").split(".")
        for name, block in first.items()
        if block.name != top
    }
    names = {name: f"{top}_{end}" for name, end in _names(paths).items()}
    names[classes[top]] = top

    def renamed(body: str) -> str:
        return re.sub(r"\\(class\$\d+)\b", lambda found: f"\\{names[found[1]]}", body)

    written = []
    for name, block in first.items():
        attributes = [line for line in block.attributes if source or "\\src" not in line]
        written += [*attributes, f"module \\{names[name]}", renamed(bodies[name]), "end", ""]
    return "\n".join(written)
