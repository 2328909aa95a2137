"""Tests of the complete program on mocks: errors and warnings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.components.graph import Graph, Json, cluster_config

Deploy = Callable[[Json], Graph]


def logged_errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the messages of logged errors.

    asyncio logs an error when the garbage collector finds an unfinished task of an earlier test. These errors
    are ignored.
    """
    return [
        record.message
        for record in caplog.records
        if record.levelname == "ERROR" and record.name != "asyncio"
    ]


def test_wrong_settings_end_without_a_traceback(
    deploy: Deploy, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = cluster_config(tmp_path, workers=1, envronment="lab")
    with pytest.raises(SystemExit) as exit_:
        deploy(config)
    assert exit_.value.code == 32
    errors = logged_errors(caplog)
    assert errors == ["kubewright:cluster.envronment: unknown key; did you mean environment?"]


def test_a_text_in_the_place_of_the_cluster_ends_without_a_traceback(
    deploy: Deploy,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The program receives `kubewright:cluster: hello` of a stack file unchanged.
    monkeypatch.setattr("json.dumps", lambda _: "hello")
    with pytest.raises(SystemExit) as exit_:
        deploy({})
    assert exit_.value.code == 32
    (error,) = logged_errors(caplog)
    assert error.startswith("kubewright:cluster: not a mapping")


def test_an_unknown_host_key_names_the_host_and_stops_everything(
    deploy: Deploy, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cluster = cluster_config(tmp_path, workers=2)
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(
        "\n".join(line for line in known_hosts.read_text().splitlines() if "10.89.0.22" not in line)
    )
    with pytest.raises(SystemExit):
        deploy(cluster)
    (error,) = logged_errors(caplog)
    assert "10.89.0.22" in error


def test_a_missing_private_key_is_one_line_without_its_path(
    deploy: Deploy, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cluster = cluster_config(tmp_path, workers=1)
    (tmp_path / "key").unlink()
    with pytest.raises(SystemExit):
        deploy(cluster)
    errors = logged_errors(caplog)
    assert len(errors) == 1
    assert "private_key_file" in errors[0]


def test_a_host_below_its_preset_is_a_warning(
    deploy: Deploy, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cluster = cluster_config(tmp_path, workers=1)
    metal = cluster["metal"]
    assert isinstance(metal, dict)
    metal["hosts"]["w-1"] |= {"cpus": 1, "memory": "1800Mi"}
    graph = deploy(cluster)
    assert graph.node("w-1-node")
    assert any("w-1" in record.message for record in caplog.records if record.levelname == "WARNING")


def test_a_private_key_file_is_a_warning_outside_of_labs(
    deploy: Deploy, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    deploy({**cluster_config(tmp_path, workers=1), "environment": "test"})
    warnings = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert any("the private key is an input of 2 hosts" in message for message in warnings)
