"""The `snapshot` command [C2]: takes a snapshot on a healthy etcd member and downloads it."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

from automation.errors import UserError
from automation.operations.remote import Remote
from automation.operations.target import Target
from formats.quantity import format_bytes
from nodeconfig.host_paths import BIN, ETCD_PKI, ETCD_SNAPSHOTS, LOCAL_ETCD

NEWEST = "newest"
"""The name that stands for the newest copy of a snapshot, in `copies --fetch` and `restore --from`."""
_TIMEOUT_SECONDS = 900
_CHECKSUM_PREFIX = "sha256 "

# The etcdctl program saves to a file on the host and verifies the length and hash of the file.
_SCRIPT = f"""
set -eu
umask 077
export ETCDCTL_ENDPOINTS={LOCAL_ETCD} ETCDCTL_CACERT={ETCD_PKI}/etcd-ca.crt
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
echo "{_CHECKSUM_PREFIX}${{found%% *}}" >&2
cat "$file"
"""


def snapshot(target: Target, directory: Path | None) -> Path:
    """Take a snapshot and return the path of the file. Raise UserError when no member provides a snapshot."""
    directory = directory or target.environment.state / "snapshots" / target.stack
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    file = directory / f"etcd-{stamp}-{target.stack}.db"
    reasons = []
    for member in target.topology.etcd:
        reason = _download(target.remote, member.name, file)
        if not reason:
            print(f"{file} ({format_bytes(file.stat().st_size)}, from {member.name})")
            return file
        reasons.append(f"{member.name}: {reason}")
    raise UserError(f"no etcd member provided a snapshot: {'; '.join(reasons)}")


def checksum(file: Path) -> str:
    """Return the SHA-256 of a file as a hexadecimal string."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def checksum_file(file: Path) -> Path:
    """Return the path of the checksum file of a snapshot."""
    return file.with_name(f"{file.name}.sha256")


def _download(remote: Remote, host: str, file: Path) -> str:
    """Download a snapshot from a member, with its checksum file. Return the reason of a failure, or an
    empty text.
    """
    partial_file = file.with_suffix(".part")
    try:
        result = remote.fetch(host, _SCRIPT, partial_file, timeout=_TIMEOUT_SECONDS)
        if not result.ok:
            return result.reason
        reported = next((line for line in result.error.splitlines() if line.startswith(_CHECKSUM_PREFIX)), "")
        digest = checksum(partial_file)
        if reported.removeprefix(_CHECKSUM_PREFIX) != digest:
            return "the download was damaged; try again"
        checksum_file(file).write_text(f"{digest}  {file.name}\n")
        partial_file.rename(file)
        return ""
    finally:
        partial_file.unlink(missing_ok=True)
