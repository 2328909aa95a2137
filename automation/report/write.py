"""Writes reports to files: `<stack>.md` for a comment, `<stack>.html` for a browser."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from automation.environment import file_name_of_stack
from automation.errors import UserError
from automation.report.html import html_page
from automation.report.markdown import render_markdown
from automation.report.model import Report


def write_reports(directory: Path, reports: Iterable[Report]) -> None:
    """Write the Markdown and the HTML file of each stack into the directory, which is created if missing.

    Raise `UserError` when a file cannot be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for report in reports:
            name = file_name_of_stack(report.stack)
            (directory / f"{name}.md").write_text(render_markdown(report))
            (directory / f"{name}.html").write_text(html_page([report]))
    except OSError as error:
        raise UserError(f"--report: {directory}: cannot be written: {error.strerror}") from None
