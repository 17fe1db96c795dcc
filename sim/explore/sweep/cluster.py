"""Points measured by the workers of a Dask cluster."""

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from sim.explore.files import write_whole
from sim.explore.machine_values import values_of
from sim.explore.sweep.engine import Done, Task, attempt
from sim.explore.sweep.program import program_hash
from sim.explore.sweep.subjects import Subject
from sim.networks.network import NetworkError

__all__ = ["Cluster"]

_ANSWER_S = 10
"""Seconds in which a scheduler answers."""

_WAITING = 2000
"""Points that the scheduler knows of at once: enough for its workers, and little for its memory."""

_FILES = (".npy", ".v", ".sv")


class Cluster:
    """A Dask cluster that answers, and whose workers give what this computer gives.

    Parameters
    ----------
    address : str
        Of the scheduler, such as ``tcp://10.0.0.1:8786``.

    Raises
    ------
    NetworkError
        The package ``distributed`` is missing, the scheduler does not answer, it has no workers,
        or they have another version of this program.
    """

    def __init__(self, address: str):
        self._distributed, self._address = _package(), address
        self._client = _client(self._distributed, address)
        try:
            _check_workers(self._client, address)
        except BaseException:
            self._client.close()
            raise
        self._needed: dict[str, dict] = {}

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *_):
        self._client.close()

    def done(
        self, tasks: Sequence[Task], subjects: Mapping[str, Subject], measure: Callable
    ) -> Iterator[Done]:
        """Points as the workers are done with them.

        Files of a network, and trained workloads, are sent to each worker once, under the hash of
        their content. A worker that dies costs the time of the points that it was at: others
        measure them.

        Parameters
        ----------
        tasks : sequence of Task
            What is measured.
        subjects : dict of Subject
            By the name that points have.
        measure : function of (Subject, Point, Case or None)
            Gives the figures; workers must be able to import it.

        Raises
        ------
        NetworkError
            The scheduler goes away, or a multiplier is a file.
        """
        for task in tasks:
            name = values_of(task.point.config)["multiplier"]
            if name.endswith(_FILES):
                raise NetworkError(
                    f"multiplier {name} is a file, which workers of a cluster do not have: sweep "
                    f"it without --scheduler"
                )
        for name, subject in subjects.items():
            if name not in self._needed:
                self._needed[name] = self._send(subject)
        run = _Run(self._distributed, self._client, subjects, self._needed, measure, self._address)
        left = list(tasks)
        while left:
            yield from run.done(left)
            left = run.lost
            # The last worker that had what points need has died with it.
            for name in {task.point.subject for task in left}:
                self._needed[name] = self._send(subjects[name])

    def _send(self, subject: Subject) -> dict:
        """Give each worker what it needs, so that one that dies takes nothing away."""
        # Named by its hash, content that a worker has is not sent again.
        try:
            return self._client.scatter(_content(subject), hash=False, broadcast=True)
        except (OSError, TimeoutError):
            raise _gone(self._address) from None


def _package():
    try:
        import distributed
    except ImportError:
        raise NetworkError(
            "--scheduler needs the package distributed: pip install 'refrain[cluster]' brings it, "
            "and everything but clusters works without"
        ) from None
    return distributed


def _client(distributed, address: str):
    # It would tell of what is refused below in its own words, on the error output.
    import logging

    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        return distributed.Client(address, timeout=_ANSWER_S, set_as_default=False)
    except (OSError, ValueError, TypeError):
        # What Dask raises for an address that is none, or where nobody listens.
        raise NetworkError(
            f"no Dask scheduler answers at {address} within {_ANSWER_S} s; start one with "
            f"'dask scheduler', or leave --scheduler out to measure on this computer"
        ) from None


def _check_workers(client, address: str):
    """Refuse a cluster that could not give the results of this computer."""
    workers = client.scheduler_info(n_workers=-1)["workers"]
    if not workers:
        raise NetworkError(
            f"the scheduler at {address} has no workers; start some with 'dask worker {address}'"
        )
    try:
        found = client.run(program_hash)
    except Exception as error:
        # What a worker raises comes as an exception of Dask's, with the text of the worker's.
        reason = str(error).splitlines()[0]
        raise NetworkError(
            f"workers of {address} cannot run this program: {reason}; install the same version of "
            f"Refrain there"
        ) from None
    others = sorted(name for name, each in found.items() if each != program_hash())
    if others:
        raise NetworkError(
            f"worker {others[0]} has another version of Refrain than this computer, and might "
            f"give other results; install the same one there"
        )


