"""The interface to GitHub and GitLab: find, create and update comments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Comment:
    """An existing comment: its ID and its web address. The address is empty if the forge provides none."""

    number: int
    url: str


class Unavailable(Exception):
    """Error for a forge that is overloaded, unreachable or limits the rate of requests.

    `wait` is the number of seconds to wait, if the forge specifies a number.
    """

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class Forge(Protocol):
    """Access to the comments of one pull or merge request, or to the open issues of a project.

    Every method raises Unavailable when a retry can succeed, and UserError otherwise.
    """

    limit: int
    """Maximum number of characters of a comment."""

    def find(self, marker: str) -> Comment | None:
        """Return the first comment that begins with `marker` and was written by the account of the token.

        The marker is the hidden first line of the comment (see `automation.comment.post.marker`).

        Comments of other accounts are ignored, because their authors can edit them.
        """
        ...

    def create(self, body: str) -> Comment:
        """Create a comment."""
        ...

    def update(self, comment: Comment, body: str) -> Comment:
        """Replace the text of a comment."""
        ...
