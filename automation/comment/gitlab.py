"""Comments ("notes") and issues of GitLab, by the python-gitlab library."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import gitlab
import requests

from automation.comment.forge import Comment, Unavailable
from automation.comment.target import Target
from automation.errors import UserError

_TIMEOUT_SECONDS = 30
_PAGE_SIZE = 100
# The client must not retry: the caller retries, after a check whether the comment was created.
_NO_RETRY: dict[str, Any] = {"obey_rate_limit": False, "retry_transient_errors": False}
_LIST_OPTIONS: dict[str, Any] = {"iterator": True, "per_page": _PAGE_SIZE, **_NO_RETRY}
_EXPLANATIONS = {
    401: "the token is not accepted; give a valid one in GITLAB_TOKEN",
    403: "the token lacks permissions; it needs the scope `api` and the role Reporter or higher",
    404: "not found, or the token cannot see it; check --gitlab and the token's project",
}


class _GitLabApi:
    """The base class for access to GitLab notes and issues.

    `url` is the address of the server, without `/api/v4`.
    """

    limit = 1_000_000

    def __init__(self, target: Target, *, token: str, url: str) -> None:
        self._target_name = f"GitLab {target.project}" + (f"!{target.number}" if target.number else "")
        self._api = gitlab.Gitlab(url, private_token=token, timeout=_TIMEOUT_SECONDS, keep_base_url=True)
        self._project = self._api.projects.get(target.project, lazy=True)
        self._web_address = f"{url}/{target.project}/-"

    def _account(self) -> int:
        """Return the ID of the account of the token."""
        return int(cast("dict[str, Any]", self._api.http_get("/user", **_NO_RETRY))["id"])

    @contextmanager
    def _converted_errors(self) -> Iterator[None]:
        """Convert errors of the client library to `Unavailable` or `UserError`.

        The texts of the library's errors are dropped, because they can contain any data, including the
        token.
        """
        try:
            yield
        except gitlab.GitlabError as error:
            code = error.response_code or 0
            if code == 429 or code >= 500:
                raise Unavailable(f"{self._target_name}: GitLab responds {code}") from None
            explanation = _EXPLANATIONS.get(code, "unexpected response; check --api-url")
            raise UserError(
                f"{self._target_name}: {code or 'no response of the API'}: {explanation}"
            ) from None
        except requests.RequestException as error:
            raise Unavailable(f"{self._target_name}: cannot be reached ({type(error).__name__})") from None


class GitLab(_GitLabApi):
    """Access to the notes of a GitLab merge request."""

    def __init__(self, target: Target, *, token: str, url: str) -> None:
        super().__init__(target, token=token, url=url)
        self._request = self._project.mergerequests.get(target.number, lazy=True)
        self._web_address += f"/merge_requests/{target.number}"

    def find(self, marker: str) -> Comment | None:
        """Find a comment; see Forge.find."""
        with self._converted_errors():
            account = self._account()
            for note in self._request.notes.list(order_by="created_at", sort="asc", **_LIST_OPTIONS):
                if note.body.startswith(marker) and note.author["id"] == account:
                    return self._comment(note.id)
            return None

    def create(self, body: str) -> Comment:
        """Create a comment; see Forge.create."""
        with self._converted_errors():
            return self._comment(self._request.notes.create({"body": body}, **_NO_RETRY).id)

    def update(self, comment: Comment, body: str) -> Comment:
        """Update a comment; see Forge.update."""
        with self._converted_errors():
            self._request.notes.update(comment.number, {"body": body}, **_NO_RETRY)
            return comment

    def _comment(self, number: int) -> Comment:
        return Comment(number, f"{self._web_address}#note_{number}")


class GitLabIssues(_GitLabApi):
    """Access to the open issues with the label `label` in a GitLab project."""

    def __init__(self, target: Target, *, token: str, title: str, label: str, url: str) -> None:
        super().__init__(target, token=token, url=url)
        self._title = title
        self._label = label

    def find(self, marker: str) -> Comment | None:
        """Find an open issue; see Forge.find."""
        with self._converted_errors():
            account = self._account()
            for issue in self._project.issues.list(state="opened", labels=self._label, **_LIST_OPTIONS):
                if (issue.description or "").startswith(marker) and issue.author["id"] == account:
                    return self._issue(issue.iid)
            return None

    def create(self, body: str) -> Comment:
        """Open an issue; see Forge.create. The forge creates a missing label."""
        with self._converted_errors():
            fields = {"title": self._title, "description": body, "labels": self._label}
            return self._issue(self._project.issues.create(fields, **_NO_RETRY).iid)

    def update(self, comment: Comment, body: str) -> Comment:
        """Update an issue; see Forge.update."""
        with self._converted_errors():
            self._project.issues.update(comment.number, {"description": body}, **_NO_RETRY)
            return comment

    def _issue(self, number: int) -> Comment:
        return Comment(number, f"{self._web_address}/issues/{number}")
