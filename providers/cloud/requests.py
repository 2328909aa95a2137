"""Requests of the deployer to machines of a cloud, as objects in the store (docs/decisions/0022).

The deployer writes a request: a program that the machine runs with the functions of its boot program. The
machine writes a response. `answer.sh` is the part of the program that all requests have. This module imports
no SDK of a cloud.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO, Protocol

from providers.cloud.machine_config import POOLS, STATUS
from topology.model import Member

ACCEPTED = "accepted"
"""The state of a response while the script runs."""
_EXPIRED = "expired"
_LOST = "lost"
_HEAD = re.compile(r"id=(\w+)\nexpiry=(\d+)\nseconds=(\d+)\n")
_COMMENT = re.compile(r"^ *#.*\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Place:
    """The keys of the objects of one machine: a member, or the machine `node` of the pool `name`."""

    kind: str
    name: str
    node: str = ""

    @property
    def request(self) -> str:
        """The key of the request. Only one deployer at a time can create this object."""
        return self._key("request")

    def input(self, identifier: str) -> str:
        """Return the key of the standard input of the request with this id."""
        return self._key(f"input-{identifier}")

    @property
    def response(self) -> str:
        """The key of the response."""
        return f"{self._status}/response"

    @property
    def output(self) -> str:
        """The key of the standard output of the script."""
        return f"{self._status}/output"

    def status(self, role: str) -> str:
        """Return the key of the status of a role: not empty when the role is healthy."""
        return f"{self._status}/{role}"

    @property
    def error(self) -> str:
        """The key of the last failure of the boot program: empty or missing without a failure."""
        return f"{self._status}/error"

    def _key(self, name: str) -> str:
        prefix = f"{self.kind}/{self.name}"
        return f"{prefix}/{self.node}.{name}" if self.kind == POOLS else f"{prefix}/{name}"

    @property
    def _status(self) -> str:
        prefix = f"{STATUS}/{self.kind}/{self.name}"
        return f"{prefix}/{self.node}" if self.kind == POOLS else prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request. `seconds` is the time limit of the script.

    A machine refuses the request after the Unix time `expiry`. With `large`, the output can be larger than
    the memory of the machine: the machine writes the output to its disk and deletes it afterwards.
    """

    id: str
    expiry: int
    seconds: int
    script: str
    has_input: bool = False
    large: bool = False

    def text(self) -> str:
        """Return the program that the machine runs."""
        head = [
            f"id={self.id}",
            f"expiry={self.expiry}",
            f"seconds={self.seconds}",
            f"has_input={'yes' if self.has_input else 'no'}",
            f"output=${'STATE' if self.large else 'RUN'}/output",
        ]
        body = _answer_program()
        first_line = len(head) + 1 + body.count("\n") + 1
        return "\n".join([*head, f"script={first_line}", body + self.script])


@dataclass(frozen=True, slots=True)
class Response:
    """The response of a machine. `code` is the exit code of the script; None while the script runs.

    `size` is the size of the standard output in bytes, `error` the end of the standard error. `refused` is
    true when the machine did not run the script, or could not write its output.
    """

    id: str
    code: int | None
    size: int = 0
    error: str = ""
    refused: bool = False


def parse_response(text: str) -> Response | None:
    """Return the response in a text; None for a text that is not a response."""
    first, _, error = text.partition("\n")
    words = first.split()
    match words:
        case [identifier, state] if state == ACCEPTED:
            return Response(identifier, None)
        case [identifier, state, size] if size.isdigit() and (state.isdigit() or state in (_EXPIRED, _LOST)):
            if state.isdigit():
                return Response(identifier, int(state), int(size), error)
            reason = _refusal(state, error.strip())
            return Response(identifier, 1, 0, reason, refused=True)
    return None


def _refusal(state: str, detail: str) -> str:
    if state == _EXPIRED:
        return f"the request was too old when the machine read it: {detail}; correct the clock of the machine"
    return f"the machine could not write the output of the script to the store: {detail}".rstrip(": ")


def released_at(request: str) -> int:
    """Return the Unix time after which the request with this text no longer runs; 0 for an unknown text."""
    match = _HEAD.match(request)
    return int(match[2]) + int(match[3]) if match else 0


@cache
def _answer_program() -> str:
    """Return the text of `answer.sh` without comments."""
    return _COMMENT.sub("", Path(__file__).with_name("answer.sh").read_text())


class RequestStore(Protocol):
    """The objects of the store, with the credentials of the deployer.

    Methods raise `CloudFailure` when the store does not answer or refuses a call.
    """

    def create(self, key: str, text: str) -> bool:
        """Create an object. Return false when the object exists."""

    def write(self, key: str, source: BinaryIO) -> None:
        """Write an object, encrypted with the key of the store."""

    def read(self, key: str) -> str | None:
        """Return the text of an object; None for a missing object."""

    def download(self, key: str, target: BinaryIO) -> int:
        """Write the content of an object to a file. Return its size in bytes; 0 for a missing object."""

    def remove(self, *keys: str) -> None:
        """Delete objects, with their earlier versions if the cloud lets the deployer do this."""


class CloudMachines(Protocol):
    """The machines of a cluster in a cloud, and its store."""

    @property
    def store(self) -> RequestStore:
        """The store of the cluster."""

    def nodes(self, pool: str) -> tuple[Member, ...]:
        """Return the machines of a pool that the cloud does not terminate, sorted by name."""

    def replace(self, place: Place) -> bool:
        """Make the cloud replace a machine by a new machine with the newest config.

        Return whether the new machine has the same name.
        """

    def console(self, place: Place) -> str:
        """Return the newest output of the console of a machine; empty if the cloud has none."""


class CopyStore(Protocol):
    """The copies of etcd's snapshots in another region.

    Methods raise `CloudFailure` when the store does not answer or refuses a call. They need only the region
    of the copies.
    """

    def sizes(self) -> dict[str, int]:
        """Return the sizes in bytes of all objects, by their names."""

    def download(self, name: str, target: BinaryIO) -> int:
        """Write the content of an object to a file. Return its size in bytes; 0 for a missing object."""


class CloudFailure(Exception):
    """The cloud does not answer, or refuses a call. The message says why."""
