"""Tests of the preparation of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from automation import prepare
from automation.environment import Environment
from automation.errors import UserError
from lab.plugins.kinds import InstallError


def test_plugin_that_cannot_be_installed_is_reported_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise InstallError("plugin tls: the stand-in could not be installed: no space left on device")

    monkeypatch.setattr(prepare, "install_tools", lambda *_: {"pulumi": tmp_path / "pulumi"})
    monkeypatch.setattr(prepare, "install", fails)
    with pytest.raises(UserError, match=r"^plugin tls: .* no space left on device$"):
        prepare.prepare_deployer(Environment(state=tmp_path / "state", cache=tmp_path / "cache"))
