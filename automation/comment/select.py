"""Selects the forge of a comment by command-line options and environment variables."""

from __future__ import annotations

from collections.abc import Mapping

from automation.comment import target
from automation.comment.forge import Forge
from automation.errors import UserError

LABEL = "kubewright-drift"
"""The label of drift issues. Later runs find the issues by this label."""


def select_pull_request(github: str, gitlab: str, api_url: str, variables: Mapping[str, str]) -> Forge:
    """Return access to the comments of the pull or merge request that the options name.

    If `api_url` is empty, use the address in the variable that CI sets (GITHUB_API_URL, CI_SERVER_URL), or
    else the address of the public service. Raise UserError when an option is wrong or the token is missing.
    """
    if _is_github(github, gitlab, "owner/repository#12", "group/project!12"):
        from automation.comment.github import GitHub

        return GitHub(
            target.parse_github_request(github),
            token=_token(variables, "GITHUB_TOKEN"),
            url=_github_url(api_url, variables),
        )
    from automation.comment.gitlab import GitLab

    return GitLab(
        target.parse_gitlab_request(gitlab),
        token=_token(variables, "GITLAB_TOKEN"),
        url=_gitlab_url(api_url, variables),
    )


def select_drift_issues(
    stack: str, github: str, gitlab: str, api_url: str, variables: Mapping[str, str]
) -> Forge:
    """Return access to the drift issues of a stack, in the project that the options name.

    Raise the same errors as `select_pull_request`.
    """
    title = f"Stack {stack}: drift"
    if _is_github(github, gitlab, "owner/repository", "group/project"):
        from automation.comment.github import GitHubIssues

        return GitHubIssues(
            target.parse_github_project(github),
            token=_token(variables, "GITHUB_TOKEN"),
            title=title,
            label=LABEL,
            url=_github_url(api_url, variables),
        )
    from automation.comment.gitlab import GitLabIssues

    return GitLabIssues(
        target.parse_gitlab_project(gitlab),
        token=_token(variables, "GITLAB_TOKEN"),
        title=title,
        label=LABEL,
        url=_gitlab_url(api_url, variables),
    )


def _is_github(github: str, gitlab: str, github_example: str, gitlab_example: str) -> bool:
    """Check whether the GitHub option is set. Raise UserError unless exactly one option is set.

    Callers import the client library after this check, because the import takes a third of a second.
    """
    if bool(github) == bool(gitlab):
        raise UserError(f"give one of --github {github_example} and --gitlab {gitlab_example}")
    return bool(github)


def _github_url(url: str, variables: Mapping[str, str]) -> str:
    return target.check_url(url or variables.get("GITHUB_API_URL") or "https://api.github.com")


def _gitlab_url(url: str, variables: Mapping[str, str]) -> str:
    return target.check_url(url or variables.get("CI_SERVER_URL") or "https://gitlab.com")


def _token(variables: Mapping[str, str], name: str) -> str:
    token = variables.get(name, "").strip()
    if not token:
        raise UserError(f"{name}: empty or not set; set the token in this environment variable")
    if not token.isascii() or not token.isprintable() or " " in token:
        # Reject invalid tokens here, because the client would print the token in its error message.
        raise UserError(f"{name}: contains characters that a token cannot contain")
    return token
