"""Tests of the passwords of receivers of logs in programs that import the package."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pulumi import Output

from components.addons.logs import basic_credentials
from tests.unit.components.graph import without_secret_marks
from tests.unit.package.test_component import SECRET, config, create, run
from tests.unit.settings.wrong_logs import ALERTMANAGER, LOKI, event_settings, settings


@pytest.mark.parametrize("wrap", [lambda text: text, Output.secret])
def test_passwords_of_receivers_are_secret(tmp_path: Path, wrap: Callable[[str], object]) -> None:
    def program() -> None:
        logs = settings(to={"central": {"loki": LOKI | {"password": wrap(SECRET)}}})
        events = event_settings(alertmanager=ALERTMANAGER | {"password": wrap(SECRET)})
        create(config(tmp_path, "one", addons={"logs": logs, "events": events}))

    graph = run(program)
    login = basic_credentials(LOKI["username"], SECRET)
    receivers = without_secret_marks(graph.node("one-logs-passwords").inputs["stringData"])
    assert receivers == {"central": login}
    alertmanager = without_secret_marks(graph.node("one-logs-loki-alertmanager").inputs["stringData"])
    assert alertmanager == {"ALERTMANAGER_PASSWORD": SECRET}
    for node in graph.nodes.values():
        assert not [text for text in node.plain_texts() if SECRET in text or login in text], node.name
