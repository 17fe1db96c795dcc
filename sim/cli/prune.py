"""The command that prunes a network."""

from pathlib import Path
from typing import Annotated

import typer

from sim.cli import printing
from sim.cli.options import Changes, ConfigName, Json, Lower, MetricName, NodeName, StatePairs
from sim.explore import files
from sim.explore.machines import find_config
from sim.explore.pruning import prune_file, write_pruned
from sim.explore.tuning.metrics import Metric
from sim.explore.tuning.problems import Examples
from sim.networks.network import NetworkError

__all__ = ["prune"]


def prune(
    network: Annotated[Path, typer.Argument(help="A .onnx, .safetensors or .pt file.")],
    data: Annotated[
        Path,
        typer.Option(metavar="X", help="Samples: .npy, or .npz with inputs by name."),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="The file to write: .onnx or .safetensors as the network's own, or .tflite or "
            ".refrain in integers.",
        ),
    ],
    keep: Annotated[
        float, typer.Option(help="Share of the columns that each block of rows keeps.")
    ] = 0.5,
    labels: Annotated[
        Path | None, typer.Option(metavar="Y", help="Labels of the samples, .npy.")
    ] = None,
    metric: MetricName = None,
    lower: Lower = False,
    calibration_share: Annotated[
        float, typer.Option(help="Share of the samples that the network is pruned on.")
    ] = 0.75,
    node: NodeName = None,
    state: StatePairs = None,
    config: ConfigName = "edge",
    changes: Changes = None,
    json: Json = None,
) -> None:
    """Prune LSTM layers in groups, and say what that loses.

    A group is a column of the rows that the machine's lanes hold at once. What goes is chosen on
    one share of the samples, where the weights that stay make good what they can; the rest of the
    samples says what is lost. Nothing is trained.
    """
    printing.check_json(json)
    files.check_writable(output)
    machine = find_config(config, changes or ())
    measure = _metric(metric, labelled=labels is not None, lower=lower)
    truth = None if labels is None else files.read_array(labels)
    examples = Examples(inputs=files.read_arrays(data), labels=truth)
    how = {"node": node, "states": tuple(state or ()), "metric": measure, "output": output}
    with printing.working("pruning") as (say, tell):
        done = prune_file(
            network, examples, machine, keep, share=calibration_share, tell=tell, **how
        )
        say("writing")
        figures = {**done.figures, **write_pruned(done, output)}
    _print(figures)
    printing.say(f"wrote {output}")
    printing.write_json(json, figures)


def _metric(name: str | None, *, labelled: bool, lower: bool) -> Metric | None:
    if name is not None:
        return Metric(name, labelled=labelled, lower=lower)
    if labelled or lower:
        raise NetworkError("--labels and --lower belong to a metric: give --metric, too")
    return None


def _print(figures: dict) -> None:
    printing.print_rows(figures["layers"], "layers, and h on held-out data")
    share = f"{figures['zero_groups']:,} of {figures['groups']:,} ({figures['zero_share']:.1%})"
    printing.say(f"zero groups of {figures['lanes']} rows and a column: {share}")
    printing.print_rows(figures["held_out"], "outputs on held-out data, in floating point")
    if "integers" in figures:
        printing.print_rows(figures["integers"], "h on held-out data, in integers")
