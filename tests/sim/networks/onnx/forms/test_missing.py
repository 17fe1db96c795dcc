import pytest
from onnx import helper

from sim.networks.onnx.forms.missing import explain_missing, list_names


def model_of(*nodes):
    return helper.make_model(helper.make_graph(list(nodes), "graph", [], []))


def node(kind, name, domain="", **attributes):
    return helper.make_node(kind, ["x"], [f"{name}_y"], name, domain=domain, **attributes)


def body(*nodes):
    return helper.make_graph(list(nodes), "body", [], [])


@pytest.mark.parametrize(
    "nodes, sentence",
    [
        (
            [node("GRU", "a"), node("Relu", "r"), node("GRU", "b")],
            "the model has no LSTM node but the GRU nodes a, b; "
            "Refrain runs LSTM layers: train the network with LSTM layers in their place",
        ),
        (
            [node("RNN", "a")],
            "the model has no LSTM node but the RNN node a; "
            "Refrain runs LSTM layers: train the network with LSTM layers in their place",
        ),
        (
            [node("If", "if", then_branch=body(node("GRU", "inner")))],
            "the model has no LSTM node but the GRU node inner; "
            "Refrain runs LSTM layers: train the network with LSTM layers in their place",
        ),
        (
            [node("CudnnLSTM", "fast", "vendor")],
            "the model has no LSTM node but the vendor.CudnnLSTM node fast; "
            "export it with ONNX's own LSTM operator",
        ),
        (
            [node("Loop", "while", body=body(node("Add", "sum")))],
            "the model has no LSTM node but the Loop or Scan node while, none of them a body that "
            "is one step of an LSTM; Refrain runs LSTM layers: export the layer as ONNX's LSTM "
            "operator, or give its weights as .safetensors",
        ),
        (
            [
                node(
                    "Loop",
                    "while",
                    body=body(*(node(k, k) for k in ("Sigmoid", "Tanh")), node("Sigmoid", "r")),
                )
            ],
            "the model has no LSTM node but the Loop or Scan node while, with a body like a GRU's; "
            "Refrain runs LSTM layers: train the network with LSTM layers in their place",
        ),
        (
            [node("Relu", "a"), node("Conv", "b"), node("Relu", "c")],
            "the model has no LSTM node and nothing recurrent, only Conv, Relu; "
            "Refrain runs LSTM layers: give a network that has one",
        ),
    ],
)
def test_what_there_is_instead_is_named(nodes, sentence):
    assert explain_missing(model_of(*nodes)) == sentence


def test_many_and_long_names_keep_the_sentence_short():
    names = ["n" * 200 + str(k) for k in range(9)]
    assert list_names(names) == ", ".join("..." + name[-60:] for name in names[:3]) + " and 6 more"
    sentence = explain_missing(model_of(*(node("GRU", name) for name in names)))
    assert len(sentence) < 400
