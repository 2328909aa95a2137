"""Tests of the selection between official plugins and stand-ins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from automation.errors import UserError
from automation.plugin_kind import PluginRequest, kind_in_state, requested_kind, select_kind
from automation.prerequisites import Purpose
from lab.plugins.kinds import PluginKind

OFFICIAL, STAND_IN = PluginKind.OFFICIAL, PluginKind.STAND_IN
LAB = PluginRequest(stack="x", purpose=Purpose.CHANGE, lab=True)
PRODUCTION = replace(LAB, lab=False)
OFFLINE = replace(PRODUCTION, purpose=Purpose.PREVIEW, offline=True)


@pytest.mark.parametrize(
    ("request_", "official_installed", "kind"),
    [
        (PRODUCTION, False, OFFICIAL),
        (PRODUCTION, True, OFFICIAL),
        (replace(PRODUCTION, recorded=OFFICIAL), False, OFFICIAL),
        (LAB, False, STAND_IN),
        (LAB, True, OFFICIAL),
        (replace(LAB, recorded=STAND_IN), True, STAND_IN),
        (replace(LAB, recorded=OFFICIAL), False, OFFICIAL),
        (replace(LAB, requested=OFFICIAL), False, OFFICIAL),
        (replace(LAB, requested=STAND_IN), True, STAND_IN),
        (OFFLINE, True, STAND_IN),
        (replace(OFFLINE, lab=True), True, STAND_IN),
    ],
)
def test_kind_of_a_stack(request_: PluginRequest, official_installed: bool, kind: PluginKind) -> None:
    assert select_kind(request_, official_installed=lambda: official_installed) is kind


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        (replace(PRODUCTION, recorded=STAND_IN), "stand-in plugins created the state.*docs/plugins.md"),
        (replace(PRODUCTION, requested=STAND_IN), "stack x has no lab.*unset the variable"),
        (replace(LAB, recorded=STAND_IN, requested=OFFICIAL), "kubewright down --stack x"),
        (replace(LAB, recorded=OFFICIAL, requested=STAND_IN), "kubewright down --stack x"),
        (replace(OFFLINE, recorded=OFFICIAL), "official plugins created the state.*omit --offline"),
        (replace(OFFLINE, requested=OFFICIAL), "KUBEWRIGHT_PLUGINS requests official plugins"),
        (replace(OFFLINE, purpose=Purpose.CHANGE), "only `preview` has this option"),
    ],
)
def test_error_for_a_refused_kind_contains_the_required_action(request_: PluginRequest, problem: str) -> None:
    with pytest.raises(UserError, match=problem) as caught:
        select_kind(request_, official_installed=lambda: True)
    assert "\n" not in str(caught.value)


def test_variable_selects_the_kind() -> None:
    assert requested_kind({}) is None
    assert requested_kind({"KUBEWRIGHT_PLUGINS": "official"}) is OFFICIAL
    with pytest.raises(UserError, match=r"KUBEWRIGHT_PLUGINS: 'real': expected official or stand-in"):
        requested_kind({"KUBEWRIGHT_PLUGINS": "real"})


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", None),
        ('{"version": 3, "deployment": {}}', None),
        ('{"type": "pulumi:providers:tls", "inputs": {"__standIn": true}}', STAND_IN),
        (
            '{"type": "pulumi:providers:kubernetes", "outputs": {"__fieldManager": "m", "__inputs": {}}}',
            OFFICIAL,
        ),
        ('{"type": "pulumi:providers:kubernetes", "outputs": {"__fieldManager": "m"}}', STAND_IN),
        ('{"type": "pulumi:providers:kubernetes"}', OFFICIAL),
    ],
)
def test_kind_is_read_from_the_state(tmp_path: Path, text: str, kind: PluginKind | None) -> None:
    """States of version 0.1 have no mark. Their Kubernetes objects show the kind."""
    (tmp_path / "state.json").write_text(text)
    assert kind_in_state(tmp_path / "state.json") is kind
    assert kind_in_state(tmp_path / "missing.json") is None
