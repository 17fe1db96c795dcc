"""``component.xml``: the package as an IP-XACT component, as Vivado's packager writes them.

It follows IEEE 1685-2009, which is what Vivado reads. Buses are those of Xilinx' library, since
tools know these; they are AMBA's signals under AMBA's names.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterable

from sim.explore.packaging.facts import LICENCE, Facts
from sim.explore.packaging.ports import Port
from sim.explore.packaging.rdl import MAP

__all__ = ["component_xml"]

_SPIRIT = "http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009"
_XILINX = "http://www.xilinx.com"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_FAMILIES = ("artix7", "kintex7", "spartan7", "virtex7", "zynq", "zynquplus", "kintexu")
_FAMILIES = (*_FAMILIES, "kintexuplus", "virtexuplus", "artixuplus", "versal")
_MAP_BYTES = 4096
"""Of the register port's 12 address bits."""
_VIEWS = {
    "xilinx_anylanguagesynthesis": ":vivado.xilinx.com:synthesis",
    "xilinx_anylanguagebehavioralsimulation": ":vivado.xilinx.com:simulation",
}
_SETS = ("synthesis", "simulation")


def component_xml(facts: Facts, registers: bytes) -> bytes:
    """The component.

    Parameters
    ----------
    facts : Facts
        What files say of the configuration.
    registers : bytes
        The register map as IP-XACT, from which its memory map is taken.
    """
    ET.register_namespace("spirit", _SPIRIT)
    ET.register_namespace("xilinx", _XILINX)
    ET.register_namespace("xsi", _XSI)
    root = ET.Element(f"{{{_SPIRIT}}}component")
    place = f"{_SPIRIT} {_SPIRIT}/index.xsd"
    root.set(f"{{{_XSI}}}schemaLocation", place)
    root.append(ET.Comment(f" {facts.head('IP-XACT component.')} ".replace("\n", "\n  ")))
    version = ".".join(facts.release.split(".")[:2])
    names = {"vendor": MAP, "library": "ip", "name": facts.top, "version": version}
    for tag, text in names.items():
        _add(root, tag, text)
    _add_interfaces(root, facts)
    spaces = _add(root, "addressSpaces")
    space = _add(spaces, "addressSpace", name="m_axi")
    _add(space, "range", "4G")
    _add(space, "width", str(facts.config.bus_width))
    root.append(_memory_maps(registers))
    _add_model(root, facts)
    _add_file_sets(root, facts)
    about = f"An LSTM accelerator for the configuration {facts.config.name}. {LICENCE}"
    _add(root, "description", about)
    _add_extensions(root, facts)
    ET.indent(root)
    return ET.tostring(root, encoding="UTF-8", xml_declaration=True) + b"\n"


def _add(parent: ET.Element, tag: str, text: str | None = None, **inner: str) -> ET.Element:
    """A new element at the end of ``parent``, with ``inner`` elements of text."""
    element = ET.SubElement(parent, f"{{{_SPIRIT}}}{tag}")
    element.text = text
    for name, value in inner.items():
        _add(element, name, value)
    return element


def _add_interfaces(root: ET.Element, facts: Facts):
    """Both buses, the clock, the resets and the interrupt."""
    interfaces = _add(root, "busInterfaces")
    for name, role, inner in (
        ("s_axi", "slave", "memoryMapRef"),
        ("m_axi", "master", "addressSpaceRef"),
    ):
        bus = _interface(interfaces, name, ("interface", "aximm"))
        reference = ET.SubElement(_add(bus, role), f"{{{_SPIRIT}}}{inner}")
        reference.set(f"{{{_SPIRIT}}}{inner[:-3]}Ref", name)
        ports = [port for port in facts.ports if port.name.startswith(f"{name}_")]
        ports = [port for port in ports if port.name not in facts.resets]
        _add_maps(bus, [(port.name.removeprefix(f"{name}_").upper(), port.name) for port in ports])
    for name in facts.resets:
        reset = _interface(interfaces, name, ("signal", "reset"))
        _add(reset, "slave")
        _add_maps(reset, [("RST", name)])
        _add_parameters(reset, name, {"POLARITY": "ACTIVE_LOW"})
    clock = _interface(interfaces, "aclk", ("signal", "clock"))
    _add(clock, "slave")
    _add_maps(clock, [("CLK", "aclk")])
    associated = {"ASSOCIATED_BUSIF": "s_axi:m_axi", "ASSOCIATED_RESET": ":".join(facts.resets)}
    _add_parameters(clock, "aclk", associated)
    interrupt = _interface(interfaces, "interrupt", ("signal", "interrupt"))
    _add(interrupt, "master")
    _add_maps(interrupt, [("INTERRUPT", "interrupt")])
    _add_parameters(interrupt, "interrupt", {"SENSITIVITY": "LEVEL_HIGH"})


