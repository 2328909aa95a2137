"""The `copies` command [C2]: lists and downloads the copies of snapshots in another region of a cloud.

The command needs the stack file, the deployer's credentials and the region of the copies. It works while the
region of the cluster is lost.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.table import Table

from automation.console import console
from automation.emulated_cloud import deployer_variables
from automation.errors import UserError
from automation.operations.restore import verify_snapshot
from automation.operations.snapshot import NEWEST, checksum_file
from automation.operations.target import Target
from formats.quantity import format_bytes
from providers.cloud.requests import CloudFailure, CopyStore
from providers.registry import by_section

_CHECKSUM_SUFFIX = ".sha256"
_NAME = re.compile(r"etcd-(?P<time>\d{8}T\d{6}Z)-(?P<member>[A-Za-z0-9.-]+)\.db")


@dataclass(frozen=True, slots=True)
class Copy:
    """A complete copy of a snapshot: its name, its UTC time, the member, and the size in bytes."""

    name: str
    time: str
    member: str
    size: int


def list_copies(target: Target) -> None:
    """Print all complete copies, the newest first. Raise UserError without copies."""
    table = Table("copy", "time (UTC)", "member", "size", title="Copies of snapshots")
    for copy in _find(_open(target)):
        table.add_row(copy.name, copy.time, copy.member, format_bytes(copy.size))
    console().print(table)


def fetch_copy(target: Target, name: str, directory: Path | None) -> Path:
    """Download a copy with its checksum, and return the path of the file.

    Raise UserError for an unknown name, and when the copy does not match its checksum.
    """
    store = _open(target)
    found = {copy.name: copy for copy in _find(store)}
    if name == NEWEST:
        name = next(iter(found))
    if name not in found:
        raise UserError(f"{name}: no such copy; `kubewright copies --stack {target.stack}` lists all copies")
    directory = directory or target.environment.state / "snapshots" / target.stack
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = directory / name
    partial = file.with_suffix(".part")
    try:
        _download(store, name, partial)
        _download(store, f"{name}{_CHECKSUM_SUFFIX}", checksum_file(file))
        partial.rename(file)
    finally:
        partial.unlink(missing_ok=True)
    verify_snapshot(file)
    print(f"{file} ({format_bytes(file.stat().st_size)}, from {found[name].member})")
    return file


def complete_copies(sizes: Mapping[str, int]) -> list[Copy]:
    """Return the copies that have a checksum, the newest first. `sizes` are the sizes of objects by name.

    A member writes the checksum last, so a copy without a checksum is not complete.
    """
    copies = [
        Copy(name, _readable(match["time"]), match["member"], size)
        for name, size in sizes.items()
        if (match := _NAME.fullmatch(name)) and f"{name}{_CHECKSUM_SUFFIX}" in sizes
    ]
    return sorted(copies, key=lambda copy: (copy.time, copy.name), reverse=True)


def _find(store: CopyStore) -> list[Copy]:
    try:
        copies = complete_copies(store.sizes())
    except CloudFailure as error:
        raise UserError(f"the copies of snapshots cannot be listed: {error}") from None
    if not copies:
        raise UserError("there are no complete copies of snapshots yet; members copy each snapshot they take")
    return copies


def _open(target: Target) -> CopyStore:
    cloud = by_section(target.settings.cloud_name)
    section = target.settings.cloud
    if cloud is None or section is None or not section.has_snapshot_copies:
        raise UserError(
            f"stack {target.stack} has no snapshot_copies in the section of its cloud; on bare metal, use "
            "etcd.snapshots.to"
        )
    try:
        return cloud.open_copies(target.settings, deployer_variables(target.engine.workspace))
    except CloudFailure as error:
        raise UserError(f"the copies of snapshots cannot be read: {error}") from None


def _download(store: CopyStore, name: str, file: Path) -> None:
    file.touch(mode=0o600)
    try:
        with file.open("wb") as content:
            store.download(name, content)
    except CloudFailure as error:
        raise UserError(f"{name}: cannot be downloaded: {error}") from None


def _readable(stamp: str) -> str:
    return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").strftime("%Y-%m-%d %H:%M:%S")
