"""Constraints name the ports that there are."""

import re


def test_every_port_but_the_clock_has_a_delay(package, facts):
    text = (package / "constraints" / "refrain_tiny.sdc").read_text()
    (inputs,) = re.findall(r"set_input_delay .*? \{\n(.*?)\n\}", text, re.S)
    (outputs,) = re.findall(r"set_output_delay .*? \{\n(.*?)\n\}", text, re.S)
    for direction, found in (("input", inputs), ("output", outputs)):
        ports = {port.name for port in facts.ports if port.direction == direction} - {"aclk"}
        assert set(found.split()) == ports
        assert len(ports) > 20


def test_the_clock_is_that_of_the_configuration(package):
    for path in (package / "constraints").iterdir():
        text = path.read_text()
        assert "create_clock -name aclk -period 20.000 [get_ports aclk]" in text, path
