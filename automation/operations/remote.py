"""SSH to the inventory's hosts, with the inventory's keys: what day-two commands reach hosts by.

Every call has a time-out, hosts are asked side by side, and a host that does not answer is an answer
too. Scripts are plain sh text and show in process lists; secrets go by standard input.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import IO

from automation.errors import UserError
from settings.metal import BastionSettings, Connection, MetalSettings

PARALLEL = 32
"""Hosts asked at a time."""
_CONNECT_SECONDS = 10
_UNREACHED = 255  # ssh's own exit code


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a script on a host. `code` is its exit code; `reached` False: ssh did not get there."""

    host: str
    code: int
    output: str
    error: str
    reached: bool = True

    @property
    def ok(self) -> bool:
        """Whether the script ran and succeeded."""
        return self.reached and self.code == 0

    @property
    def reason(self) -> str:
        """One line that says why it failed: the last of its errors."""
        lines = [line for line in self.error.splitlines() if line.strip()]
        return lines[-1].strip() if lines else f"exit code {self.code}"


class Remote:
    """The hosts of an inventory. `directory` (private) keeps host keys that the settings give."""

    def __init__(self, metal: MetalSettings, directory: Path) -> None:
        self._metal = metal
        self._directory = directory

    def run(
        self, host: str, script: str, *, stdin: str | bytes = "", timeout: float = 60, root: bool = True
    ) -> Answer:
        """Runs sh text on a host; `root`: as root, also where the login is another user's.

        `root` False: the text is the login shell's own, as the engine's commands are.

        `timeout` in seconds bounds the whole; over it the answer has code 124.
        """
        data = stdin.encode() if isinstance(stdin, str) else stdin
        return self._ssh(host, self._command(host, script, root), timeout, data=data)

    def everywhere(
        self,
        hosts: Iterable[str],
        script: str | Mapping[str, str],
        *,
        stdin: Mapping[str, str] | None = None,
        timeout: float = 60,
        root: bool = True,
    ) -> dict[str, Answer]:
        """Runs one script, or each host's own, on all hosts side by side; answers by host, in their order."""

        def one(host: str) -> Answer:
            text = script if isinstance(script, str) else script[host]
            return self.run(host, text, stdin=(stdin or {}).get(host, ""), timeout=timeout, root=root)

        return side_by_side(hosts, one)

    def send(self, host: str, script: str, source: Path, *, timeout: float) -> Answer:
        """Runs a script as root with a local file as its standard input."""
        with source.open("rb") as file:
            return self._ssh(host, self._command(host, script, True), timeout, source=file)

    def fetch(self, host: str, script: str, target: Path, *, timeout: float) -> Answer:
        """Runs a script as root and writes its output to a local file that only its owner reads."""
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            return self._ssh(host, self._command(host, script, True), timeout, target=file)

    def through(
        self, host: str, address: str, port: int, data: bytes, *, timeout: float
    ) -> tuple[bytes, str]:
        """Sends bytes to an address as the host reaches it; what came back, and why nothing did.

        The connection is made by the host's sshd, so the host needs no tool for it.
        """
        ssh, *words = self._argv(host)
        # Of an option said twice ssh takes the first: here it is to say why it has no connection.
        argv = [ssh, "-o", "LogLevel=INFO", *words, "-W", f"{address}:{port}", self._login(host)]
        with subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdin is not None
            try:
                process.stdin.write(data)
                process.stdin.flush()
                # Standard input stays open: with it ssh would close the connection before the answer.
                found = _read(process, timeout)
            except (BrokenPipeError, TimeoutError):
                found = b""
            process.kill()
            _, error = process.communicate()
        # Its last line only says that there is no connection, the first why.
        lines = error.decode(errors="replace").strip().splitlines()
        return found, "" if found else (lines[0] if lines else f"no answer in {timeout:.0f} s")

    # How ssh is called --------------------------------------------------------------------

    def _ssh(
        self,
        host: str,
        command: str,
        timeout: float,
        *,
        data: bytes | None = None,
        source: IO[bytes] | None = None,
        target: IO[bytes] | None = None,
    ) -> Answer:
        argv = [*self._argv(host), self._login(host), command]
        try:
            done = subprocess.run(
                argv,
                stdin=source or (subprocess.DEVNULL if data is None else None),
                input=data,
                stdout=target or subprocess.PIPE,
                stderr=subprocess.PIPE,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired:
            return Answer(host, 124, "", f"no answer in {timeout:.0f} s")
        except OSError as error:
            raise UserError(f"{host}: cannot run ssh here: {error.strerror}") from None
        output = (done.stdout or b"").decode(errors="replace")
        said = done.stderr.decode(errors="replace")
        return Answer(host, done.returncode, output, said, reached=done.returncode != _UNREACHED)

    def _command(self, host: str, script: str, root: bool) -> str:
        if not root:
            # As it is, for the login shell: quoted, a bundle's script could grow over Linux' limit.
            return script
        sudo = "sudo -n " if self._connection(host).user != "root" else ""
        return f"{sudo}sh -c {quote(script)}"

    def _connection(self, host: str) -> Connection:
        try:
            return self._metal.connection(host)
        except KeyError:
            if not self._metal.hosts:
                raise UserError(
                    f"{host}: a cloud's machine, which this command does not reach (it works by SSH, on bare "
                    "metal); use kubectl, or log in as the cloud's page in docs/ says"
                ) from None
            known = ", ".join(self._metal.hosts)
            raise UserError(f"{host}: not a host of metal.hosts; there are {known}") from None

    def _login(self, host: str) -> str:
        connection = self._connection(host)
        return f"{connection.user}@{connection.address}"

    def _argv(self, host: str) -> list[str]:
        connection = self._connection(host)
        argv = [
            *_common(connection.port, connection.private_key_file),
            *self._known(host, connection.address, connection.port, connection.host_key, connection),
        ]
        if connection.bastion is not None:
            argv += ["-o", f"ProxyCommand={self._proxy(host, connection, connection.bastion)}"]
        return argv

    def _proxy(self, host: str, connection: Connection, bastion: BastionSettings) -> str:
        key = bastion.private_key_file or connection.private_key_file
        words = [
            *_common(bastion.port, key),
            *self._known(f"{host}-bastion", bastion.host, bastion.port, bastion.host_key or "", connection),
            *["-W", f"[{connection.address}]:{connection.port}"],
            f"{bastion.user or connection.user}@{bastion.host}",
        ]
        # In ProxyCommand a per cent sign begins one of ssh's own words.
        return " ".join(quote(word) for word in words).replace("%", "%%")

    def _known(self, name: str, address: str, port: int, key: str, connection: Connection) -> list[str]:
        if not key:
            return ["-o", f"UserKnownHostsFile={quote(connection.known_hosts_file)}"]
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._directory / f"known_hosts.{name}"
        path.write_text(f"{address if port == 22 else f'[{address}]:{port}'} {key}\n")
        return ["-o", f"UserKnownHostsFile={quote(str(path))}"]


def side_by_side(hosts: Iterable[str], ask: Callable[[str], Answer]) -> dict[str, Answer]:
    """What `ask` answers for every host, asked at the same time; by host, in their order."""
    names = list(hosts)
    with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
        return dict(zip(names, pool.map(ask, names), strict=True))


def _common(port: int, key: str) -> list[str]:
    """Nothing of the user's own configuration, never a question, never a host that is not known."""
    argv = ["ssh", "-F", "none", "-p", str(port), "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"]
    argv += ["-o", f"ConnectTimeout={_CONNECT_SECONDS}", "-o", "LogLevel=ERROR"]
    argv += ["-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3", "-o", "GlobalKnownHostsFile=none"]
    return argv + (["-i", key, "-o", "IdentitiesOnly=yes"] if key else [])


def _read(process: subprocess.Popen[bytes], timeout: float) -> bytes:
    """The first bytes of a process' output. Raises TimeoutError."""
    assert process.stdout is not None
    stream = process.stdout
    with ThreadPoolExecutor(max_workers=1) as pool:
        reading = pool.submit(os.read, stream.fileno(), 4096)
        try:
            return reading.result(timeout=timeout)
        except TimeoutError:
            # Ends the read, too: the pool waits for it.
            process.kill()
            raise
