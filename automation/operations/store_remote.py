"""Runs scripts on machines of a cloud by requests in the store of the cluster (docs/decisions/0022).

A script, its standard input and its output are objects in the encrypted store. They are deleted when the
response has been read.
"""

from __future__ import annotations

import base64
import io
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from shlex import quote
from typing import BinaryIO

from automation.errors import UserError
from automation.operations.remote import TIMED_OUT, Remote, ScriptResult
from providers.cloud.requests import (
    CloudFailure,
    CloudMachines,
    Place,
    Request,
    RequestStore,
    Response,
    parse_response,
    released_at,
)

ACCEPT_SECONDS = 30.0
"""Time in which a machine must accept a request. Machines look for requests every 5 seconds."""
_EXPIRY_SECONDS = 120
"""Time after which a machine refuses a request. Its clock may differ from the clock of this machine."""
_MARGIN_SECONDS = 30.0
"""Time for the output of a script, after the time limit of the script."""
_INTERVAL_SECONDS = 0.5
_FAILED = 255

# Machines of a cloud have Python, which cloud-init needs. The script writes the first output in base64.
_CONNECT = """
import base64, socket, sys
address, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
try:
    with socket.create_connection((address, port), timeout=seconds) as connection:
        connection.settimeout(seconds)
        connection.sendall(sys.stdin.buffer.read())
        print(base64.b64encode(connection.recv(4096)).decode())
except OSError as error:
    sys.exit(f"no response: {error}")
"""


@dataclass(frozen=True, slots=True)
class _Answer:
    """The response to a request, and its standard output unless a file received it."""

    response: Response
    output: bytes


class StoreRemote(Remote):
    """Access to machines of a cloud.

    `open_machines` opens the store at the first use. `places` has the places of all machines by name.
    """

    def __init__(self, open_machines: Callable[[], CloudMachines], places: Mapping[str, Place]) -> None:
        self._open_machines, self.places = open_machines, places
        self._locks = {host: threading.Lock() for host in places}

    def with_places(self, places: Mapping[str, Place]) -> StoreRemote:
        """Return the same access with other machines."""
        machines = self.machines
        return StoreRemote(lambda: machines, places)

    @cached_property
    def machines(self) -> CloudMachines:
        """The machines of the cluster in the cloud. Raise UserError when the cloud does not answer."""
        try:
            return self._open_machines()
        except CloudFailure as error:
            raise UserError(f"the store of the cluster cannot be read: {error}") from None

    def boot_failure(self, host: str) -> str:
        """Return the last failure of the boot of a machine; empty after a complete boot.

        The first line has the time and the reason. Raise CloudFailure when the store cannot be read.
        """
        return (self.machines.store.read(self._place(host).error) or "").strip()

    def run(
        self, host: str, script: str, *, stdin: str | bytes = "", timeout: float = 60, root: bool = True
    ) -> ScriptResult:
        """Run a script of sh text as root on a machine."""
        data = stdin.encode() if isinstance(stdin, str) else stdin
        return self._stream(host, script, timeout, source=io.BytesIO(data) if data else None)

    def send_from_host(
        self, host: str, address: str, port: int, data: bytes, *, timeout: float
    ) -> tuple[bytes, str]:
        """Send bytes to an address from a machine, with Python.

        Return the response, and a reason if the response is empty.
        """
        script = f"exec python3 -c {quote(_CONNECT)} {quote(address)} {port} {timeout}"
        result = self._stream(host, script, timeout + 10, source=io.BytesIO(data))
        return (base64.b64decode(result.output), "") if result.ok else (b"", result.reason)

    def _stream(
        self,
        host: str,
        script: str,
        timeout: float,
        *,
        source: BinaryIO | None = None,
        target: BinaryIO | None = None,
    ) -> ScriptResult:
        place = self._place(host)
        # A machine runs one request at a time.
        with self._locks[host]:
            try:
                answer = _Exchange(self.machines.store, place, script, timeout).run(source, target)
            except CloudFailure as error:
                return ScriptResult(host, _FAILED, "", f"store: {error}", reached=False)
            except _Unanswered as error:
                return ScriptResult(host, error.code, "", str(error), reached=error.code == TIMED_OUT)
        response = answer.response
        return ScriptResult(
            host,
            response.code or 0,
            answer.output.decode(errors="replace"),
            response.error,
            reached=not response.refused,
        )

    def _place(self, host: str) -> Place:
        if host not in self.places:
            names = ", ".join(self.places)
            raise UserError(f"{host}: not a machine of the cluster; its machines are {names}")
        return self.places[host]


class _Unanswered(Exception):
    """A machine did not answer in time. `code` is the exit code for the result."""

    def __init__(self, message: str, code: int = _FAILED) -> None:
        super().__init__(message)
        self.code = code


class _Exchange:
    """A request to one machine, and its response."""

    def __init__(self, store: RequestStore, place: Place, script: str, timeout: float) -> None:
        self._store, self._place, self._script, self._timeout = store, place, script, timeout
        self._id = secrets.token_hex(8)

    def run(self, source: BinaryIO | None, target: BinaryIO | None) -> _Answer:
        """Write the request and wait for the response. Raise _Unanswered without a response in time.

        `source` is the standard input. `target` receives a standard output that may be large.
        """
        input_key = self._place.input(self._id)
        try:
            if source is not None:
                self._store.write(input_key, source)
            self._create(has_input=source is not None, large=target is not None)
            try:
                response = self._wait()
                output = io.BytesIO()
                size = self._store.download(self._place.output, target or output) if response.size else 0
                if size != response.size:
                    raise _Unanswered("the output of the script in the store is not complete; try again")
                return _Answer(response, output.getvalue())
            finally:
                self._store.remove(self._place.request, self._place.response, self._place.output)
        finally:
            if source is not None:
                self._store.remove(input_key)

    def _create(self, *, has_input: bool, large: bool) -> None:
        """Create the request. Wait until the request of another deployer has ended."""
        deadline = time.monotonic() + ACCEPT_SECONDS
        while True:
            request = Request(
                id=self._id,
                expiry=int(time.time()) + _EXPIRY_SECONDS,
                seconds=max(1, round(self._timeout)),
                script=self._script,
                has_input=has_input,
                large=large,
            )
            if self._store.create(self._place.request, request.text()):
                return
            other = self._store.read(self._place.request)
            if other is not None and released_at(other) < time.time():
                # The request of a deployer that was interrupted.
                self._store.remove(self._place.request)
            elif time.monotonic() > deadline:
                raise _Unanswered("another command uses this machine; try again when it has ended")
            time.sleep(_INTERVAL_SECONDS)

    def _wait(self) -> Response:
        accept_by = time.monotonic() + ACCEPT_SECONDS
        end_by = None
        while True:
            response = parse_response(self._store.read(self._place.response) or "")
            if response is not None and response.id == self._id:
                if response.code is not None:
                    return response
                end_by = end_by or time.monotonic() + self._timeout + _MARGIN_SECONDS
            if end_by is not None and time.monotonic() > end_by:
                raise _Unanswered(f"no response in {self._timeout:.0f} s", TIMED_OUT)
            if end_by is None and time.monotonic() > accept_by:
                raise _Unanswered(self._describe_silence())
            time.sleep(_INTERVAL_SECONDS)

    def _describe_silence(self) -> str:
        """Return why a machine does not accept requests: its last boot failure, if it wrote one."""
        silence = f"the machine did not read its request in {ACCEPT_SECONDS:.0f} s; look at its console"
        failure = (self._store.read(self._place.error) or "").partition("\n")[0].strip()
        return f"{silence}; its last failure: {failure}" if failure else silence
