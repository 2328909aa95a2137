"""Lists of records in JSON files that several processes of an emulated cloud read and change."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.keys import write_atomically

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def read_records(path: Path) -> list[dict[str, Any]]:
    """Return the records of a file; none without the file. Readers never see a partially written file."""
    try:
        records: list[dict[str, Any]] = json.loads(path.read_text())
    except FileNotFoundError:
        return []
    return records


def write_records(path: Path, records: Iterable[DataclassInstance]) -> None:
    """Replace the records of a file. The caller holds its lock."""
    text = json.dumps([asdict(record) for record in records], indent=2)
    write_atomically(path, text + "\n", mode=0o600)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Exclude other processes that change a file, during the block. Create the directory of the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
