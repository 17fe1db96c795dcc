"""Results of a sweep: one SQLite file, to which each point is added as it is done."""

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from sim.explore.files import held
from sim.networks.network import NetworkError

__all__ = ["FILE", "Stored", "opened", "read_results"]

FILE = "results.db"
"""Name of the file in a sweep's folder."""

_FORMAT = "refrain sweep 1"
_MAGIC = b"SQLite format 3\x00"
_TRUTHS = ("lower_is_better", "row_scales", "zero_skip", "fits")
_OWN = ("state", "error", "seconds")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class Stored:
    """Results that are kept.

    Parameters
    ----------
    connection : sqlite3.Connection
        To the file.
    path : Path
        For refusals.

    Members
    -------
    known : set of str
        Keys of the points that are done, or have failed.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path):
        self._connection, self.path = connection, path
        self.known = {key for (key,) in connection.execute("SELECT key FROM points")}
        self._columns = [row[1] for row in connection.execute("PRAGMA table_info(points)")]

    def about(self) -> dict[str, str]:
        """What is said of the sweep, by name."""
        return dict(self._connection.execute("SELECT name, value FROM about"))

    def begin(self, keys: Sequence[str], about: Mapping[str, str]):
        """Say which points the sweep has, in which order, and what it is."""
        with self._connection as open_:
            open_.executemany("REPLACE INTO about VALUES (?, ?)", list(about.items()))
            open_.execute("DELETE FROM plan")
            open_.executemany("INSERT INTO plan (key) VALUES (?)", [(key,) for key in keys])

    def forget_failed(self, keys: Iterable[str]):
        """Let points that have failed be measured again."""
        with self._connection as open_:
            for key in keys:
                open_.execute("DELETE FROM points WHERE key = ? AND state = 'failed'", (key,))
        self.known = {key for (key,) in self._connection.execute("SELECT key FROM points")}

    def keep(self, row: Mapping):
        """Write a point down; it is there when this returns, whatever becomes of the process.

        Parameters
        ----------
        row : dict
            ``key``, ``state`` (``done`` or ``failed``), ``error``, ``point`` as JSON, and a value
            for each column of a table.

        Raises
        ------
        OSError
            The disk is full, or the file cannot be written; what was kept before stays.
        """
        with self._written(), self._connection as open_:
            self._make_columns(row)
            names = ", ".join(map(_quoted, row))
            marks = ", ".join("?" * len(row))
            open_.execute(f"REPLACE INTO points ({names}) VALUES ({marks})", [*row.values()])
        self.known.add(row["key"])

    def change(self, rows: Sequence[dict]):
        """Change columns of points: ``key``, and values by column."""
        with self._written(), self._connection as open_:
            for row in rows:
                self._make_columns(row)
                names = [name for name in row if name != "key"]
                changes = ", ".join(f"{_quoted(name)} = ?" for name in names)
                values = [*(row[name] for name in names), row["key"]]
                open_.execute(f"UPDATE points SET {changes} WHERE key = ?", values)

    @contextmanager
    def _written(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise OSError(f"{self.path} cannot be written: {error}") from None

    def _make_columns(self, row: Mapping):
        for name in row:
            if name not in self._columns:
                # An older SQLite has no IF NOT EXISTS for columns.
                self._connection.execute(f"ALTER TABLE points ADD COLUMN {_quoted(name)}")
                self._columns.append(name)

    def rows(self, state: str = "done") -> list[dict]:
        """Points of the sweep that are in this state, in its order: their columns."""
        cursor = self._connection.execute(
            "SELECT points.* FROM plan JOIN points ON plan.key = points.key "
            "WHERE state = ? ORDER BY plan.number",
            (state,),
        )
        names = [each[0] for each in cursor.description]
        return [_row(dict(zip(names, values, strict=True))) for values in cursor]

    def points(self) -> dict[str, dict]:
        """Points as JSON that was read, by key, of the sweep that are done."""
        query = "SELECT plan.key, point FROM plan JOIN points ON plan.key = points.key"
        return {key: json.loads(text) for key, text in self._connection.execute(query)}


def _row(values: dict) -> dict:
    for name in _TRUTHS:
        if values.get(name) is not None:
            values[name] = bool(values[name])
    del values["point"]
    return values


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=30)
    try:
        # Readers do not wait for the writer, nor it for them; a kill loses nothing that was
        # committed, and a power failure leaves the file whole.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _check_kind(path: Path):
    content = b""
    if path.exists():
        with path.open("rb") as file:
            content = file.read(len(_MAGIC))
    if content and content != _MAGIC:
        raise NetworkError(f"{path} is not the file of a sweep, or is damaged")


def _make(connection: sqlite3.Connection, path: Path):
    """Tables of a new file; an old one is checked."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if "about" in tables:
        found = connection.execute("SELECT value FROM about WHERE name = 'format'").fetchone()
        if found != (_FORMAT,):
            raise NetworkError(f"{path} is of another version of Refrain; name another folder")
        return
    if tables:
        raise NetworkError(f"{path} is not the file of a sweep, or is damaged")
    with connection:
        connection.execute("CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT)")
        connection.execute("CREATE TABLE plan (number INTEGER PRIMARY KEY, key TEXT)")
        own = ", ".join(f"{name}" for name in _OWN)
        connection.execute(f"CREATE TABLE points (key TEXT PRIMARY KEY, point TEXT, {own})")
        connection.execute("INSERT INTO about VALUES ('format', ?)", (_FORMAT,))
        connection.execute(
            "INSERT INTO about VALUES ('begun', ?)",
            (time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime()),),
        )


@contextmanager
def opened(folder: Path) -> Iterator[Stored]:
    """Results of a folder, for one process at a time; made where there are none.

    Raises
    ------
    NetworkError
        Another process works with them, or the file is another one.
    OSError
        It cannot be written.
    """
    path = folder / FILE
    # A lock of its own, as SQLite's end with each transaction.
    with held(folder / ".sweep.lock", "sweep", "name another folder"):
        _check_kind(path)
        try:
            connection = _connect(path)
        except sqlite3.OperationalError as error:
            raise OSError(f"{path} cannot be written: {error}; name another folder") from None
        except sqlite3.DatabaseError as error:
            raise NetworkError(f"{path} is damaged: {error}; name another folder") from None
        try:
            _make(connection, path)
            yield Stored(connection, path)
        except sqlite3.DatabaseError as error:
            raise NetworkError(f"{path} is damaged: {error}; name another folder") from None
        finally:
            connection.close()


def read_results(path: Path) -> tuple[list[dict], list[dict], dict[str, dict], dict[str, str]]:
    """Rows that are done, rows that failed, points by key, and what is said of the sweep.

    Parameters
    ----------
    path : Path
        A folder of a sweep, or its ``results.db``; a sweep may be running.

    Raises
    ------
    NetworkError
        There is no such file, or it is not the file of a sweep.
    """
    path = path / FILE if path.is_dir() else path
    if not path.is_file():
        raise NetworkError(f"{path} is no file; a sweep writes {FILE} into its folder")
    _check_kind(path)
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=30)
    try:
        stored = Stored(connection, path)
        about = stored.about()
        return stored.rows(), stored.rows("failed"), stored.points(), about
    except sqlite3.DatabaseError:
        raise NetworkError(f"{path} is not the file of a sweep, or is damaged") from None
    finally:
        connection.close()
