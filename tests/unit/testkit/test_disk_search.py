"""Tests of the search of a disk for credentials."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import cast

import pytest

from testkit.certificates import issue_certificate
from testkit.cluster import Cluster
from testkit.disk_search import SEARCH, Credential, find_credentials
from testkit.process import CommandResult
from testkit.service_account_tokens import signed_token

BOOTSTRAP = "abc123.0123456789abcdef"


class Host:
    """A host whose only mounts are two directories of this machine."""

    def __init__(self, mounts: Path) -> None:
        self._mounts = mounts

    def ssh(self, host: str, script: str, *, check: bool, timeout: float) -> CommandResult:
        assert script == SEARCH
        local = script.replace("/proc/mounts", str(self._mounts))
        result = subprocess.run(
            ["sh", "-s"], input=local, capture_output=True, text=True, timeout=timeout, check=check
        )
        return CommandResult((host,), result.returncode, result.stdout, result.stderr)


def search(root: Path, *lines: str) -> dict[str, Credential]:
    """Return the credentials on the file systems of `lines` in /proc/mounts, by their paths below `root`."""
    mounts = root.parent / "mounts"
    mounts.write_text("".join(f"{line}\n" for line in lines))
    found = find_credentials(cast(Cluster, Host(mounts)), "host", {BOOTSTRAP.split(".")[0]})
    return {str(Path(item.path).relative_to(root)): item for item in found}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a directory with credentials in several forms, and with files that only look like these."""
    root = tmp_path / "root"
    root.mkdir()
    authority = issue_certificate("ca")
    client, other = (issue_certificate(name, issuer=authority) for name in ("client", "other"))
    encoded = base64.b64encode(other.key_pem).decode()
    files: dict[str, bytes] = {
        "client.crt": client.certificate_pem,
        "client.key": client.key_pem,
        "both.pem": other.certificate_pem + other.key_pem,
        "kubeconfig": f"users: [{{user: {{client-key-data: {encoded}}}}}]".encode(),
        "state.json": json.dumps({"key": client.key_pem.decode()}).encode(),
        "database": b"\0\xff" + client.key_pem + b"\0\xfe",
        "token": signed_token(client.key, {"sub": "system:serviceaccount:team:default"}).encode(),
        "bootstrap": f"{BOOTSTRAP}\n".encode(),
        "program": b"-----BEGIN EC PRIVATE KEY-----\0not a key\0-----END EC PRIVATE KEY-----",
        "example": b"-----BEGIN PRIVATE KEY-----\n" + b"QUJD" * 20 + b"\n-----END PRIVATE KEY-----\n",
        "version": b"linux1.0123456789abcdef",
        "authority.crt": authority.certificate_pem,
    }
    for name, content in files.items():
        (root / name).write_bytes(content)
    return root


def test_credentials_are_found_in_every_form(root: Path) -> None:
    found = search(root, f"disk {root} ext4 rw 0 0")
    assert {path: (item.kind, bool(item.certificate)) for path, item in found.items()} == {
        "client.key": ("key", True),
        "both.pem": ("key", True),
        "kubeconfig": ("key", True),
        "state.json": ("key", True),
        "database": ("key", True),
        "token": ("token", False),
        "bootstrap": ("token", False),
    }
    assert found["bootstrap"].value == BOOTSTRAP
    assert found["client.key"].certificate == (root / "client.crt").read_text()
    assert BOOTSTRAP not in repr(found["bootstrap"])


def test_file_systems_in_memory_are_searched_and_those_of_the_kernel_are_not(root: Path) -> None:
    assert "token" in search(root, f"tmpfs {root} tmpfs rw 0 0")
    assert search(root, f"proc {root} proc rw 0 0", f"x /run/containerd/{root} overlay rw 0 0") == {}


def test_interrupted_search_is_an_error(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("testkit.disk_search.SEARCH", "echo key")
    with pytest.raises(AssertionError, match="the search was interrupted"):
        find_credentials(cast(Cluster, Silent()), "host", set())


class Silent:
    """A host whose search ends without its last line."""

    def ssh(self, host: str, script: str, *, check: bool, timeout: float) -> CommandResult:
        assert not check
        assert timeout
        return CommandResult((host,), 1, script, "")
