"""All rewriting that brings LSTM layers into LSTM nodes of the main graph, in its order."""

import onnx

from sim.networks.onnx.forms.hoisted import rewrite_hoisted
from sim.networks.onnx.forms.loops import rewrite_loops
from sim.networks.onnx.forms.quantised import rewrite_quantised
from sim.networks.onnx.forms.steps import rewrite_steps

__all__ = ["rewrite"]

_PASSES = (rewrite_quantised, rewrite_loops, rewrite_steps)


def rewrite(model: onnx.ModelProto) -> tuple[onnx.ModelProto, list[str]]:
    """The model with every LSTM layer that is recognised as an LSTM node, and what was done.

    Parameters
    ----------
    model : ModelProto
        A model whose layers lie in no branch of an ``If``; it is not changed.

    Returns
    -------
    ModelProto, list of str
        The model, and a sentence for each layer that had another form.

    Raises
    ------
    NetworkError
        A layer whose form is known, but that cannot be read.
    """
    notes, before = [], model
    for one_pass in _PASSES:
        model, more = one_pass(model)
        notes += more
    if model is not before:
        model, _ = rewrite_hoisted(model)
    return model, notes