def _interface(parent: ET.Element, name: str, kind: tuple[str, str]) -> ET.Element:
    """An interface of a bus of Xilinx' library."""
    interface = _add(parent, "busInterface", name=name)
    library, bus = kind
    for tag, found in (("busType", bus), ("abstractionType", f"{bus}_rtl")):
        reference = _add(interface, tag)
        for key, value in (
            ("vendor", "xilinx.com"),
            ("library", library),
            ("name", found),
            ("version", "1.0"),
        ):
            reference.set(f"{{{_SPIRIT}}}{key}", value)
    return interface


def _add_maps(interface: ET.Element, pairs: Iterable[tuple[str, str]]):
    """Which port is which signal of the bus."""
    maps = _add(interface, "portMaps")
    for logical, physical in pairs:
        one = _add(maps, "portMap")
        _add(_add(one, "logicalPort"), "name", logical)
        _add(_add(one, "physicalPort"), "name", physical)


def _add_parameters(interface: ET.Element, name: str, values: dict[str, str]):
    parameters = _add(interface, "parameters")
    for key, value in values.items():
        parameter = _add(parameters, "parameter", name=key)
        _add(parameter, "value", value).set(
            f"{{{_SPIRIT}}}id", f"BUSIFPARAM_VALUE.{name.upper()}.{key}"
        )


def _memory_maps(registers: bytes) -> ET.Element:
    """The memory map of the registers, as large as the port's addresses reach."""
    found = ET.fromstring(registers).find(f"{{{_SPIRIT}}}memoryMaps")
    found.find(f".//{{{_SPIRIT}}}memoryMap/{{{_SPIRIT}}}name").text = "s_axi"
    for block in found.iter(f"{{{_SPIRIT}}}addressBlock"):
        block.find(f"{{{_SPIRIT}}}range").text = str(_MAP_BYTES)
    for element in found.iter():
        element.tail = None
        if not (element.text or "").strip():
            element.text = None
    return found


def _add_model(root: ET.Element, facts: Facts):
    """Views and ports."""
    model = _add(root, "model")
    views = _add(model, "views")
    for (name, environment), files in zip(_VIEWS.items(), _SETS, strict=True):
        view = _add(views, "view", name=name, envIdentifier=f"verilogSource{environment}")
        _add(view, "language", "Verilog")
        _add(view, "modelName", facts.top)
        _add(_add(view, "fileSetRef"), "localName", files)
    ports = _add(model, "ports")
    for port in facts.ports:
        _add_port(ports, port)


def _add_port(parent: ET.Element, port: Port):
    wire = _add(_add(parent, "port", name=port.name), "wire")
    _add(wire, "direction", {"input": "in", "output": "out"}[port.direction])
    if port.width > 1:
        _add(wire, "vector", left=str(port.width - 1), right="0")
    kind = _add(_add(wire, "wireTypeDefs"), "wireTypeDef", typeName="wire")
    for view in _VIEWS:
        _add(kind, "viewNameRef", view)


def _add_file_sets(root: ET.Element, facts: Facts):
    """Sources for each view; the clock is for synthesis out of context alone."""
    sets = _add(root, "fileSets")
    for name in _SETS:
        files = _add(sets, "fileSet", name=name)
        # The design comes last, behind the memories that it uses.
        for source in reversed(list(facts.verilog)):
            _add(files, "file", name=f"rtl/{source}", fileType="verilogSource")
        if name == "synthesis":
            file = _add(files, "file", name=f"constraints/{facts.top}_ooc.xdc")
            _add(file, "userFileType", "xdc")
            for use in ("USED_IN_implementation", "USED_IN_out_of_context", "USED_IN_synthesis"):
                _add(file, "userFileType", use)


def _add_extensions(root: ET.Element, facts: Facts):
    """What Vivado wants to know beside."""
    core = ET.SubElement(_add(root, "vendorExtensions"), f"{{{_XILINX}}}coreExtensions")
    families = ET.SubElement(core, f"{{{_XILINX}}}supportedFamilies")
    for name in _FAMILIES:
        family = ET.SubElement(families, f"{{{_XILINX}}}family")
        family.set(f"{{{_XILINX}}}lifeCycle", "Beta")
        family.text = name
    taxonomies = ET.SubElement(core, f"{{{_XILINX}}}taxonomies")
    ET.SubElement(taxonomies, f"{{{_XILINX}}}taxonomy").text = "/Refrain"
    ET.SubElement(core, f"{{{_XILINX}}}displayName").text = facts.top
    ET.SubElement(core, f"{{{_XILINX}}}coreRevision").text = "1"
