"""Tests of the secrets of the dashboard and of Grafana in programs that import the package."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pulumi import Output

from tests.unit.components.graph import without_secret_marks
from tests.unit.package.test_component import SECRET, config, create, run
from tests.unit.settings.wrong_dashboard import CORP
from tests.unit.settings.wrong_grafana import OIDC

PASSWORD = "battery-staple-correct-horse"


@pytest.mark.parametrize("wrap", [lambda text: text, Output.secret])
def test_secrets_of_web_pages_can_be_inputs(tmp_path: Path, wrap: Callable[[str], object]) -> None:
    def program() -> None:
        grafana = {"admin_password": wrap(PASSWORD), "oidc": OIDC | {"client_secret": wrap(SECRET)}}
        addons = {
            "dashboard": {"client_secret": wrap(SECRET)},
            "monitoring": {"kube_state_metrics": False, "grafana": grafana},
        }
        create(config(tmp_path, "one", addons=addons, api={"oidc": {"corp": CORP}}))

    graph = run(program)
    client = without_secret_marks(graph.node("one-dashboard-client").inputs["stringData"])
    assert client == {"client-secret": SECRET}
    logins = without_secret_marks(graph.node("one-grafana-credentials").inputs["stringData"])
    assert logins == {"admin-user": "admin", "admin-password": PASSWORD, "client-secret": SECRET}
    for node in graph.nodes.values():
        assert not [text for text in node.plain_texts() if SECRET in text or PASSWORD in text], node.name
