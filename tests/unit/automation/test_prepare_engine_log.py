from __future__ import annotations

from pathlib import Path

from automation.prepare import disable_engine_log


def test_a_file_takes_the_place_of_the_engines_logs_and_stays(tmp_path: Path) -> None:
    home = tmp_path / "pulumi"
    logs = home / "logs"
    disable_engine_log(home)
    assert logs.is_file()
    logs.unlink()
    logs.mkdir()
    (logs / "pulumi-1.log").write_text("what was handled")
    disable_engine_log(home)
    disable_engine_log(home)
    assert logs.is_file()
    assert logs.read_bytes() == b""
