"""A small cell library, and small ONNX models."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

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


INPUTS, H = 3, 4


class Graph:
    """An ONNX graph of LSTM nodes with ``x`` [time, batch, INPUTS], that grows node by node."""

    def __init__(self):
        self.nodes, self.constants, self.outputs, self.inputs = [], [], [], ["x"]

    def constant(self, name, value):
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def lstm(self, name, x, inputs, directions=1, states=()):
        rng = np.random.default_rng([*name.encode()])
        shapes = {"W": (4 * H, inputs), "R": (4 * H, H), "B": (8 * H,)}
        names = [
            self.constant(
                f"{name}{key}", rng.uniform(-0.7, 0.7, (directions, *shape)).astype(np.float32)
            )
            for key, shape in shapes.items()
        ]
        direction = "bidirectional" if directions == 2 else "forward"
        taken = [x, *names, *(("", *states) if states else ())]
        made = [f"{name}_y", f"{name}_h", f"{name}_c"]
        options = {"hidden_size": H, "direction": direction}
        self.nodes.append(helper.make_node("LSTM", taken, made, name, **options))
        return made[0]

    def joined(self, tensor, directions=1):
        """``Y`` [time, directions, batch, H] as [time, batch, directions * H], as PyTorch does."""
        if directions == 1:
            axes = self.constant(f"{tensor}_axes", np.array([1]))
            self.nodes.append(helper.make_node("Squeeze", [tensor, axes], [f"{tensor}_x"]))
        else:
            shape = self.constant(f"{tensor}_shape", np.array([0, 0, -1]))
            self.nodes += [
                helper.make_node("Transpose", [tensor], [f"{tensor}_t"], perm=[0, 2, 1, 3]),
                helper.make_node("Reshape", [f"{tensor}_t", shape], [f"{tensor}_x"]),
            ]
        return f"{tensor}_x"

    def save(self, path, *outputs):
        inputs = [helper.make_tensor_value_info("x", 1, ["time", "batch", INPUTS])]
        inputs += [helper.make_tensor_value_info(n, 1, [1, "batch", H]) for n in self.inputs[1:]]
        made = [onnx.ValueInfoProto(name=name) for name in outputs]
        graph = helper.make_graph(self.nodes, "graph", inputs, made, self.constants)
        opset = [helper.make_opsetid("", 17)]
        onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
        return path


@pytest.fixture
def onnx_graph():
    """Makes an ONNX graph that LSTM nodes are put into."""
    return Graph
