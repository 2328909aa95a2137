"""Check of error messages for users."""

from __future__ import annotations

from testkit.process import CommandResult


def assert_readable(result: CommandResult, words: list[str]) -> None:
    """Assert that a command failed with an error that contains all `words` and no traceback."""
    assert result.code != 0, f"accepted: {result.text}"
    assert "Traceback" not in result.text, result.text
    for word in words:
        assert word in result.text, f"{word!r} is not in: {result.text}"
