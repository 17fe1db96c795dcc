"""Models that run a step a call, their states going out and in again, fed with a whole sequence."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sim.networks.network import NetworkError
from sim.networks.recording import recorded
from sim.networks.states import chosen_pairs, guessed_pairs, may_pair
from sim.networks.whole import Dims, LstmFunction, Seen, WholeModel

__all__ = ["Stream", "as_stream", "known_states"]


def as_stream(
    model: WholeModel, texts: Sequence[str], given: Sequence[np.ndarray | Mapping]
) -> tuple[WholeModel, tuple[str, ...]]:
    """The model so that it takes sequences of calls, and what to tell the user.

    Parameters
    ----------
    model : WholeModel
        The model; one without states stays as it is.
    texts : sequence of str
        Pairs ``IN=OUT`` of a state and its next value; guessed from the file where there is none.
    given : sequence of array or dict of array
        What it will run on, see ``Stream``.

    Raises
    ------
    NetworkError
        A pair cannot be; an input is missing that may be a state; the inputs fit in two ways.
    """
    pairs = chosen_pairs(model, texts) if texts else known_states(model)
    for inputs in given:
        if isinstance(inputs, Mapping):
            _check_missing(model, pairs, inputs)
    if not pairs:
        return model, ()
    stream = Stream(model, pairs, chosen=bool(texts))
    steps = [stream.calls(inputs) for inputs in given]
    if not any(steps):
        return stream, ()
    handed = ", ".join(f"{name}={output}" for name, output in pairs.items())
    how = "" if texts else ", as names and graph say; --state IN=OUT says otherwise"
    return stream, (f"a stream of {steps[0] or steps[-1]:,} calls with the states {handed}{how}",)


def known_states(model: WholeModel) -> dict[str, str]:
    """By state among a model's inputs, the output that is its next value, as file and names say."""
    return {**guessed_pairs(model), **model.states}


def _check_missing(model: WholeModel, pairs: Mapping[str, str], inputs: Mapping) -> None:
    for name in model.inputs:
        if name in inputs or name in pairs:
            continue
        outputs = [
            output
            for output in model.outputs
            if output not in pairs.values() and may_pair(model.dims[name], model.dims[output])
        ]
        if outputs and model.dims[name]:
            raise NetworkError(
                f"{model.path} needs the input {name}; if it is a state that an output gives back, "
                f"say which with --state {name}=OUT, OUT being {' or '.join(outputs[:6])}"
            )


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """Calls of a stream: inputs of each, [calls, *shape of one call], and those of all of them."""

    calls: int
    each: Mapping[str, np.ndarray]
    all: Mapping[str, np.ndarray]


class _NoReferenceError(Exception):
    """The model has nothing to be compared with."""


