"""Tests that the engine's log, which contains secrets, is disabled."""

from __future__ import annotations

from pathlib import Path

from automation.prepare import disable_engine_log


def test_file_replaces_the_directory_of_engine_logs(tmp_path: Path) -> None:
    home = tmp_path / "pulumi"
    logs = home / "logs"
    disable_engine_log(home)
    assert logs.is_file()
    logs.unlink()
    logs.mkdir()
    (logs / "pulumi-1.log").write_text("secret")
    disable_engine_log(home)
    disable_engine_log(home)
    assert logs.is_file()
    assert logs.read_bytes() == b""