def _content(subject: Subject) -> dict[str, bytes]:
    """What a worker needs of a subject, by the hash of the content."""
    import cloudpickle

    if subject.workload is not None:
        contents = {"case": cloudpickle.dumps(subject.case())}
    else:
        contents = {name: Path(path).read_bytes() for name, path in subject.places().items()}
    return {
        f"{name}-{hashlib.sha256(content).hexdigest()[:24]}": content
        for name, content in contents.items()
    }


class _Run:
    """Points on their way."""

    def __init__(self, distributed, client, subjects, needed, measure, address: str):
        self._distributed, self._client, self._address = distributed, client, address
        self._subjects, self._needed, self._measure = subjects, needed, measure
        self.lost: list[Task] = []
        """Points that no worker can measure before what they need is sent again."""

    def done(self, tasks: Sequence[Task]) -> Iterator[Done]:
        """See ``Cluster.done``; those of ``lost`` are not among them."""
        self.lost = []
        by_key = {f"refrain-{task.key}": task for task in tasks}
        left = iter(tasks)
        first = [self._submit(task) for task, _ in zip(left, range(_WAITING), strict=False)]
        waiting = self._distributed.as_completed(first, loop=self._client.loop)
        try:
            for future in waiting:
                result = self._result(future)
                if result is None:
                    self.lost.append(by_key[future.key])
                else:
                    yield result
                future.release()
                task = next(left, None)
                if task is not None:
                    waiting.add(self._submit(task))
        except OSError:
            raise _gone(self._address) from None

    def _submit(self, task: Task):
        subject = self._subjects[task.point.subject]
        needed = self._needed[task.point.subject]
        options = {"key": f"refrain-{task.key}", "pure": True}
        return self._client.submit(_on_worker, task, subject, self._measure, needed, **options)

    def _result(self, future) -> Done | None:
        """What a point gives, or nothing where what it needs is lost."""
        try:
            if future.status == "finished":
                return future.result()
        except self._distributed.client.FutureCancelledError:
            pass
        if self._client.status != "running":
            raise _gone(self._address)
        if future.status in ("cancelled", "lost"):
            return None
        error = future.exception()
        key = future.key.removeprefix("refrain-")
        if isinstance(error, self._distributed.scheduler.KilledWorker):
            return Done(key=key, error="the workers that measured it died, one after the other")
        return Done(key=key, error=f"{type(error).__name__}: {error}")


def _gone(address: str) -> NetworkError:
    return NetworkError(
        f"the scheduler at {address} has gone away; what was measured is kept, and the same "
        f"command goes on from there"
    )


def _on_worker(
    task: Task, subject: Subject, measure: Callable, contents: Mapping[str, bytes]
) -> Done:
    """Measure a point in a worker."""
    case, places = None, {}
    for name, content in contents.items():
        kind = name.partition("-")[0]
        if kind == "case":
            case = _unpacked(name, content)
        else:
            places[kind] = _written(name, Path(subject.places()[kind]).name, content)
    here = subject if case is not None else subject.at(places)
    return attempt(task, lambda point: measure(here, point, case))


class _Content:
    """Bytes that do not count for what a function was called with."""

    def __init__(self, content: bytes):
        self.content = content

    def __eq__(self, other):
        return isinstance(other, _Content)

    def __hash__(self):
        return 0


def _unpacked(name: str, content: bytes):
    return _unpack(name, _Content(content))


@lru_cache(maxsize=4)
def _unpack(name: str, content: _Content):
    import cloudpickle

    return cloudpickle.loads(content.content)


@lru_cache(maxsize=1)
def _folder() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="refrain-sweep-")


def _written(name: str, file: str, content: bytes) -> str:
    """A file of this content, called as where it came from, in a folder of the worker's own."""
    path = Path(_folder().name, name, file)
    if not path.exists():
        write_whole(path, content)
    return str(path)
