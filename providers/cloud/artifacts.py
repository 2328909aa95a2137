"""The files that machines fetch from the cluster's own store, and the program that fills the store.

`artifacts.store: own` selects the store. The objects have the keys `artifacts/<name>/<version>/<sha256>`, so
that a key names its content: an object never changes, and machines of an earlier configuration find their
files. This module imports neither Pulumi nor the SDK of a cloud.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from artifacts import directories
from artifacts.cache import sha256
from artifacts.index import MIRROR_ADVICE
from artifacts.mirror import file_path
from formats.lists import shorten_list
from formats.notices import PROGRESS
from nodeconfig import host_program
from nodeconfig.bundle import STORE_SCHEME, Bundle
from providers.cloud.polling import WaitError

PREFIX = "artifacts"
"""The prefix of the files in the store, or the name of their container. `cloud_artifact` in the boot program
reads files below it.
"""
FILES_VARIABLE = "FILES"
"""The environment variable of the program: one line for each file."""
_PARALLEL_UPLOADS = 2


@dataclass(frozen=True, slots=True, order=True)
class StoredFile:
    """A file of the store. The version of the host program is its sha256 (hex)."""

    name: str
    version: str
    sha256: str

    @property
    def key(self) -> str:
        """The key below `PREFIX`, which `download` in nodeconfig/host/prelude.sh requests."""
        return f"{self.name}/{self.version}/{self.sha256}"


def stored_files(bundles: Iterable[Bundle]) -> tuple[StoredFile, ...]:
    """Return the files that the machines of these bundles fetch from the store; none with a mirror."""
    sources: set[tuple[str, str]] = set()
    for bundle in bundles:
        sources.add((bundle.program.url, bundle.program.sha256))
        sources |= {(artifact.url, artifact.sha256) for artifact in bundle.artifacts}
    return tuple(sorted(_stored_file(url, digest) for url, digest in sources if url.startswith(STORE_SCHEME)))


def _stored_file(url: str, digest: str) -> StoredFile:
    name, _, version = url.removeprefix(STORE_SCHEME).partition("/")
    return StoredFile(name, version, digest)


def files_text(files: Iterable[StoredFile]) -> str:
    """Return one line for each file, which previews show as data: name, version and sha256."""
    return "".join(f"artifact {file.name} {file.version} {file.sha256}\n" for file in files)


def parse_files(text: str) -> list[StoredFile]:
    """Return the files in the result of `files_text`."""
    return [StoredFile(*line.split()[1:]) for line in text.splitlines()]


class FileStore(Protocol):
    """The files in the store, with the credentials of the deployer. Keys are below `PREFIX`."""

    def keys(self) -> set[str]:
        """Return the keys of all files in the store."""

    def upload(self, key: str, content: BinaryIO) -> None:
        """Write a file. The store has the complete file, or no file under this key."""


def fill_store(store: FileStore, files: Sequence[StoredFile], mirror: Path) -> None:
    """Upload the files that the store lacks from `mirror`, the mirror of this machine.

    All other objects stay: machines of an earlier configuration may fetch them until they are replaced. Raise
    WaitError before the first upload if the mirror lacks a file or has another file.
    """
    present = store.keys()
    missing = [file for file in files if file.key not in present]
    if faults := [fault for file in missing if (fault := _describe_fault(file, mirror))]:
        raise WaitError(f"{shorten_list(faults, 3)}; {MIRROR_ADVICE}")

    def upload(file: StoredFile) -> StoredFile:
        with _open_content(file, mirror) as content:
            store.upload(file.key, content)
        return file

    with ThreadPoolExecutor(_PARALLEL_UPLOADS) as executor:
        for number, file in enumerate(executor.map(upload, missing), start=1):
            text = f"{file.name} {file.version} is in the store ({number} of {len(missing)})"
            print(f"{PROGRESS}{text}", file=sys.stderr, flush=True)


def _describe_fault(file: StoredFile, mirror: Path) -> str:
    """Return why this machine does not have the content of a file; empty if it has the content."""
    if _is_in_checkout(file):
        return ""
    path = mirror / file_path(file.name, file.version)
    try:
        found = sha256(path)
    except OSError as error:
        return f"{path}: {error.strerror}"
    return "" if found == file.sha256 else f"{path}: sha256 is {found}, not {file.sha256}"


def _open_content(file: StoredFile, mirror: Path) -> BinaryIO:
    if _is_in_checkout(file):
        return io.BytesIO(host_program.program().encode())
    return (mirror / file_path(file.name, file.version)).open("rb")


def _is_in_checkout(file: StoredFile) -> bool:
    """Return whether a file is the host program of this checkout: the mirror may be older."""
    return file.name == host_program.ARTIFACT_NAME and file.sha256 == host_program.digest()


def run_fill(store: FileStore, environment: Mapping[str, str] = os.environ) -> None:
    """Fill the store with the files in the variable `FILES_VARIABLE`, from the mirror of this machine."""
    fill_store(store, parse_files(environment[FILES_VARIABLE]), directories.mirror(environment))
