"""Tests of the names of a lab in /etc/hosts of the machine."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path

import pytest

from lab import names

OTHERS = "127.0.0.1 localhost\n10.0.0.1 api.other.internal # kubewright lab other\n"


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of /etc/hosts, which the tests change."""
    file = tmp_path / "hosts"
    file.write_text(OTHERS)
    monkeypatch.setattr(names, "HOSTS", file)
    monkeypatch.setattr("lab.locks.DIRECTORY", tmp_path / "locks")
    return file


def test_names_are_added_replaced_and_removed(hosts: Path) -> None:
    names.ensure("x", {"api.x.internal": IPv4Address("10.1.0.1")})
    names.ensure("x", {"api.x.internal": IPv4Address("10.2.0.1")})
    assert hosts.read_text() == f"{OTHERS}10.2.0.1 api.x.internal # kubewright lab x\n"
    names.remove("x")
    assert hosts.read_text() == OTHERS


def test_lab_without_names_does_not_write_the_file(hosts: Path) -> None:
    hosts.write_text("127.0.0.1 localhost")
    names.ensure("x", {})
    assert hosts.read_text() == "127.0.0.1 localhost"
