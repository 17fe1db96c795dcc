"""Connectionist temporal classification: a loss for texts whose timing nobody has marked.

References
----------
A. Graves, S. Fernandez, F. Gomez and J. Schmidhuber, "Connectionist temporal classification:
labelling unsegmented sequence data with recurrent neural networks", ICML 2006, section 4.
"""

import numpy as np

__all__ = ["ctc_loss"]

_NEVER = -1e30
"""Logarithm of a chance that is as good as zero, and can still be added to."""


def ctc_loss(
    scores: np.ndarray, lengths: np.ndarray, labels: np.ndarray
) -> tuple[float, np.ndarray]:
    """Mean negative logarithm of the chance of the texts, and its derivative by the scores.

    Parameters
    ----------
    scores : float [time, batch, classes]
        Before the softmax; the last class is the blank.
    lengths : int [batch]
        Valid steps; a text must fit into them, equal neighbours with a blank between them.
    labels : int [batch, longest text]
        Classes; -1 behind the end of a text.
    """
    time, batch, classes = scores.shape
    shifted = scores - scores.max(axis=2, keepdims=True)
    log_chance = shifted - np.log(np.exp(shifted).sum(axis=2, keepdims=True))
    states, ends, jumps = _states(labels, classes - 1)
    emitted = np.take_along_axis(
        log_chance.astype(np.float64), np.broadcast_to(states, (time, *states.shape)), axis=2
    )
    forward = _forward(emitted, jumps)
    total, backward = _backward(emitted, jumps, lengths, ends, forward)
    # What passes through a state at a step, summed over the states that emit the same class.
    through = np.exp(np.minimum(forward + backward - total[:, None], 0))
    occupied = np.zeros((time, batch, classes))
    for state in range(states.shape[1]):
        rows = np.arange(batch)
        occupied[:, rows, states[:, state]] += through[:, :, state]
    slopes = (np.exp(log_chance) - occupied) / batch
    slopes[np.arange(time)[:, None] >= lengths] = 0
    return float(-total.mean()), slopes.astype(scores.dtype)


def _states(labels: np.ndarray, blank: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Classes of the states ``[batch, 2 L + 1]``, number of the last one, where one may be jumped.

    A blank stands before, between and after the letters; it may be left out between two letters
    that differ.
    """
    batch, longest = labels.shape
    states = np.full((batch, 2 * longest + 1), blank)
    states[:, 1::2] = np.where(labels < 0, blank, labels)
    jumps = np.zeros(states.shape, bool)
    jumps[:, 3::2] = (labels[:, 1:] >= 0) & (labels[:, 1:] != labels[:, :-1])
    return states, 2 * (labels >= 0).sum(axis=1), jumps


def _forward(emitted: np.ndarray, jumps: np.ndarray) -> np.ndarray:
    """Logarithm of the chance of all beginnings that are in a state at a step."""
    alpha = np.full(emitted.shape, _NEVER)
    alpha[0, :, :2] = emitted[0, :, :2]
    for step in range(1, len(emitted)):
        before, now = alpha[step - 1], alpha[step]
        now[...] = before
        now[:, 1:] = np.logaddexp(now[:, 1:], before[:, :-1])
        jumped = np.where(jumps[:, 2:], before[:, :-2], _NEVER)
        now[:, 2:] = np.logaddexp(now[:, 2:], jumped)
        now += emitted[step]
    return alpha


def _backward(emitted, jumps, lengths, ends, forward) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of the texts' chances, and of the chance of what follows a state at a step."""
    time, batch, _ = emitted.shape
    rows, last = np.arange(batch), lengths - 1
    beta = np.full(emitted.shape, _NEVER)
    beta[last, rows, ends] = 0
    # An empty text has one state, its blank; every other may also end in its last letter.
    letter = np.maximum(ends - 1, 0)
    beta[last, rows, letter] = 0
    for step in range(time - 2, -1, -1):
        after = beta[step + 1] + emitted[step + 1]
        now = after.copy()
        now[:, :-1] = np.logaddexp(now[:, :-1], after[:, 1:])
        jumped = np.where(jumps[:, 2:], after[:, 2:], _NEVER)
        now[:, :-2] = np.logaddexp(now[:, :-2], jumped)
        inside = step < last
        beta[step, inside] = now[inside]
    final = forward[last, rows]
    both = np.logaddexp(final[rows, ends], final[rows, letter])
    total = np.where(ends > 0, both, final[rows, ends])
    return total, beta
