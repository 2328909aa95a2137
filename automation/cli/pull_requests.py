"""Commands for checks of changes: reports on GitHub and GitLab (`comment`, `issue`), and `policy-pack`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from automation.comment import select
from automation.comment.post import post
from automation.errors import UserError
from automation.policy_pack import write_policy_pack

PANEL = "Pull requests"

_Report = Annotated[Path, typer.Option("--report", help="The Markdown file to post.")]
_Stack = Annotated[str, typer.Option("--stack", "-s", help="Name of the stack that the report describes.")]
_GitHub = Annotated[str, typer.Option("--github", help="owner/repository#12; token in GITHUB_TOKEN.")]
_GitLab = Annotated[str, typer.Option("--gitlab", help="group/project!12; token in GITLAB_TOKEN.")]
_GitHubProject = Annotated[str, typer.Option("--github", help="owner/repository; token in GITHUB_TOKEN.")]
_GitLabProject = Annotated[str, typer.Option("--gitlab", help="group/project; token in GITLAB_TOKEN.")]
_Url = Annotated[str, typer.Option("--api-url", help="Address of a self-hosted GitHub API or GitLab server.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    for command in (comment, issue):
        app.command(rich_help_panel=PANEL)(command)
    app.command("policy-pack", rich_help_panel=PANEL)(export_policy_pack)


def comment(
    report: _Report, stack: _Stack = "dev", github: _GitHub = "", gitlab: _GitLab = "", api_url: _Url = ""
) -> None:
    """Post a report on a pull or merge request, or update it."""
    text = _read_report(report)
    posted = post(select.select_pull_request(github, gitlab, api_url, os.environ), stack, text)
    print(f"comment {'posted' if posted.created else 'updated'}: {posted.comment.url}")


def issue(
    report: _Report,
    stack: _Stack = "dev",
    github: _GitHubProject = "",
    gitlab: _GitLabProject = "",
    api_url: _Url = "",
) -> None:
    """Open an issue about the drift of a stack, or update it."""
    text = _read_report(report)
    posted = post(select.select_drift_issues(stack, github, gitlab, api_url, os.environ), stack, text)
    print(f"issue {'opened' if posted.created else 'updated'}: {posted.comment.url}")


def export_policy_pack(
    directory: Annotated[Path, typer.Option("--directory", help="New directory for the policy pack.")],
) -> None:
    """Write the policies as a policy pack that Pulumi can publish."""
    write_policy_pack(directory)
    print(f"{directory}: run `pulumi policy publish ORGANIZATION` in this directory")


def _read_report(path: Path) -> str:
    try:
        text = path.read_text()
    except OSError as error:
        raise UserError(f"--report {path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"--report {path}: not a text file") from None
    if not text.strip():
        raise UserError(f"--report {path}: the file is empty; nothing was posted")
    return text
