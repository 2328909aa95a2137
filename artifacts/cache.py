"""The artifact cache outside the checkout: files by name and version, each with its recorded sha256.

Several processes can use the cache at the same time: a file appears only by rename, and the process that
creates the file holds a lock.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock

from artifacts import directories
from artifacts.errors import ArtifactError

_DAY = 86400.0


def sha256(path: Path) -> str:
    """Return the hex digest of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class Record:
    """Facts about a cached file. `size` is in bytes; `source` names the origin of the file."""

    sha256: str
    size: int
    source: str


@dataclass(frozen=True, slots=True)
class Cache:
    """An artifact cache in the directory `root`."""

    root: Path

    @classmethod
    def default(cls) -> Cache:
        """Return the user's cache."""
        return cls(directories.cache())

    def path(self, name: str, version: str) -> Path:
        """Return the path at which the cache keeps a file, whether the file exists or not."""
        return self.root / "files" / name / version / name

    def record(self, name: str, version: str) -> Record | None:
        """Return the record of a complete file; None for a missing or truncated file."""
        path = self.path(name, version)
        try:
            record = Record(**json.loads(_record_path(path).read_text()))
            return record if path.stat().st_size == record.size else None
        except (OSError, ValueError, TypeError):
            return None

    def add(self, name: str, version: str, file: Path, *, source: str) -> Record:
        """Move `file` from any file system into the cache and record its digest."""
        path = self.path(name, version)
        path.parent.mkdir(parents=True, exist_ok=True)
        file.chmod(0o755)
        record = Record(sha256=sha256(file), size=file.stat().st_size, source=source)
        _record_path(path).unlink(missing_ok=True)  # the record is written after the file
        if file.stat().st_dev == path.parent.stat().st_dev:
            file.replace(path)
        else:
            with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as temporary:
                shutil.copyfile(file, temporary.name)
            Path(temporary.name).chmod(0o755)
            Path(temporary.name).replace(path)
            file.unlink()
        write_atomic(_record_path(path), json.dumps(asdict(record)))
        return record

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the lock `name`; wait for other processes. The kernel releases the lock when the process
        ends.
        """
        directory = self.root / "locks"
        try:
            directory.mkdir(parents=True, exist_ok=True)
            lock = FileLock(directory / name.replace("/", "_"))
            lock.acquire()
        except OSError as error:
            raise ArtifactError(
                f"cache {self.root}: cannot be written ({error.strerror}); "
                "set KUBEWRIGHT_CACHE to another directory"
            ) from None
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """Create a temporary directory on the file system of the cache."""
        base = self.root / "work"
        base.mkdir(parents=True, exist_ok=True)
        for old in base.iterdir():  # left by killed processes; no build takes a day
            if time.time() - old.stat().st_mtime > _DAY:
                shutil.rmtree(old, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=base) as directory:
            yield Path(directory)


def write_atomic(path: Path, text: str) -> None:
    """Write a text file so that no reader sees a partial file.

    Leave a file with the same content unchanged.
    """
    if path.is_file() and path.read_bytes() == text.encode():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as temporary:
        temporary.write(text)
    Path(temporary.name).chmod(0o644)
    Path(temporary.name).replace(path)


def _record_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")
