"""A small cell library."""

import pytest

_TIMING = """
      timing () {
        related_pin : "@";
        cell_rise (delay) { values ("10, 14", "30, 34"); }
        cell_fall (delay) { values ("10, 14", \\
                                    "30, 34"); }
        rise_transition (delay) { values ("10, 10", "30, 30"); }
        fall_transition (delay) { values ("10, 10", "30, 30"); }
      }
      internal_power () {
        related_pin : "@";
        rise_power (scalar) { values ("1.0"); }
        fall_power (scalar) { values ("3.0"); }
      }
"""


def _output(function, *related):
    timing = "".join(_TIMING.replace("@", pin) for pin in related)
    return f'pin (Y) {{ direction : output; function : "{function}"; {timing} }}'


def _input(name, farads, extra=""):
    return f"pin ({name}) {{ direction : input; capacitance : {farads}; {extra} }}"


_LIBRARY = f"""
/* cells of a test */
library (toy) {{
  time_unit : "1ps";
  capacitive_load_unit (1, ff);
  nom_voltage : 1.5; // volts
  lu_table_template (delay) {{
    variable_1 : total_output_net_capacitance;
    variable_2 : input_net_transition;
    index_1 ("1, 3");
    index_2 ("10, 30");
  }}
  cell (INV) {{ area : 1; {_input("A", 2)} {_output("!A", "A")} }}
  cell (BUF) {{ area : 2; {_input("A", 2)} {_output("A", "A")} }}
  cell (NAND) {{ area : 2; {_input("A", 2)} {_input("B", 3)} {_output("!(A B)", "A", "B")} }}
  cell (TRI) {{ area : 9; {_input("A", 2)}
    pin (Y) {{ direction : output; function : "A"; three_state : "A"; }}
  }}
  cell (DFF) {{
    area : 6;
    ff (IQ, IQN) {{ next_state : "D"; clocked_on : "CK"; }}
    {_input("D", 2)} {_input("CK", 4, "clock : true;")}
    {_output("IQ", "CK").replace("(Y)", "(Q)")}
  }}
}}
"""


@pytest.fixture
def liberty(tmp_path):
    """A Liberty file of three gates, a flip-flop and a cell that cannot be used."""
    path = tmp_path / "toy.lib"
    path.write_text(_LIBRARY)
    return path
