"""Tests of the credentials of Velero in programs that import the package."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pulumi import Output

from tests.unit.components.graph import without_secret_marks
from tests.unit.package.test_component import SECRET, config, create, run

PASSWORD = "battery-staple-correct-horse"


@pytest.mark.parametrize("wrap", [lambda text: text, Output.secret])
def test_credentials_of_velero_are_secret(tmp_path: Path, wrap: Callable[[str], object]) -> None:
    bucket = {"bucket": "backups", "region": "eu-1", "access_key_id": "key-1"}

    def program() -> None:
        section = {
            "locations": {"offsite": {"s3": {**bucket, "secret_access_key": wrap(SECRET)}}},
            "node_agent": True,
            "repository_password": wrap(PASSWORD),
        }
        create(config(tmp_path, "one", addons={"velero": section}))

    graph = run(program)
    location = without_secret_marks(graph.node("one-velero-location-offsite").inputs["stringData"])
    assert location["cloud"].endswith(f"aws_secret_access_key={SECRET}\n")
    repository = without_secret_marks(graph.node("one-velero-repository").inputs["stringData"])
    assert repository == {"repository-password": PASSWORD}
    for node in graph.nodes.values():
        assert not [text for text in node.plain_texts() if SECRET in text or PASSWORD in text], node.name
