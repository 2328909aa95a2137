"""GitLab, by python-gitlab."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import gitlab
import requests

from automation.comment.forge import Comment, Unavailable
from automation.comment.target import Target
from automation.errors import UserError

_SECONDS = 30
_PAGE = 100
# Trying again is our caller's: it first looks whether the comment was made after all.
_NO_RETRY: dict[str, Any] = {"obey_rate_limit": False, "retry_transient_errors": False}
_PAGES: dict[str, Any] = {"iterator": True, "per_page": _PAGE, **_NO_RETRY}
_MEANS = {
    401: "the token is not accepted; give a valid one in GITLAB_TOKEN",
    403: "the token may not do this; it needs the scope `api` and the role Reporter or higher",
    404: "not found, or the token cannot see it; check --gitlab and the token's project",
}


class _Api:
    """What comments and issues share. `url` is the server's address, without `/api/v4`."""

    limit = 1_000_000

    def __init__(self, target: Target, *, token: str, url: str) -> None:
        self._where = f"GitLab {target.project}" + (f"!{target.number}" if target.number else "")
        self._api = gitlab.Gitlab(url, private_token=token, timeout=_SECONDS, keep_base_url=True)
        self._project = self._api.projects.get(target.project, lazy=True)
        self._page = f"{url}/{target.project}/-"

    def _own(self) -> int:
        """The id of the token's account."""
        return int(cast("dict[str, Any]", self._api.http_get("/user", **_NO_RETRY))["id"])

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turns the library's errors into ours, without their texts: a proxy may have put anything there."""
        try:
            yield
        except gitlab.GitlabError as error:
            code = error.response_code or 0
            if code == 429 or code >= 500:
                raise Unavailable(f"{self._where}: GitLab answers {code}") from None
            means = _MEANS.get(code, "an answer that is not expected; check --api-url")
            raise UserError(f"{self._where}: {code or 'no answer of its API'}: {means}") from None
        except requests.RequestException as error:
            raise Unavailable(f"{self._where}: cannot be reached ({type(error).__name__})") from None


class GitLab(_Api):
    """The notes of a merge request."""

    def __init__(self, target: Target, *, token: str, url: str) -> None:
        super().__init__(target, token=token, url=url)
        self._request = self._project.mergerequests.get(target.number, lazy=True)
        self._page += f"/merge_requests/{target.number}"

    def find(self, marker: str) -> Comment | None:
        """See `Forge.find`."""
        with self._explained():
            own = self._own()
            for note in self._request.notes.list(order_by="created_at", sort="asc", **_PAGES):
                if note.body.startswith(marker) and note.author["id"] == own:
                    return self._comment(note.id)
            return None

    def create(self, body: str) -> Comment:
        """See `Forge.create`."""
        with self._explained():
            return self._comment(self._request.notes.create({"body": body}, **_NO_RETRY).id)

    def update(self, comment: Comment, body: str) -> Comment:
        """See `Forge.update`."""
        with self._explained():
            self._request.notes.update(comment.number, {"body": body}, **_NO_RETRY)
            return comment

    def _comment(self, number: int) -> Comment:
        return Comment(number, f"{self._page}#note_{number}")


class GitLabIssues(_Api):
    """The open issues of a project that have a label."""

    def __init__(self, target: Target, *, token: str, title: str, label: str, url: str) -> None:
        super().__init__(target, token=token, url=url)
        self._title = title
        self._label = label

    def find(self, marker: str) -> Comment | None:
        """See `Forge.find`."""
        with self._explained():
            own = self._own()
            for issue in self._project.issues.list(state="opened", labels=self._label, **_PAGES):
                if (issue.description or "").startswith(marker) and issue.author["id"] == own:
                    return self._issue(issue.iid)
            return None

    def create(self, body: str) -> Comment:
        """See `Forge.create`. A label that is not there yet is made."""
        with self._explained():
            wanted = {"title": self._title, "description": body, "labels": self._label}
            return self._issue(self._project.issues.create(wanted, **_NO_RETRY).iid)

    def update(self, comment: Comment, body: str) -> Comment:
        """See `Forge.update`."""
        with self._explained():
            self._project.issues.update(comment.number, {"description": body}, **_NO_RETRY)
            return comment

    def _issue(self, number: int) -> Comment:
        return Comment(number, f"{self._page}/issues/{number}")
