"""What comes out of a run: compared with floating point, and as the content of a file."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sim.explore.files import arrays_bytes
from sim.networks.codes import from_codes, sqnr
from sim.networks.network import NetworkError, Quantization
from sim.networks.whole import Form, WholeModel

__all__ = ["check_format", "compare", "flat", "output_bytes", "ratio", "real_values"]


def flat(outputs: Mapping[str, object]) -> dict[str, np.ndarray]:
    """Arrays by name: maps and sequences in ``outputs`` are taken apart.

    Items of a sequence ``s`` are ``s.0``, ``s.1``. Values of maps of the same keys, which models
    with classes give, are ``s.KEY`` with an entry for each map.
    """
    arrays = {}
    for name, value in outputs.items():
        if isinstance(value, Mapping):
            arrays |= flat({f"{name}.{key}": item for key, item in value.items()})
        elif isinstance(value, list) and value and all(isinstance(v, Mapping) for v in value):
            if all(item.keys() == value[0].keys() for item in value):
                columns = {key: np.array([item[key] for item in value]) for key in value[0]}
                arrays |= flat({name: columns})
            else:
                arrays |= flat({f"{name}.{k}": item for k, item in enumerate(value)})
        elif isinstance(value, list):
            arrays |= flat({f"{name}.{k}": item for k, item in enumerate(value)})
        else:
            arrays[name] = np.asarray(value)
    return arrays


def compare(reference: Mapping[str, object], outputs: Mapping[str, object]) -> dict:
    """How near outputs are to those in floating point, for a report.

    ``sqnr_db`` has a signal-to-noise ratio for each output of real numbers, ``agreeing_share`` the
    share of values that are equal for integers, truth values and texts. What is empty, or of
    another shape, has neither.
    """
    truth, figures = flat(reference), {"sqnr_db": {}, "agreeing_share": {}}
    for name, values in flat(outputs).items():
        wanted = truth.get(name)
        if wanted is None or wanted.shape != values.shape or not values.size:
            continue
        if values.dtype.kind == "f":
            figures["sqnr_db"][name] = ratio(wanted, values)
        else:
            figures["agreeing_share"][name] = float(np.mean(wanted == values))
    return {name: found for name, found in figures.items() if found}


def ratio(reference: np.ndarray, values: np.ndarray) -> float | None:
    """Signal-to-noise ratio in dB; None where the reference is no signal."""
    if not np.isfinite(reference).all() or not np.isfinite(values).all() or not reference.any():
        return None
    return sqnr(reference.astype(np.float64), values)


def real_values(model: WholeModel, name: str, values):
    """An output's values; what codes mean, where it is one of codes."""
    return from_codes(values, model.forms[name]) if name in model.forms else values


def check_format(path: Path | None, names: tuple[str, ...]) -> None:
    """Refuse, before a run, a file that cannot hold outputs of these names.

    Raises
    ------
    NetworkError
        A .npy file holds one array.
    """
    if path is not None and path.suffix == ".npy" and len(names) > 1:
        raise NetworkError(
            f"{path} holds one array, and the network has the outputs {', '.join(names[:8])}; "
            f"write them to an .npz or a .json file"
        )


def output_bytes(
    path: Path,
    outputs: Mapping[str, object],
    forms: Mapping[str, Quantization | Form],
    *,
    real: bool = False,
) -> bytes:
    """The content of a file: ``.npy`` for one array, ``.npz`` by name, ``.json`` as lists.

    Parameters
    ----------
    path : Path
        Its suffix says what is wanted; any other one is taken for ``.npy`` or, of several outputs,
        for ``.npz``.
    outputs : mapping
        Arrays, sequences or maps by name.
    forms : mapping
        Formats of those that are codes. Beside the codes, ``.npz`` and ``.json`` hold ``scale`` and
        ``zero_point``, with the name before them where several outputs are codes.
    real : bool
        Write real values in the place of codes.
    """
    if real:
        outputs = {
            name: from_codes(value, forms[name]) if name in forms else value
            for name, value in outputs.items()
        }
        forms = {}
    kind = path.suffix.lower()
    named = dict(outputs) if kind == ".json" else flat(outputs)
    if kind in (".npz", ".json"):
        for name, form in forms.items():
            before = f"{name}_" if len(forms) > 1 else ""
            named[f"{before}scale"] = np.array(form.scale)
            named[f"{before}zero_point"] = np.array(form.zero_point)
    if kind == ".json":
        return (json.dumps(_plain(named)) + "\n").encode()
    return arrays_bytes(named, archive=kind == ".npz")


def _plain(value):
    """A value as JSON has it; what is not finite becomes null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        return _plain(value.item())
    return None if isinstance(value, float) and not np.isfinite(value) else value
