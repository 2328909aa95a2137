"""`snapshot` [C2]: one of etcd, now, from a healthy member, onto this machine with its checksum."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

from automation.errors import UserError
from automation.operations.remote import Remote
from automation.operations.target import Target
from formats.quantity import format_bytes
from nodeconfig.host_paths import BIN, ETCD_PKI, ETCD_SNAPSHOTS

_SECONDS = 900
_SUM = "sha256 "

# Saved on the host first: etcdctl writes to a file, and it checks the whole by its length and hash.
_SCRIPT = f"""
set -eu
umask 077
export ETCDCTL_ENDPOINTS=https://127.0.0.1:2379 ETCDCTL_CACERT={ETCD_PKI}/etcd-ca.crt
export ETCDCTL_CERT={ETCD_PKI}/operator.crt ETCDCTL_KEY={ETCD_PKI}/operator.key
mkdir -p {ETCD_SNAPSHOTS}
file={ETCD_SNAPSHOTS}/.asked-$$.part
trap 'rm -f "$file"*' EXIT
trap 'exit 130' HUP INT TERM
{BIN}/etcdctl --command-timeout=5s endpoint health >/dev/null 2>&1 || {{
    echo "etcd is not healthy here" >&2
    exit 1
}}
{BIN}/etcdctl --command-timeout=300s snapshot save "$file" >/dev/null
{BIN}/etcdutl snapshot status "$file" >/dev/null
found=$(sha256sum <"$file")
echo "{_SUM}${{found%% *}}" >&2
cat "$file"
"""


def snapshot(target: Target, directory: Path | None) -> Path:
    """Takes a snapshot and brings it here; returns its file. Raises `UserError` when no member gave one."""
    directory = directory or target.environment.state / "snapshots" / target.stack
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    file = directory / f"etcd-{stamp}-{target.stack}.db"
    reasons = []
    for member in target.topology.etcd:
        reason = _from(target.remote, member.name, file)
        if not reason:
            print(f"{file} ({format_bytes(file.stat().st_size)}, from {member.name})")
            return file
        reasons.append(f"{member.name}: {reason}")
    raise UserError(f"no etcd member gave a snapshot: {'; '.join(reasons)}")


def checksum(file: Path) -> str:
    """The sha256 of a file, hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def beside(file: Path) -> Path:
    """Where a snapshot's checksum is."""
    return file.with_name(f"{file.name}.sha256")


def _from(remote: Remote, host: str, file: Path) -> str:
    """Brings a member's snapshot into `file`, with its checksum beside it; why not, where it failed."""
    part = file.with_suffix(".part")
    try:
        answer = remote.fetch(host, _SCRIPT, part, timeout=_SECONDS)
        if not answer.ok:
            return answer.reason
        said = next((line for line in answer.error.splitlines() if line.startswith(_SUM)), "")
        found = checksum(part)
        if said.removeprefix(_SUM) != found:
            return "it was changed on the way; try again"
        beside(file).write_text(f"{found}  {file.name}\n")
        part.rename(file)
        return ""
    finally:
        part.unlink(missing_ok=True)
