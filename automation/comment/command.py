"""`kubewright comment`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from automation.comment import target
from automation.comment.forge import Forge
from automation.comment.post import post
from automation.errors import UserError

_Report = Annotated[Path, typer.Option("--report", help="The Markdown file to post.")]
_Stack = Annotated[str, typer.Option("--stack", "-s", help="Whose report: each stack has one comment.")]
_GitHub = Annotated[str, typer.Option("--github", help="owner/repository#12; token in GITHUB_TOKEN.")]
_GitLab = Annotated[str, typer.Option("--gitlab", help="group/project!12; token in GITLAB_TOKEN.")]
_Url = Annotated[
    str, typer.Option("--api-url", help="GitHub's API or GitLab's server, where it is one of your own.")
]


def register(app: typer.Typer) -> None:
    """Adds the command to the program's."""
    app.command("comment")(comment)


def comment(
    report: _Report, stack: _Stack = "dev", github: _GitHub = "", gitlab: _GitLab = "", api_url: _Url = ""
) -> None:
    """Post a report on a pull or merge request, or update the one that is there."""
    text = _read(report)
    posted = post(forge(github, gitlab, api_url, os.environ), stack, text)
    print(f"comment {'posted' if posted.created else 'updated'}: {posted.comment.url}")


def forge(github: str, gitlab: str, api_url: str, variables: Mapping[str, str]) -> Forge:
    """The forge that the options name. Raises `UserError`, also when the token is missing.

    Without `api_url`, what CI says (GITHUB_API_URL, CI_SERVER_URL), then the public service.
    """
    if bool(github) == bool(gitlab):
        raise UserError("name one of --github owner/repository#12 and --gitlab group/project!12")
    # Libraries that no other command needs, a third of a second.
    if github:
        from automation.comment.github import API, GitHub

        url = api_url or variables.get("GITHUB_API_URL") or API
        wanted = target.github(github)
        return GitHub(wanted, token=_token(variables, "GITHUB_TOKEN"), url=target.checked(url))
    from automation.comment.gitlab import URL, GitLab

    url = api_url or variables.get("CI_SERVER_URL") or URL
    return GitLab(target.gitlab(gitlab), token=_token(variables, "GITLAB_TOKEN"), url=target.checked(url))


def _token(variables: Mapping[str, str], name: str) -> str:
    token = variables.get(name, "").strip()
    if not token:
        raise UserError(f"{name}: empty or not set; the token comes from the environment alone")
    if not token.isascii() or not token.isprintable() or " " in token:
        # The client would show it in its own error about an illegal header.
        raise UserError(f"{name}: holds characters that no token has")
    return token


def _read(path: Path) -> str:
    try:
        text = path.read_text()
    except OSError as error:
        raise UserError(f"--report {path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"--report {path}: is no text") from None
    if not text.strip():
        raise UserError(f"--report {path}: is empty; nothing was posted")
    return text
