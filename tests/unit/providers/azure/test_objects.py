"""Tests of the program that writes objects to the store, against a local server with the blob API."""

from __future__ import annotations

import io
import threading

import pytest

from providers.azure.objects import main
from tests.unit.providers.azure.fake_azure import TOKEN, FakeAzure, FakeCredential

KEY = "members/etcd/e-1/etcd.sh"


def run(cloud: FakeAzure, command: str, content: str = "", seconds: str = "0.3") -> int:
    words = ["--ca-file", cloud.ca_file, "--seconds", seconds, command, f"{cloud.url}/general", KEY]
    return main(words, lambda *_: FakeCredential(), io.StringIO(content))


def test_object_is_written_with_a_token(cloud: FakeAzure) -> None:
    assert run(cloud, "put", "what it becomes\n") == 0
    assert cloud.blobs == {f"/general/{KEY}": b"what it becomes\n"}
    assert cloud.authorizations == {f"Bearer {TOKEN}"}


def test_object_is_deleted_and_a_missing_object_is_no_error(cloud: FakeAzure) -> None:
    cloud.blobs[f"/general/{KEY}"] = b"x"
    assert run(cloud, "delete") == 0
    assert cloud.blobs == {}
    assert run(cloud, "delete") == 0


def test_denied_write_is_repeated_until_new_rules_are_effective(cloud: FakeAzure) -> None:
    """A new storage account refuses the deployer until its firewall rules are effective."""
    cloud.denied = True
    timer = threading.Timer(0.5, lambda: setattr(cloud, "denied", False))
    timer.start()
    words = ["--ca-file", cloud.ca_file, "--seconds", "30", "put", f"{cloud.url}/general", KEY]
    assert main(words, lambda *_: FakeCredential(), io.StringIO("x")) == 0
    timer.join()
    assert cloud.blobs == {f"/general/{KEY}": b"x"}


def test_error_names_the_role_that_the_deployer_needs(
    cloud: FakeAzure, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.denied = True
    assert run(cloud, "put", "a secret") == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "Storage Blob Data Contributor" in error
    assert TOKEN not in error
    assert "a secret" not in error
