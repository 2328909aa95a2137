"""Reports as files: `<stack>.md` for the comment, `<stack>.html` for the page."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from automation.errors import UserError
from automation.report.html import page
from automation.report.markdown import markdown
from automation.report.model import Report


def write(directory: Path, reports: Iterable[Report]) -> None:
    """Writes both files of each stack into the directory, which is made. Raises `UserError`."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for report in reports:
            (directory / f"{report.stack}.md").write_text(markdown(report))
            (directory / f"{report.stack}.html").write_text(page([report]))
    except OSError as error:
        raise UserError(f"--report: {directory}: cannot be written: {error.strerror}") from None
