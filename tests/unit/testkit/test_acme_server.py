"""Tests of the ACME server for lab tests: its configuration, its log, and its pinned module."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from artifacts import gobuild
from testkit import acme_server
from testkit.acme_server import AcmeServer

FILES = (Path("server.crt"), Path("server.key"))


def test_server_checks_names_at_the_standard_ports() -> None:
    pebble = acme_server.configuration("10.72.0.254", *FILES, ["refused.example"])["pebble"]
    assert (pebble["httpPort"], pebble["tlsPort"]) == (80, 443)
    assert pebble["listenAddress"] == "10.72.0.254:14000"
    assert pebble["domainBlocklist"] == ["refused.example"]
    assert (pebble["certificate"], pebble["privateKey"]) == ("server.crt", "server.key")


def test_server_has_one_profile() -> None:
    """An order without a profile gets any of them, with any life."""
    pebble = acme_server.configuration("10.72.0.254", *FILES, [])["pebble"]
    [profile] = pebble["profiles"].values()
    assert profile["validityPeriod"] == 3600


def test_each_certificate_needs_a_challenge() -> None:
    assert acme_server.ENVIRONMENT["PEBBLE_AUTHZREUSE"] == "0"
    assert "PEBBLE_VA_ALWAYS_VALID" not in acme_server.ENVIRONMENT


@pytest.mark.parametrize(("name", "count"), [("shop.example", 2), ("hop.example", 0), ("other.example", 1)])
def test_opened_pages_are_those_of_the_name(tmp_path: Path, name: str, count: int) -> None:
    log = tmp_path / "log"
    lines = (
        f"Pebble 2026/11/23 01:02:11 Attempting to validate w/ HTTP: http://{host}:80/.well-known/acme-challenge/x"
        for host in ("shop.example", "shop.example", "other.example")
    )
    log.write_text("\n".join(lines))
    server = AcmeServer("10.72.0.254", "", log)
    assert server.opened_pages(name) == count
    assert server.directory == "https://10.72.0.254:14000/dir"


def test_module_of_the_server_is_pinned_by_its_digest() -> None:
    [module] = (
        name
        for name in gobuild.required_modules(acme_server.SOURCE / "go.mod")
        if acme_server.PACKAGE.startswith(f"{name}/")
    )
    version = gobuild.required_modules(acme_server.SOURCE / "go.mod")[module]
    sums = (acme_server.SOURCE / "go.sum").read_text()
    assert re.search(rf"^{re.escape(f'{module} {version}')} h1:\S{{44}}$", sums, re.MULTILINE)
