"""Posting a report: one comment for each stack, changed in place by every later report."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from automation.comment.forge import Comment, Forge, Unavailable
from automation.errors import UserError

ATTEMPTS = 5
LONGEST_WAIT = 60.0
"""Seconds between two attempts at most, whatever the forge asks for."""


@dataclass(frozen=True, slots=True)
class Posted:
    """What was done: the comment, and whether it is a new one."""

    comment: Comment
    created: bool


def marker(stack: str) -> str:
    """The hidden first line of a stack's comment."""
    return f"<!-- kubewright:report:{quote(stack, safe='')} -->"


def post(forge: Forge, stack: str, report: str, *, sleep: Callable[[float], None] = time.sleep) -> Posted:
    """Makes or changes the stack's comment. `report` is Markdown.

    An attempt that failed half-way is begun again by looking for the comment, so that none is made twice.
    Raises `UserError` when the forge refuses, or still fails after `ATTEMPTS`.
    """
    body = f"{marker(stack)}\n{report}"
    if len(body) > forge.limit:
        raise UserError(f"--report: {len(body)} characters with its marker; a comment may have {forge.limit}")
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _once(forge, marker(stack), body)
        except Unavailable as error:
            if attempt == ATTEMPTS:
                raise UserError(f"{error}; tried {ATTEMPTS} times, run this again later") from None
            wait = 2.0**attempt if error.wait is None else error.wait
            sleep(min(max(wait, 0.0), LONGEST_WAIT))
    raise AssertionError("every attempt returns or raises")


def _once(forge: Forge, marker: str, body: str) -> Posted:
    found = forge.find(marker)
    if found is None:
        return Posted(forge.create(body), created=True)
    return Posted(forge.update(found, body), created=False)
