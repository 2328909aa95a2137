"""`kubewright comment` and `kubewright issue`."""

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

LABEL = "kubewright-drift"
"""The label of issues; it is how they are found again."""

_Report = Annotated[Path, typer.Option("--report", help="The Markdown file to post.")]
_Stack = Annotated[str, typer.Option("--stack", "-s", help="Whose report: each stack has one.")]
_GitHub = Annotated[str, typer.Option("--github", help="owner/repository#12; token in GITHUB_TOKEN.")]
_GitLab = Annotated[str, typer.Option("--gitlab", help="group/project!12; token in GITLAB_TOKEN.")]
_GitHubProject = Annotated[str, typer.Option("--github", help="owner/repository; token in GITHUB_TOKEN.")]
_GitLabProject = Annotated[str, typer.Option("--gitlab", help="group/project; token in GITLAB_TOKEN.")]
_Url = Annotated[
    str, typer.Option("--api-url", help="GitHub's API or GitLab's server, where it is one of your own.")
]


def register(app: typer.Typer) -> None:
    """Adds the commands to the program's."""
    app.command("comment")(comment)
    app.command("issue")(issue)


def comment(
    report: _Report, stack: _Stack = "dev", github: _GitHub = "", gitlab: _GitLab = "", api_url: _Url = ""
) -> None:
    """Post a report on a pull or merge request, or update the one that is there."""
    text = _read(report)
    posted = post(forge(github, gitlab, api_url, os.environ), stack, text)
    print(f"comment {'posted' if posted.created else 'updated'}: {posted.comment.url}")


def issue(
    report: _Report,
    stack: _Stack = "dev",
    github: _GitHubProject = "",
    gitlab: _GitLabProject = "",
    api_url: _Url = "",
) -> None:
    """Open an issue that a stack is not as it should be, or update the one that is open."""
    text = _read(report)
    posted = post(issues(stack, github, gitlab, api_url, os.environ), stack, text)
    print(f"issue {'opened' if posted.created else 'updated'}: {posted.comment.url}")


def forge(github: str, gitlab: str, api_url: str, variables: Mapping[str, str]) -> Forge:
    """The pull or merge request that the options name. Raises `UserError`, also when the token is missing.

    Without `api_url`, what CI says (GITHUB_API_URL, CI_SERVER_URL), then the public service.
    """
    if _one_of(github, gitlab, "owner/repository#12", "group/project!12"):
        from automation.comment.github import GitHub

        return GitHub(
            target.github(github), token=_token(variables, "GITHUB_TOKEN"), url=_api(api_url, variables)
        )
    from automation.comment.gitlab import GitLab

    return GitLab(
        target.gitlab(gitlab), token=_token(variables, "GITLAB_TOKEN"), url=_server(api_url, variables)
    )


def issues(stack: str, github: str, gitlab: str, api_url: str, variables: Mapping[str, str]) -> Forge:
    """The project's issues that the options name. Raises as `forge` does."""
    title = f"Stack {stack}: drift"
    if _one_of(github, gitlab, "owner/repository", "group/project"):
        from automation.comment.github import GitHubIssues

        return GitHubIssues(
            target.github_project(github),
            token=_token(variables, "GITHUB_TOKEN"),
            title=title,
            label=LABEL,
            url=_api(api_url, variables),
        )
    from automation.comment.gitlab import GitLabIssues

    return GitLabIssues(
        target.gitlab_project(gitlab),
        token=_token(variables, "GITLAB_TOKEN"),
        title=title,
        label=LABEL,
        url=_server(api_url, variables),
    )


def _one_of(github: str, gitlab: str, like_github: str, like_gitlab: str) -> bool:
    """Whether it is GitHub. Clients take a third of a second to import: each is where it is used."""
    if bool(github) == bool(gitlab):
        raise UserError(f"name one of --github {like_github} and --gitlab {like_gitlab}")
    return bool(github)


def _api(url: str, variables: Mapping[str, str]) -> str:
    return target.checked(url or variables.get("GITHUB_API_URL") or "https://api.github.com")


def _server(url: str, variables: Mapping[str, str]) -> str:
    return target.checked(url or variables.get("CI_SERVER_URL") or "https://gitlab.com")


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
