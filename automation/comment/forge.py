"""The interface of GitHub and GitLab: find, create and update a comment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Comment:
    """An existing comment: its ID and its web address (empty if the forge provides none)."""

    number: int
    url: str


class Unavailable(Exception):
    """The forge is overloaded, unreachable or limits the rate of requests.

    `wait` is the number of seconds to wait, if the forge specifies it.
    """

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class Forge(Protocol):
    """The comments of one pull or merge request, or the open issues of a project.

    Every method raises Unavailable when a retry can succeed, and UserError otherwise.
    """

    limit: int
    """Maximum number of characters of a text."""

    def find(self, marker: str) -> Comment | None:
        """Return the first comment that begins with the marker and belongs to the account of the token.

        Comments of other accounts are ignored: their authors could change them later to look like a report.
        """
        ...

    def create(self, body: str) -> Comment:
        """Create a comment."""
        ...

    def update(self, comment: Comment, body: str) -> Comment:
        """Replace the text of a comment."""
        ...
