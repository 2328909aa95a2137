"""SSH keys of a lab: one for the user and one per host, and the known_hosts file."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lab.paths import LabPaths
from lab.spec import LabSpec


def ensure(spec: LabSpec) -> None:
    """Create missing SSH keys of a lab, remove the keys of removed hosts, and write known_hosts."""
    paths = LabPaths.of(spec.name)
    paths.host_key("").mkdir(parents=True, exist_ok=True)
    paths.ssh.chmod(0o700)
    _ensure_key(paths.user_key)
    write_atomically(paths.user_key.with_suffix(".pub"), public_key_line(paths.user_key), mode=0o644)
    names = {host.name for host in spec.hosts}
    for stale in paths.host_key("").iterdir():
        if stale.name not in names:
            stale.unlink()
    lines = []
    for host in spec.hosts:
        _ensure_key(paths.host_key(host.name))
        lines.append(f"{host.address} {public_key_line(paths.host_key(host.name))}")
    write_atomically(paths.known_hosts, "".join(lines), mode=0o644)


def public_key_line(key: Path) -> str:
    """Return the public key of a private key file as a line for authorized_keys, with its newline."""
    private = serialization.load_ssh_private_key(key.read_bytes(), password=None)
    public = private.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    return public.decode() + "\n"


def write_atomically(path: Path, content: str, *, mode: int) -> None:
    """Write a file completely or not at all. Its permissions are never wider than `mode`."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
    fresh.replace(path)


def _ensure_key(path: Path) -> None:
    if path.exists():
        return
    private = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    write_atomically(path, private.decode(), mode=0o600)
