"""GitHub, by PyGithub."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import requests
from github import Auth, Github, GithubException, RateLimitExceededException
from github.IssueComment import IssueComment

from automation.comment.forge import Comment, Unavailable
from automation.comment.target import Target
from automation.errors import UserError

API = "https://api.github.com"
_SECONDS = 30
_PAGE = 100
_MEANS = {
    401: "the token is not accepted; give a valid one in GITHUB_TOKEN",
    403: "the token may not do this; it needs `pull-requests: write` (a fork's workflow has no such token)",
    404: "not found, or the token cannot see it; check --github and the token's repositories",
    410: "comments are switched off there",
    422: "GitHub refuses the comment: the conversation may be locked",
}


class GitHub:
    """A pull request on GitHub. `url` is the API's address."""

    limit = 65_536

    def __init__(self, target: Target, *, token: str, url: str = API) -> None:
        self._target = target
        # Trying again is our caller's: it first looks whether the comment was made after all.
        # So few requests need no pauses between them.
        self._api = Github(
            auth=Auth.Token(token),
            base_url=url,
            timeout=_SECONDS,
            per_page=_PAGE,
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
            lazy=True,
        )
        self._issue = self._api.get_repo(target.project).get_issue(target.number)

    def find(self, marker: str) -> Comment | None:
        """See `Forge.find`."""
        with self._explained():
            login = self._login()
            for comment in self._issue.get_comments():
                if comment.body.startswith(marker) and _is_own(comment, login):
                    return _comment(comment)
            return None

    def create(self, body: str) -> Comment:
        """See `Forge.create`."""
        with self._explained():
            return _comment(self._issue.create_comment(body))

    def update(self, comment: Comment, body: str) -> Comment:
        """See `Forge.update`."""
        with self._explained():
            found = self._issue.get_comment(comment.number)
            found.edit(body)
            return _comment(found)

    def _login(self) -> str:
        """The token's account; empty for a workflow's token, which may not ask."""
        try:
            return self._api.get_user().login
        except RateLimitExceededException:
            raise
        except GithubException as error:
            if error.status == 403:
                return ""
            raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turns the library's errors into ours, without their texts: a proxy may have put anything there."""
        where = f"GitHub {self._target.project}#{self._target.number}"
        try:
            yield
        except RateLimitExceededException as error:
            raise Unavailable(f"{where}: GitHub limits the rate of requests", _wait(error.headers)) from None
        except GithubException as error:
            if error.status == 429 or error.status >= 500:
                raise Unavailable(f"{where}: GitHub answers {error.status}", _wait(error.headers)) from None
            means = _MEANS.get(error.status, "an answer that is not expected")
            raise UserError(f"{where}: {error.status}: {means}") from None
        except requests.RequestException as error:
            raise Unavailable(f"{where}: cannot be reached ({type(error).__name__})") from None


def _is_own(comment: IssueComment, login: str) -> bool:
    return comment.user.login == login if login else comment.user.type == "Bot"


def _comment(comment: IssueComment) -> Comment:
    return Comment(comment.id, comment.html_url)


def _wait(headers: Mapping[str, str] | None) -> float | None:
    """Seconds that the answer asks to wait: https://docs.github.com/rest/using-the-rest-api/rate-limits."""
    lower = {key.lower(): value for key, value in (headers or {}).items()}
    if lower.get("retry-after", "").isdigit():
        return float(lower["retry-after"])
    if lower.get("x-ratelimit-remaining") == "0" and lower.get("x-ratelimit-reset", "").isdigit():
        return float(lower["x-ratelimit-reset"]) - time.time() + 1
    return None
