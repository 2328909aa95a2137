"""A loopback server that emulates GitHub's and GitLab's APIs for comments and issues.

Responses follow https://docs.github.com/rest/issues/comments and https://docs.gitlab.com/api/notes: pages
with their headers, status codes, authors. `ForgeServer.failures` replaces the next responses with errors.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

PROJECT = "group/cluster"
NUMBER = 12
TOKEN = "t0ken-that-must-stay-secret"
_MAX_PAGE_SIZE = 100


@dataclass(frozen=True)
class Failure:
    """A pending error response, for requests of one method or, if `method` is empty, of any method.

    With `after`, the server carries out the request, and the error replaces only the response.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)
    method: str = ""
    after: bool = False


@dataclass
class ForgeServer:
    """The state of the emulated forge: comments in order, received requests, and errors to send."""

    comments: list[dict[str, Any]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    may_read_account: bool = True
    """Whether the token may read its account; the token of a workflow may not."""
    url: str = ""

    def add(self, body: str, *, author: int = 1) -> dict[str, Any]:
        """Add a comment and return it. Author 1 is the account of the token."""
        number = 1000 + len(self.comments)
        self.comments.append({"id": number, "body": body, "author": author})
        return self.comments[-1]

    def texts(self) -> list[str]:
        """Return the texts of all comments."""
        return [comment["body"] for comment in self.comments]

    def take_failure(self, method: str) -> Failure | None:
        """Remove and return the first pending failure if it is for this HTTP method; otherwise return
        None.
        """
        if self.failures and self.failures[0].method in ("", method):
            return self.failures.pop(0)
        return None


Response = tuple[int, Any, dict[str, str]]
"""Status code, JSON body and headers."""


class _Handler(BaseHTTPRequestHandler):
    """A handler for requests to both APIs."""

    server_version = "forges"
    forge: ForgeServer
    protocol_version = "HTTP/1.1"

    def _handle(self) -> None:
        url = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        self.forge.requests.append(f"{self.command} {unquote(url.path)}")
        failure = self.forge.take_failure(self.command)
        response: Response | None = None
        if failure is None or failure.after:
            response = self._respond(url.path, parse_qs(url.query), body)
        if failure is not None:
            response = (failure.status, failure.body, failure.headers)
        assert response is not None
        self._send(*response)

    do_GET = do_POST = do_PATCH = do_PUT = _handle

    def _respond(self, path: str, query: dict[str, list[str]], body: dict[str, Any]) -> Response:
        tokens = (self.headers.get("Authorization"), self.headers.get("PRIVATE-TOKEN"))
        if TOKEN not in (tokens[1], (tokens[0] or "").removeprefix("token ").removeprefix("Bearer ")):
            return 401, {"message": "Bad credentials"}, {}
        routes: dict[str, Callable[..., Response]] = {
            r"GET /user": self._github_user,
            rf"(GET|POST) /repos/{PROJECT}/issues/{NUMBER}/comments": self._github_comments,
            rf"PATCH /repos/{PROJECT}/issues/comments/(\d+)": self._update_github_comment,
            rf"(GET|POST) /repos/{PROJECT}/issues": self._github_issues,
            rf"PATCH /repos/{PROJECT}/issues/(\d+)": self._update_github_issue,
            r"GET /api/v4/user": lambda query, body: (200, {"id": 1, "username": "robot"}, {}),
            rf"(GET|POST) /api/v4/projects/{PROJECT}/merge_requests/{NUMBER}/notes": self._gitlab_notes,
            rf"PUT /api/v4/projects/{PROJECT}/merge_requests/{NUMBER}/notes/(\d+)": self._update_gitlab_note,
            rf"(GET|POST) /api/v4/projects/{PROJECT}/issues": self._gitlab_issues,
            rf"PUT /api/v4/projects/{PROJECT}/issues/(\d+)": self._update_gitlab_issue,
        }
        for pattern, handle in routes.items():
            match = re.fullmatch(pattern, f"{self.command} {unquote(path)}")
            if match:
                numbers = [word for word in match.groups() if word.isdigit()]
                return handle(*numbers, query=query, body=body)
        return 404, {"message": "Not Found"}, {}

    def _page(self, query: dict[str, list[str]]) -> tuple[list[dict[str, Any]], int, int]:
        size = min(int(query.get("per_page", ["20"])[0]), _MAX_PAGE_SIZE)
        page = int(query.get("page", ["1"])[0])
        pages = max(1, -(-len(self.forge.comments) // size))
        return self.forge.comments[(page - 1) * size : page * size], page, pages

    def _update_comment(self, number: str, body: dict[str, Any]) -> dict[str, Any] | None:
        comment = next((item for item in self.forge.comments if item["id"] == int(number)), None)
        if comment is not None:
            comment["body"] = body["body"]
        return comment

    # GitHub

    def _github_user(self, query: Any, body: Any) -> Response:  # noqa: ANN401
        if not self.forge.may_read_account:
            return 403, {"message": "Resource not accessible by integration"}, {}
        return 200, {"login": "robot", "id": 1, "type": "User"}, {}

    def _github_comments(self, query: dict[str, list[str]], body: dict[str, Any]) -> Response:
        if self.command == "POST":
            return 201, self._github_comment(self.forge.add(body["body"])), {}
        items, page, pages = self._page(query)
        headers = {}
        if page < pages:
            size = query.get("per_page", ["30"])[0]
            page_url = f"{self.forge.url}/repos/{PROJECT}/issues/{NUMBER}/comments?per_page={size}&page="
            headers["Link"] = f'<{page_url}{page + 1}>; rel="next", <{page_url}{pages}>; rel="last"'
        return 200, [self._github_comment(item) for item in items], headers

    def _update_github_comment(self, number: str, query: Any, body: dict[str, Any]) -> Response:  # noqa: ANN401
        comment = self._update_comment(number, body)
        if comment is None:
            return 404, {"message": "Not Found"}, {}
        return 200, self._github_comment(comment), {}

    def _github_comment(self, item: dict[str, Any]) -> dict[str, Any]:
        is_own = item["author"] == 1
        kind = "Bot" if is_own and not self.forge.may_read_account else "User"
        return {
            "id": item["id"],
            "body": item["body"],
            "user": {"login": "robot" if is_own else f"person-{item['author']}", "type": kind},
            "url": f"{self.forge.url}/repos/{PROJECT}/issues/comments/{item['id']}",
            "html_url": f"https://github.example/{PROJECT}/pull/{NUMBER}#issuecomment-{item['id']}",
        }

    def _github_issues(self, query: dict[str, list[str]], body: dict[str, Any]) -> Response:
        if self.command == "POST":
            return 201, self._github_issue(self._new_issue(body["body"], body["title"], body["labels"])), {}
        return 200, [self._github_issue(item) for item in self._open_issues(query, "open")], {}

    def _update_github_issue(self, number: str, query: Any, body: dict[str, Any]) -> Response:  # noqa: ANN401
        comment = self._update_comment(number, body)
        if comment is None:
            return 404, {"message": "Not Found"}, {}
        return 200, self._github_issue(comment), {}

    def _github_issue(self, item: dict[str, Any]) -> dict[str, Any]:
        page = f"https://github.example/{PROJECT}/issues/{item['id']}"
        url = f"{self.forge.url}/repos/{PROJECT}/issues/{item['id']}"
        return self._github_comment(item) | {
            "number": item["id"],
            "title": item["title"],
            "html_url": page,
            "url": url,
        }

    # Issues of both APIs

    def _new_issue(self, body: str, title: str, labels: list[str]) -> dict[str, Any]:
        item = self.forge.add(body)
        item |= {"title": title, "labels": labels, "state": "open"}
        return item

    def _open_issues(self, query: dict[str, list[str]], state: str) -> list[dict[str, Any]]:
        assert query["state"] == [state]
        labels = set(query["labels"][0].split(","))
        return [
            item
            for item in self.forge.comments
            if item.get("state") == "open" and labels <= set(item.get("labels", ()))
        ]

    # GitLab

    def _gitlab_issues(self, query: dict[str, list[str]], body: dict[str, Any]) -> Response:
        if self.command == "POST":
            issue = self._new_issue(body["description"], body["title"], body["labels"].split(","))
            return 201, self._gitlab_issue(issue), {}
        return 200, [self._gitlab_issue(item) for item in self._open_issues(query, "opened")], {}

    def _update_gitlab_issue(self, number: str, query: Any, body: dict[str, Any]) -> Response:  # noqa: ANN401
        comment = self._update_comment(number, {"body": body["description"]})
        return (
            (404, {"message": "404 Not found"}, {})
            if comment is None
            else (200, self._gitlab_issue(comment), {})
        )

    def _gitlab_issue(self, item: dict[str, Any]) -> dict[str, Any]:
        issue_fields = {"iid": item["id"], "title": item["title"], "description": item["body"]}
        return self._gitlab_note(item) | issue_fields

    def _gitlab_notes(self, query: dict[str, list[str]], body: dict[str, Any]) -> Response:
        if self.command == "POST":
            return 201, self._gitlab_note(self.forge.add(body["body"])), {}
        items, page, pages = self._page(query)
        headers = {"X-Page": str(page), "X-Next-Page": "", "X-Total-Pages": str(pages)}
        if page < pages:
            here = urlsplit(self.path)
            size = query.get("per_page", ["20"])[0]
            link = f"{self.forge.url}{here.path}?per_page={size}&page={page + 1}"
            headers |= {"X-Next-Page": str(page + 1), "Link": f'<{link}>; rel="next"'}
        return 200, [self._gitlab_note(item) for item in items], headers

    def _update_gitlab_note(self, number: str, query: Any, body: dict[str, Any]) -> Response:  # noqa: ANN401
        comment = self._update_comment(number, body)
        if comment is None:
            return 404, {"message": "404 Not found"}, {}
        return 200, self._gitlab_note(comment), {}

    def _gitlab_note(self, item: dict[str, Any]) -> dict[str, Any]:
        return {"id": item["id"], "body": item["body"], "author": {"id": item["author"]}, "system": False}

    def _send(self, status: int, body: Any, headers: dict[str, str]) -> None:  # noqa: ANN401
        data = json.dumps(body).encode()
        self.send_response(status)
        for key, value in ({"Content-Type": "application/json"} | headers).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: `requests` records the requests."""


@contextmanager
def serve_forges() -> Iterator[ForgeServer]:
    """Serve both APIs on a loopback port until the block ends."""
    forge = ForgeServer()
    handler = type("Handler", (_Handler,), {"forge": forge})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    forge.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield forge
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