class Stream:
    """A model and its states: a ``WholeModel`` that also takes all calls of a sequence at once.

    Inputs are a sequence of calls when they have an axis more than the model declares, in front:
    ``[calls, *shape of one call]``. Sizes of 1 that begin the shape of a call, such as a batch of
    one, may be left out: ``[calls, I]`` for calls of ``[1, I]``. An input that has the declared
    shape is the same in every call. States begin at what is given, else at zero. Every output gets
    an axis of calls in front.

    Inputs that have the declared shapes are one call, as without a ``Stream``.

    Parameters
    ----------
    model : WholeModel
        What runs each call.
    pairs : mapping
        By state among the inputs, the output that is its next value.
    chosen : bool
        The user has named the states: what fits as calls and as one batch is calls.

    Members
    -------
    path, inputs, outputs, dims, states, lstm_layers, leaders, notes, forms
        As of the model; ``inputs`` without the states.
    """

    def __init__(self, model: WholeModel, pairs: Mapping[str, str], *, chosen: bool = False):
        self.model, self.states, self._chosen = model, dict(pairs), chosen
        self.path, self.outputs, self.dims = model.path, model.outputs, model.dims
        self.lstm_layers, self.leaders = model.lstm_layers, model.leaders
        self.notes, self.forms = model.notes, model.forms
        self.inputs = tuple(name for name in model.inputs if name not in pairs)

    def calls(self, inputs: np.ndarray | Mapping[str, np.ndarray]) -> int | None:
        """How many calls inputs are; None where they are no sequence of calls.

        Raises
        ------
        NetworkError
            They can be taken in two ways, or are of different numbers of calls.
        """
        if isinstance(inputs, np.ndarray):
            if len(self.inputs) != 1:
                return None
            inputs = {self.inputs[0]: inputs}
        plan = self._plan(inputs)
        return None if plan is None else plan.calls

    def run(
        self, inputs: Mapping[str, np.ndarray], lstm: LstmFunction
    ) -> dict[str, np.ndarray | list]:
        """Outputs, with an axis of calls in front where the inputs have one."""
        return self._stepped(inputs, lambda call: self.model.run(call, lstm))

    def reference(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray | list] | None:
        """Outputs of the model's reference, its own states handed on; None where it has none."""
        try:
            return self._stepped(inputs, self._reference)
        except _NoReferenceError:
            return None

    def _reference(self, call: Mapping[str, np.ndarray]) -> dict:
        outputs = self.model.reference(call)
        if outputs is None:
            raise _NoReferenceError
        return outputs

    def _stepped(self, inputs: Mapping[str, np.ndarray], step: Callable) -> dict:
        plan = self._plan(inputs)
        if plan is None:
            return step({**self._zero_states(inputs), **inputs})
        first = {name: array[0] for name, array in plan.each.items()}
        state = self._zero_states({**plan.all, **first})
        state |= {name: plan.all[name] for name in self.states if name in plan.all}
        found = {name: [] for name in self.outputs}
        for call in range(plan.calls):
            given = {name: array[call] for name, array in plan.each.items()}
            got = step({**plan.all, **given, **state})
            state = {name: got[output] for name, output in self.states.items()}
            for name, values in found.items():
                values.append(got[name])
        return {name: _stacked(values) for name, values in found.items()}

    def capture(self, inputs: Mapping[str, np.ndarray]) -> dict[str, tuple[Seen, ...]]:
        """What reaches each LSTM layer in floating point; calls that go on are one ``Seen``."""
        return recorded(self.run, inputs)

    def _plan(self, inputs: Mapping[str, np.ndarray]) -> _Plan | None:
        unknown = [name for name in inputs if name not in self.model.inputs]
        if unknown or any(name not in inputs for name in self.inputs):
            # The model's own sentence is about it.
            return None
        each, doubtful = {}, {}
        for name in self.inputs:
            array = np.asarray(inputs[name])
            calls = _as_calls(self.dims.get(name), array)
            if calls is None:
                continue
            if _fits(self.dims.get(name), array.shape):
                doubtful[name] = calls
            elif not self._is_batch(inputs, name, array):
                each[name] = calls
        if not each:
            each = self._doubtful(inputs, doubtful)
            doubtful = {}
        if not each:
            return None
        counts = {name: len(calls) for name, calls in each.items()}
        name, count = next(iter(counts.items()))
        for other, got in counts.items():
            if got != count:
                raise NetworkError(
                    f"{self.path}: {count} calls of the input {name} do not fit {got} of {other}"
                )
        each |= {other: calls for other, calls in doubtful.items() if len(calls) == count > 1}
        return _Plan(
            calls=count,
            each=each,
            all={other: inputs[other] for other in inputs if other not in each},
        )

    def _doubtful(self, inputs: Mapping, doubtful: Mapping) -> dict[str, np.ndarray]:
        """Of inputs that fit as one call and as several: those that are several."""
        several = {name: calls for name, calls in doubtful.items() if len(calls) > 1}
        if self._chosen or not several:
            return dict(several)
        if all(state in inputs for state in self.states):
            return {}
        name = next(iter(several))
        shape = list(np.shape(inputs[name]))
        raise NetworkError(
            f"{self.path}: the input {name}, {shape}, may be one call of {shape[0]} sequences or "
            f"{shape[0]} calls of a stream; for a stream give it as "
            f"{[shape[0], 1, *shape[1:]]}, or name a state with --state; for one call give the "
            f"states"
        )

    def _is_batch(self, inputs: Mapping, name: str, array: np.ndarray) -> bool:
        """Whether an input holds several batches of a fixed size, as the states beside it do."""
        declared = self.dims[name]
        if array.ndim != len(declared) or not all(state in inputs for state in self.states):
            return False
        return any(
            not _fits(self.dims.get(state), np.shape(inputs[state])) for state in self.states
        )

    def _zero_states(self, call: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """States that are not given, at zero, in the sizes that one call's inputs have."""
        sizes, batch = {}, 1
        for name in call:
            declared, shape = self.dims.get(name), np.shape(call[name])
            if declared is None or len(declared) != len(shape):
                continue
            sizes |= {
                size: got
                for size, got in zip(declared, shape, strict=True)
                if isinstance(size, str)
            }
            if declared and not isinstance(declared[0], int) and name in self.inputs:
                batch = shape[0]
        zeros = {}
        for name in self.states:
            if name in call:
                continue
            if self.dims.get(name) is None:
                raise NetworkError(
                    f"{self.path} does not declare the shape of the state {name}; give its first "
                    f"value among the inputs"
                )
            shape = [
                size if isinstance(size, int) else sizes.get(size, batch)
                for size in self.dims[name]
            ]
            zeros[name] = np.zeros(shape, np.float32)
        return zeros


def _fits(declared: Dims, shape: tuple[int, ...]) -> bool:
    """Whether a shape is one that is declared."""
    return declared is None or (
        len(declared) == len(shape)
        and all(
            not isinstance(size, int) or size == got
            for size, got in zip(declared, shape, strict=True)
        )
    )


def _as_calls(declared: Dims, array: np.ndarray) -> np.ndarray | None:
    """The array as calls, [calls, *shape of one]; None where it cannot be."""
    if declared is None or not array.ndim or not len(array):
        return None
    left_out = len(declared) - (array.ndim - 1)
    if left_out < 0:
        return None
    if any(isinstance(size, int) and size != 1 for size in declared[:left_out]):
        return None
    if not _fits(declared[left_out:], array.shape[1:]):
        return None
    return array.reshape(len(array), *[1] * left_out, *array.shape[1:])


def _stacked(values: list) -> np.ndarray | list:
    """Outputs of the calls, with an axis of calls in front where they have one shape."""
    if all(isinstance(value, np.ndarray) and value.shape == values[0].shape for value in values):
        return np.stack(values)
    return values
