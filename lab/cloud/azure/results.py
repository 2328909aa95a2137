"""Results of requests to the emulated management API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from lab.cloud.azure.resources import Body


class Refused(Exception):
    """The API refuses a request."""

    def __init__(self, status: HTTPStatus, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass(frozen=True, slots=True)
class Response:
    """A response of the API."""

    status: HTTPStatus
    body: Body
    headers: Mapping[str, str] = field(default_factory=dict)
