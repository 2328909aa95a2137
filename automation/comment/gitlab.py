"""GitLab, by python-gitlab."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import gitlab
import requests
from gitlab.v4.objects import ProjectMergeRequest

from automation.comment.forge import Comment, Unavailable
from automation.comment.target import Target
from automation.errors import UserError

URL = "https://gitlab.com"
_SECONDS = 30
_PAGE = 100
# Trying again is our caller's: it first looks whether the comment was made after all.
_NO_RETRY: dict[str, Any] = {"obey_rate_limit": False, "retry_transient_errors": False}
_MEANS = {
    401: "the token is not accepted; give a valid one in GITLAB_TOKEN",
    403: "the token may not do this; it needs the scope `api` and the role Reporter or higher",
    404: "not found, or the token cannot see it; check --gitlab and the token's project",
}


class GitLab:
    """A merge request on GitLab. `url` is the server's address, without `/api/v4`."""

    limit = 1_000_000

    def __init__(self, target: Target, *, token: str, url: str = URL) -> None:
        self._target = target
        self._url = url
        self._api = gitlab.Gitlab(url, private_token=token, timeout=_SECONDS, keep_base_url=True)
        project = self._api.projects.get(target.project, lazy=True)
        self._request: ProjectMergeRequest = project.mergerequests.get(target.number, lazy=True)

    def find(self, marker: str) -> Comment | None:
        """See `Forge.find`."""
        with self._explained():
            own = cast("dict[str, Any]", self._api.http_get("/user", **_NO_RETRY))["id"]
            notes = self._request.notes.list(
                iterator=True, per_page=_PAGE, order_by="created_at", sort="asc", **_NO_RETRY
            )
            for note in notes:
                if note.body.startswith(marker) and note.author["id"] == own:
                    return self._comment(note.id)
            return None

    def create(self, body: str) -> Comment:
        """See `Forge.create`."""
        with self._explained():
            note = self._request.notes.create({"body": body}, **_NO_RETRY)
            return self._comment(note.id)

    def update(self, comment: Comment, body: str) -> Comment:
        """See `Forge.update`."""
        with self._explained():
            self._request.notes.update(comment.number, {"body": body}, **_NO_RETRY)
            return comment

    def _comment(self, number: int) -> Comment:
        request = f"{self._url}/{self._target.project}/-/merge_requests/{self._target.number}"
        return Comment(number, f"{request}#note_{number}")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turns the library's errors into ours, without their texts: a proxy may have put anything there."""
        where = f"GitLab {self._target.project}!{self._target.number}"
        try:
            yield
        except gitlab.GitlabError as error:
            code = error.response_code or 0
            if code == 429 or code >= 500:
                raise Unavailable(f"{where}: GitLab answers {code}") from None
            means = _MEANS.get(code, "an answer that is not expected; check --api-url")
            raise UserError(f"{where}: {code or 'no answer of its API'}: {means}") from None
        except requests.RequestException as error:
            raise Unavailable(f"{where}: cannot be reached ({type(error).__name__})") from None
