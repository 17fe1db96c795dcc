import ast
import functools
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

ROOMS = (
    "hw",
    "boards",
    "sim.networks",
    "sim.image",
    "sim.model",
    "sim.rtl",
    "sim.workloads",
    "sim.explore",
    "sim.api",
    "sim.cli",
)
"""A room imports only from rooms that stand before it."""


def _modules():
    for root in ("hw", "boards", "sim"):
        for path in sorted((ROOT / root).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


MODULES = dict(_modules())


@functools.cache
def _tree(path):
    return ast.parse(path.read_text())


@functools.cache
def _imports(path):
    return tuple(_find_imports(path))


def _find_imports(path):
    """Every (module, names) that a file imports, wherever in the file it does."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, ()
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            names = tuple(alias.name for alias in node.names)
            yield node.module, names
            # `from sim import model` imports a room too.
            for name in names:
                if f"{node.module}.{name}" in MODULES:
                    yield f"{node.module}.{name}", ()


def _room(module):
    for room in ROOMS:
        if module == room or module.startswith(f"{room}."):
            return room
    return None


def _hw_part(module):
    return module.split(".")[1] if module.count(".") else ""


def test_there_is_something_to_check():
    assert {_room(module) for module in MODULES} - {None} >= {"hw", "sim.networks", "sim.cli"}


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module):
    room = _room(module)
    for imported, _ in _imports(MODULES[module]):
        below = _room(imported)
        if room and below:
            assert ROOMS.index(below) <= ROOMS.index(room), f"{module} imports {imported}"


def _hw_graph():
    """Which parts of ``hw`` (its files and folders) import which."""
    graph = {}
    for module, path in MODULES.items():
        if _room(module) == "hw" and _hw_part(module):
            uses = graph.setdefault(_hw_part(module), set())
            for imported, _ in _imports(path):
                if _room(imported) == "hw" and _hw_part(imported):
                    uses.add(_hw_part(imported))
            uses.discard(_hw_part(module))
    return graph


def test_the_parts_of_the_hardware_have_an_order():
    graph = _hw_graph()
    while graph:
        free = [part for part, uses in graph.items() if not uses & graph.keys()]
        assert free, f"these import each other in a circle: {sorted(graph)}"
        for part in free:
            del graph[part]


def test_no_files_import_each_other_in_a_circle():
    graph = {
        module: {imported for imported, _ in _imports(path) if imported in MODULES}
        for module, path in MODULES.items()
    }
    # Its error names the circle.
    TopologicalSorter(graph).prepare()


def test_the_accelerator_stands_on_top_of_the_hardware():
    users = {part for part, uses in _hw_graph().items() if "accelerator" in uses}
    assert users <= {"verilog", "wrapper"}


@pytest.mark.parametrize("part", ["axi", "streams", "numbers", "multipliers"])
def test_foundations_import_only_foundations(part):
    foundations = {"axi", "streams", "numbers", "multipliers", "descriptor", "registers"}
    assert _hw_graph().get(part, set()) <= foundations


@pytest.mark.parametrize("module", [m for m in MODULES if _room(m) in ("sim.model", "sim.image")])
def test_the_model_imports_no_gates(module):
    for imported, names in _imports(MODULES[module]):
        assert imported.split(".")[0] != "amaranth", f"{module} imports {imported}"
        if imported in MODULES and imported.startswith("hw"):
            tree = _tree(MODULES[imported])
            gates = {
                node.name
                for node in tree.body
                if isinstance(node, ast.ClassDef)
                and any("Component" in ast.unparse(base) for base in node.bases)
            }
            assert not gates & set(names), f"{module} imports {gates & set(names)}"


@pytest.mark.parametrize("module", MODULES)
def test_a_module_names_what_it_offers(module):
    tree = _tree(MODULES[module])
    if not [node for node in tree.body if not isinstance(node, ast.Expr)]:
        return
    offers = [
        node
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    assert len(offers) == 1
    names = ast.literal_eval(offers[0].value)
    bound = {
        name.id
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for name in ast.walk(node)
        if isinstance(name, ast.Name)
    }
    bound |= {node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    bound |= {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert set(names) <= bound


@pytest.mark.parametrize("module", MODULES)
def test_no_import_takes_everything(module):
    for imported, names in _imports(MODULES[module]):
        assert "*" not in names, f"{module} imports everything from {imported}"


@pytest.mark.parametrize("module", [m for m in MODULES if _room(m) in ("hw", "boards")])
def test_annotations_stay_values_where_gates_are_described(module):
    assert "annotations" not in dict(_imports(MODULES[module])).get("__future__", ())


def test_the_architecture_tells_of_every_folder():
    told = (ROOT / "docs" / "architecture.md").read_text()
    folders = {path.parent.relative_to(ROOT).as_posix() for path in MODULES.values()} - {"sim"}
    assert not [folder for folder in sorted(folders) if f"`{folder}/`" not in told]
