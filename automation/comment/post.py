"""Posts reports: one comment for each stack. A later report replaces the comment."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from automation.comment.forge import Comment, Forge, Unavailable
from automation.errors import UserError

ATTEMPTS = 5
MAX_WAIT = 60.0
"""Maximum number of seconds between two attempts, also when the forge requests more."""


@dataclass(frozen=True, slots=True)
class PostResult:
    """The result of posting: the comment, and whether the comment was created."""

    comment: Comment
    created: bool


def marker(stack: str) -> str:
    """Return the hidden first line that identifies the comment of a stack."""
    return f"<!-- kubewright:report:{quote(stack, safe='')} -->"


def post(forge: Forge, stack: str, report: str, *, sleep: Callable[[float], None] = time.sleep) -> PostResult:
    """Create or update the comment of a stack. `report` is Markdown.

    Every attempt searches for the comment again, so that a failed attempt that already created the comment
    does not cause a second comment. Raise UserError when the forge rejects the comment or fails `ATTEMPTS`
    times.
    """
    body = f"{marker(stack)}\n{report}"
    if len(body) > forge.limit:
        raise UserError(f"--report: {len(body)} characters; a comment can have at most {forge.limit}")
    retrying = Retrying(
        retry=retry_if_exception_type(Unavailable),
        stop=stop_after_attempt(ATTEMPTS),
        wait=_wait_seconds,
        sleep=sleep,
        reraise=True,
    )
    try:
        return retrying(_post_once, forge, marker(stack), body)
    except Unavailable as error:
        raise UserError(f"{error}; failed {ATTEMPTS} times, run this command again later") from None


def _wait_seconds(state: RetryCallState) -> float:
    """Return the number of seconds to wait before the next attempt.

    The forge can specify the number. Otherwise the number doubles with every attempt. The maximum is
    `MAX_WAIT`.
    """
    error = state.outcome.exception() if state.outcome else None
    requested = error.wait if isinstance(error, Unavailable) else None
    seconds = 2.0**state.attempt_number if requested is None else requested
    return min(max(seconds, 0.0), MAX_WAIT)


def _post_once(forge: Forge, marker: str, body: str) -> PostResult:
    existing = forge.find(marker)
    if existing is None:
        return PostResult(forge.create(body), created=True)
    return PostResult(forge.update(existing, body), created=False)
