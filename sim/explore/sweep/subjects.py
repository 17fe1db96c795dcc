"""What a sweep measures on: a workload, or a network file with data."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from sim.explore import files
from sim.explore.tuning.metrics import Metric
from sim.explore.tuning.problems import Examples, digest, divide
from sim.networks.loader import load_network
from sim.networks.network import NetworkError
from sim.workloads.catalogue import find_workload
from sim.workloads.workload import Case

__all__ = ["FILES", "Subject"]

FILES = ("network", "data", "labels")
"""Members of a subject that are files."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A workload, or a network file with data.

    Members
    -------
    name : str
        What tables call it.
    workload : str or None
        Its name.
    network, data, labels : str or None
        Files, without a workload.
    node : str or None
        Which LSTM of a file of weights.
    metric : str or None
        One of ``METRICS`` or a function of the user's, for files.
    lower : bool
        Whether less of it is better.
    states : tuple of str
        Pairs ``IN=OUT`` of a model that runs call by call.
    share : float
        Share of a file's samples that formats are chosen on; the rest is measured.
    """

    name: str
    workload: str | None = None
    network: str | None = None
    data: str | None = None
    labels: str | None = None
    node: str | None = None
    metric: str | None = None
    lower: bool = False
    states: tuple[str, ...] = ()
    share: float = 0.5

    @classmethod
    def of_files(cls, network: Path, data: Path, labels: Path | None = None, **more) -> "Subject":
        """A network's file with samples: judged by labels where there are any, else by ``sqnr``.

        Parameters
        ----------
        network, data, labels : Path
            The files.
        **more
            ``node``, ``metric``, ``lower``, ``states``.

        Raises
        ------
        NetworkError
            As ``check``.
        """
        more["metric"] = more.get("metric") or ("sqnr" if labels is None else "accuracy")
        files = {"network": str(network), "data": str(data)}
        found = cls(
            name=str(network), labels=None if labels is None else str(labels), **files, **more
        )
        found.check()
        return found

    def check(self):
        """Refuse what cannot be measured, before any work.

        Raises
        ------
        NetworkError
            A file or a metric is missing or too much, or there is no such workload or file.
        """
        if (self.network is None) == (self.workload is None):
            raise NetworkError("name a network file or a --workload to sweep, one of them")
        if self.workload is not None:
            self._check_workload()
            return
        if self.data is None or self.metric is None:
            raise NetworkError("a network file is swept on samples: give --data and --metric")
        if not 0 < self.share < 1:
            raise NetworkError(f"the share of samples must be between 0 and 1, not {self.share}")
        self.judge()
        for name in FILES:
            path = getattr(self, name)
            if path is not None and not Path(path).is_file():
                raise NetworkError(f"{path} is no file")

    def _check_workload(self):
        find_workload(self.workload)
        if self.node is not None:
            raise NetworkError("--node chooses an LSTM of a network file, not of a workload")
        if self.states:
            raise NetworkError("--state and --percentile are for a network file")
        given = (self.data, self.labels, self.metric)
        if any(each is not None for each in given) or self.lower:
            raise NetworkError("a workload has its own data, labels and metric")

    @property
    def usual_config(self) -> str:
        """The configuration that it runs on unless told."""
        return "edge" if self.workload is None else find_workload(self.workload).config

    @property
    def score_name(self) -> str:
        """What the score is, wherever files are."""
        if self.workload is not None:
            return find_workload(self.workload).metric
        path, colon, function = self.metric.rpartition(":")
        return f"{Path(path).name}:{function}" if colon else self.metric

    @cached_property
    def key(self) -> str:
        """A name that changes with the content of files, and not with their places."""
        if self.workload is not None:
            found = find_workload(self.workload)
            return digest(self.workload, [(each.package, each.version) for each in found.members])
        contents = [
            None if path is None else Path(path).read_bytes()
            for path in (getattr(self, name) for name in FILES)
        ]
        return digest(self.node, self.states, self.share, self.judge().key, *contents)

    def judge(self) -> Metric:
        """The metric of a network file.

        Raises
        ------
        NetworkError
            There is none, or it does not go with the labels.
        """
        labelled = self.labels is not None
        return Metric(self.metric, labelled=labelled, lower=self.lower, errors=True)

    def case(self) -> Case:
        """The workload, ready to run."""
        return find_workload(self.workload).load()

    def load(self) -> tuple[object, dict[str, Examples]]:
        """The network of a file, and the two parts of its data.

        Raises
        ------
        NetworkError
            They cannot be read, or hold too few examples.
        """
        truth = None if self.labels is None else files.read_array(Path(self.labels))
        examples = Examples(inputs=files.read_arrays(Path(self.data)), labels=truth)
        return load_network(Path(self.network), self.node), divide(examples, self.share)

    def at(self, places: dict[str, str]) -> "Subject":
        """The same, with files at other places; a metric's is called ``metric``."""
        paths = {name: path for name, path in places.items() if name in FILES}
        if "metric" in places:
            function = self.metric.rpartition(":")[2]
            paths["metric"] = f"{places['metric']}:{function}"
        return replace(self, **paths)

    def places(self) -> dict[str, str]:
        """Paths of its files by name, that of a metric of the user's among them."""
        found = {name: getattr(self, name) for name in FILES if getattr(self, name) is not None}
        if self.metric is not None and ":" in self.metric:
            found["metric"] = self.metric.rpartition(":")[0]
        return found
