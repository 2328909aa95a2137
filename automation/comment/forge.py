"""What GitHub and GitLab have in common: find the comment, make it, change it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment that is there: its id, and its address for people (empty where the forge gives none)."""

    number: int
    url: str


class Unavailable(Exception):
    """The forge cannot answer now: it is overloaded, or limits the rate.

    `wait`: seconds until it may, where it says so.
    """

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class Forge(Protocol):
    """The comments of one pull or merge request, or the open issues of a project.

    Every method raises `Unavailable` when another try may succeed, and `UserError` when none will.
    """

    limit: int
    """Characters that a text may have."""

    def find(self, marker: str) -> Comment | None:
        """The first comment that begins with the marker and was written by the token's own account.

        Somebody else's comment with the marker is never taken: who wrote it could change it afterwards,
        and what stands there would look like a report.
        """
        ...

    def create(self, body: str) -> Comment:
        """Makes a comment."""
        ...

    def update(self, comment: Comment, body: str) -> Comment:
        """Gives a comment another text."""
        ...
