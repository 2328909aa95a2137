"""Comments and issues of GitHub, by the PyGithub library."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import requests
from github import Auth, Github, GithubException, RateLimitExceededException
from github.NamedUser import NamedUser
from github.Organization import Organization

from automation.comment.forge import Comment, Unavailable
from automation.comment.target import Target
from automation.errors import UserError

_TIMEOUT_SECONDS = 30
_PAGE_SIZE = 100
_EXPLANATIONS = {
    401: "the token is not accepted; give a valid one in GITHUB_TOKEN",
    403: "the token lacks the permission `{needs}: write` (tokens of workflows in forks never have it)",
    404: "not found, or the token cannot see it; check --github and the token's repositories",
    410: "comments or issues are disabled in the repository",
    422: "GitHub rejects the text; check whether the conversation is locked",
}


class _GitHubApi:
    """The base class for access to GitHub comments and issues. `url` is the address of the API."""

    limit = 65_536
    needs = ""
    """The permission that the token of a workflow needs."""

    def __init__(self, target: Target, *, token: str, url: str) -> None:
        self._target_name = f"GitHub {target.project}" + (f"#{target.number}" if target.number else "")
        # The client must not retry: the caller retries, after a check whether the comment was created.
        # Pauses between the few requests of a command are unnecessary.
        self._api = Github(
            auth=Auth.Token(token),
            base_url=url,
            timeout=_TIMEOUT_SECONDS,
            per_page=_PAGE_SIZE,
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
            lazy=True,
        )
        self._repository = self._api.get_repo(target.project)

    def _login(self) -> str:
        """Return the name of the account that owns the token; empty for the token of a GitHub workflow."""
        try:
            return self._api.get_user().login
        except RateLimitExceededException:
            raise
        except GithubException as error:
            if error.status == 403:
                return ""
            raise

    @contextmanager
    def _converted_errors(self) -> Iterator[None]:
        """Convert errors of the client library to `Unavailable` or `UserError`.

        The texts of the library's errors are dropped, because they can contain any data, including the
        token.
        """
        try:
            yield
        except RateLimitExceededException as error:
            raise Unavailable(
                f"{self._target_name}: GitHub limits the requests", _requested_wait(error.headers)
            ) from None
        except GithubException as error:
            if error.status == 429 or error.status >= 500:
                raise Unavailable(
                    f"{self._target_name}: GitHub responds {error.status}", _requested_wait(error.headers)
                ) from None
            explanation = _EXPLANATIONS.get(error.status, "unexpected response").format(needs=self.needs)
            raise UserError(f"{self._target_name}: {error.status}: {explanation}") from None
        except requests.RequestException as error:
            raise Unavailable(f"{self._target_name}: cannot be reached ({type(error).__name__})") from None


class GitHub(_GitHubApi):
    """Access to the comments of a GitHub pull request."""

    needs = "pull-requests"

    def __init__(self, target: Target, *, token: str, url: str) -> None:
        super().__init__(target, token=token, url=url)
        self._request = self._repository.get_issue(target.number)

    def find(self, marker: str) -> Comment | None:
        """Find a comment; see Forge.find."""
        with self._converted_errors():
            login = self._login()
            for comment in self._request.get_comments():
                if comment.body.startswith(marker) and _is_own(comment.user, login):
                    return Comment(comment.id, comment.html_url)
            return None

    def create(self, body: str) -> Comment:
        """Create a comment; see Forge.create."""
        with self._converted_errors():
            issue_or_comment = self._request.create_comment(body)
            return Comment(issue_or_comment.id, issue_or_comment.html_url)

    def update(self, comment: Comment, body: str) -> Comment:
        """Update a comment; see Forge.update."""
        with self._converted_errors():
            self._request.get_comment(comment.number).edit(body)
            return comment


class GitHubIssues(_GitHubApi):
    """Access to the open issues with the label `label` in a GitHub repository."""

    needs = "issues"

    def __init__(self, target: Target, *, token: str, title: str, label: str, url: str) -> None:
        super().__init__(target, token=token, url=url)
        self._title = title
        self._label = label

    def find(self, marker: str) -> Comment | None:
        """Find an open issue; see Forge.find."""
        with self._converted_errors():
            login = self._login()
            for issue in self._repository.get_issues(state="open", labels=[self._label]):
                if (issue.body or "").startswith(marker) and _is_own(issue.user, login):
                    return Comment(issue.number, issue.html_url)
            return None

    def create(self, body: str) -> Comment:
        """Open an issue; see Forge.create. The forge creates a missing label."""
        with self._converted_errors():
            issue_or_comment = self._repository.create_issue(
                title=self._title, body=body, labels=[self._label]
            )
            return Comment(issue_or_comment.number, issue_or_comment.html_url)

    def update(self, comment: Comment, body: str) -> Comment:
        """Update an issue; see Forge.update."""
        with self._converted_errors():
            self._repository.get_issue(comment.number).edit(body=body)
            return comment


def _is_own(user: NamedUser | Organization, login: str) -> bool:
    """Check whether the author `user` is the account `login`, or is a bot if `login` is empty (unknown)."""
    return user.login == login if login else user.type == "Bot"


def _requested_wait(headers: Mapping[str, str] | None) -> float | None:
    """Return how many seconds GitHub asks the client to wait; None if the headers contain no such request.

    Source: https://docs.github.com/rest/using-the-rest-api/rate-limits
    """
    lower = {key.lower(): value for key, value in (headers or {}).items()}
    if lower.get("retry-after", "").isdigit():
        return float(lower["retry-after"])
    if lower.get("x-ratelimit-remaining") == "0" and lower.get("x-ratelimit-reset", "").isdigit():
        return float(lower["x-ratelimit-reset"]) - time.time() + 1
    return None
