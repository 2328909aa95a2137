"""Encrypted copies of snapshots in targets outside the hosts: finds, downloads and decrypts a copy [C2].

This machine downloads the copy and decrypts it. The private key never reaches a host, and a copy in a bucket
can be restored when no host is left.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote

from artifacts.acquire import provide_tool
from artifacts.cache import Cache
from artifacts.progress import Progress
from assembly import target_credentials
from automation.engine.config import decrypted_config
from automation.environment import CHECKOUT
from automation.errors import UserError
from automation.lab_stack import CLUSTER_KEY
from automation.operations.remote import Remote
from automation.operations.snapshot import NEWEST, checksum, checksum_file
from automation.operations.target import Target
from nodeconfig.snapshot_targets import location, rclone_settings
from settings import load
from topology.age_recipients import IDENTITY_PREFIX
from topology.snapshot_targets import Directory, SnapshotTarget

_NEWEST_NAMES = (NEWEST, "latest")
"""Names of the newest copy. Earlier versions had only `latest`."""
_NAME = re.compile(r"etcd-(\d{8}T\d{6}Z)-[a-z0-9-]+\.db\.age")
_ENCRYPTED = ".age"
_TRANSFER_SECONDS = 1800
_DIGEST_BYTES = 32
_PAGE_BYTES = 512
"""etcd appends a SHA-256 to the pages of its database, which are multiples of 512 bytes."""
_RCLONE_PREFIX = re.compile(r"^[\d/]+ [\d:]+ \w+ *: *")


class CopyStore(ABC):
    """The copies in a target."""

    @abstractmethod
    def list_sizes(self) -> Mapping[str, int]:
        """Return the sizes of the copies by name. Raise UserError when the target does not answer."""

    @abstractmethod
    def download(self, name: str, file: Path) -> None:
        """Write a copy to a local file. Raise UserError when it cannot be read completely."""


class ObjectStore(CopyStore):
    """The copies in a bucket or container, by rclone on this machine."""

    def __init__(self, target: SnapshotTarget, variables: Mapping[str, str], rclone: Path) -> None:
        self._target = target
        self._rclone = rclone
        self._environment = {**os.environ, **rclone_settings(target), **variables}

    def list_sizes(self) -> Mapping[str, int]:
        """Return the sizes of the copies by name."""
        lines = self._run("lsf", "--files-only", "--format=sp", "--separator= ", location(self._target))
        rows = (line.split(" ", 1) for line in lines.splitlines())
        return {name: int(size) for size, name in rows}

    def download(self, name: str, file: Path) -> None:
        """Write a copy to a local file."""
        self._run("copyto", f"{location(self._target)}/{name}", str(file))

    def _run(self, *words: str) -> str:
        argv = [str(self._rclone), "--config=/dev/null", "--retries=2", "--low-level-retries=3"]
        try:
            result = subprocess.run(
                [*argv, "--contimeout=15s", *words],
                env=self._environment,
                capture_output=True,
                text=True,
                timeout=_TRANSFER_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise UserError(f"target {self._target.name}: no answer within {_TRANSFER_SECONDS} s") from None
        if result.returncode != 0:
            if "directory not found" in result.stderr:
                return ""
            lines = [line for line in result.stderr.splitlines() if line.strip()] or ["rclone failed"]
            raise UserError(f"target {self._target.name}: {_RCLONE_PREFIX.sub('', lines[-1])}")
        return result.stdout


class MountedDirectory(CopyStore):
    """The copies in a directory that is mounted on the etcd members."""

    def __init__(self, target: SnapshotTarget, remote: Remote, hosts: Sequence[str]) -> None:
        self._target = target
        self._remote = remote
        self._hosts = hosts
        self._host_of: dict[str, str] = {}

    def list_sizes(self) -> Mapping[str, int]:
        """Return the sizes of the copies by name, from all members that can be reached."""
        script = f"cd {quote(location(self._target))} && stat -c '%s %n' -- etcd-*.db.age"
        results = self._remote.run_on_all(self._hosts, script, timeout=60)
        sizes: dict[str, int] = {}
        for host, result in results.items():
            for line in result.output.splitlines() if result.ok else ():
                size, name = line.split(" ", 1)
                sizes[name] = int(size)
                self._host_of[name] = host
        if not any(result.ok for result in results.values()):
            reasons = "; ".join(f"{host}: {result.reason}" for host, result in results.items())
            raise UserError(
                f"target {self._target.name}: no member has copies in {location(self._target)} ({reasons}); "
                "mount the file system on a member, or give a copy as --snapshot FILE"
            )
        return sizes

    def download(self, name: str, file: Path) -> None:
        """Write a copy to a local file."""
        script = f"cat -- {quote(f'{location(self._target)}/{name}')}"
        result = self._remote.fetch(self._host_of[name], script, file, timeout=_TRANSFER_SECONDS)
        if not result.ok:
            raise UserError(f"target {self._target.name}: {result.host}: {result.reason}")


def fetch_copy(target: Target, name: str, snapshot: str, identity: Path) -> Path:
    """Return the file of a decrypted snapshot of the target `name`, with its checksum file.

    `snapshot` is the name of a copy, or `NEWEST`. Raise UserError for an unknown target or copy, a wrong key
    and a damaged copy. After an error, no file remains.
    """
    _check_identity(identity)
    store = open_store(target, name)
    sizes = {copy: size for copy, size in store.list_sizes().items() if _NAME.fullmatch(copy)}
    if not sizes:
        raise UserError(f"target {name}: has no copies in {location(_target_named(target, name))}")
    if snapshot in _NEWEST_NAMES:
        copy = max(sizes, key=_time_key)
    else:
        copy = f"{snapshot.removesuffix(_ENCRYPTED)}{_ENCRYPTED}"
    if copy not in sizes:
        newest = ", ".join(sorted(sizes, key=_time_key)[-3:])
        raise UserError(f"target {name}: has no copy {copy}; its newest copies are {newest}")
    directory = _snapshot_directory(target)
    encrypted = directory / f".{copy}.part"
    try:
        store.download(copy, encrypted)
        if encrypted.stat().st_size != sizes[copy]:
            raise UserError(f"target {name}: the download of {copy} is not complete; try again")
        return decrypt(encrypted, directory / copy.removesuffix(_ENCRYPTED), identity)
    finally:
        encrypted.unlink(missing_ok=True)


def decrypt_file(target: Target, encrypted: Path, identity: Path) -> Path:
    """Return the file of a decrypted snapshot, from a local file that is an encrypted copy."""
    _check_identity(identity)
    if not encrypted.is_file():
        raise UserError(f"{encrypted}: no such snapshot")
    return decrypt(encrypted, _snapshot_directory(target) / encrypted.name.removesuffix(_ENCRYPTED), identity)


def decrypt(encrypted: Path, snapshot: Path, identity: Path, age: Path | None = None) -> Path:
    """Decrypt and verify an encrypted copy. Return the path of the snapshot, with its checksum file.

    age authenticates the whole content, and etcd's own digest is at its end. Raise UserError for a wrong key
    and a damaged copy. After an error, no snapshot remains.
    """
    age = age or provide_tool("age", Cache.default(), Progress())
    partial = snapshot.with_name(f".{snapshot.name}.part")
    partial.unlink(missing_ok=True)
    try:
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT, 0o600))
        argv = [str(age), "--decrypt", "--identity", str(identity), "--output", str(partial), str(encrypted)]
        result = subprocess.run(argv, capture_output=True, text=True)
        if result.returncode != 0:
            raise UserError(_decryption_problem(result.stderr, snapshot.name, identity))
        if not has_valid_digest(partial):
            raise UserError(f"{snapshot.name}: is not a complete snapshot of etcd; use another copy")
        checksum_file(snapshot).write_text(f"{checksum(partial)}  {snapshot.name}\n")
        return partial.rename(snapshot)
    finally:
        partial.unlink(missing_ok=True)


def _decryption_problem(error: str, name: str, identity: Path) -> str:
    if "no identity matched" in error or "incorrect identity" in error:
        return (
            f"{identity}: the private key in this file does not decrypt {name}, which is encrypted to other "
            "keys; use the private key of a recipient in etcd.snapshots.recipients of that time"
        )
    lines = [
        line.removeprefix("age: error: ") for line in error.splitlines() if line.startswith("age: error: ")
    ]
    reason = lines[0] if lines else "it cannot be decrypted"
    return f"{name}: the copy is damaged or not complete ({reason}); nothing was restored; use another copy"


def has_valid_digest(snapshot: Path) -> bool:
    """Check whether a snapshot ends with the SHA-256 of its pages, as etcd writes it."""
    size = snapshot.stat().st_size
    if size <= _DIGEST_BYTES or size % _PAGE_BYTES != _DIGEST_BYTES:
        return False
    digest, left = hashlib.sha256(), size - _DIGEST_BYTES
    with snapshot.open("rb") as file:
        while left:
            block = file.read(min(left, 2**20))
            digest.update(block)
            left -= len(block)
        return file.read() == digest.digest()


def open_store(target: Target, name: str) -> CopyStore:
    """Return the copies of the target `name` of a stack. Raise UserError for an unknown target."""
    found = _target_named(target, name)
    if isinstance(found.store, Directory):
        return MountedDirectory(found, target.remote, [member.name for member in target.topology.etcd])
    settings = load(decrypted_config(target.engine)[CLUSTER_KEY])
    section = settings.etcd.snapshots.to[name]
    store = section.s3 or section.azure_blob
    ca_file = store.ca_file if store else None
    variables = {"RCLONE_CA_CERT": str(CHECKOUT / ca_file)} if ca_file else {}
    for item in target_credentials(settings):
        if item.target.name == name:
            variables |= item.variables(item.secret.get_secret_value())
    return ObjectStore(found, variables, provide_tool("rclone", Cache.default(), Progress()))


def _target_named(target: Target, name: str) -> SnapshotTarget:
    targets = {item.name: item for item in target.topology.snapshots.targets}
    if name not in targets:
        known = ", ".join(targets) or "none"
        raise UserError(
            f"{name}: no such target in etcd.snapshots.to of stack {target.stack}; targets: {known}"
        )
    return targets[name]


def _check_identity(identity: Path) -> None:
    """Raise UserError unless a file has a private key of age."""
    try:
        text = identity.read_text()
    except (OSError, UnicodeDecodeError):
        raise UserError(
            f"{identity}: cannot be read; give the file of age-keygen with the private key"
        ) from None
    if IDENTITY_PREFIX not in text:
        raise UserError(
            f"{identity}: has no private key of age; it has a line that begins with {IDENTITY_PREFIX}"
        )


def _time_key(name: str) -> tuple[str, str]:
    """Return a key that sorts names of copies by their time."""
    match = _NAME.fullmatch(name)
    return (match[1] if match else "", name)


def _snapshot_directory(target: Target) -> Path:
    directory = target.environment.state / "snapshots" / target.stack
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    return directory
