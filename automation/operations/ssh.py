"""Runs scripts on hosts of the inventory over SSH, with the keys of the inventory.

Scripts appear in process lists, so secrets must be passed through standard input.
"""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shlex import quote
from typing import BinaryIO

from automation.errors import UserError
from automation.operations.remote import TIMED_OUT, Remote, ScriptResult
from settings.metal import BastionSettings, Connection, MetalSettings

_CONNECT_SECONDS = 10
_UNREACHABLE = 255  # exit code of the ssh program for its own errors


class SshRemote(Remote):
    """SSH access to the hosts of an inventory.

    `directory` must be accessible only to the current user. `SshRemote` writes the host keys that the
    settings contain into this directory, for ssh.
    """

    def __init__(self, metal: MetalSettings, directory: Path) -> None:
        self._metal = metal
        self._directory = directory

    def run(
        self, host: str, script: str, *, stdin: str | bytes = "", timeout: float = 60, root: bool = True
    ) -> ScriptResult:
        """Run a script of sh text on a host.

        With `root`, use sudo if the login user is not root. Without `root`, the login shell runs the text
        directly, like commands of the engine.
        """
        data = stdin.encode() if isinstance(stdin, str) else stdin
        return self._run_ssh(host, self._shell_command(host, script, root), timeout, data=data)

    def _stream(
        self,
        host: str,
        script: str,
        timeout: float,
        *,
        source: BinaryIO | None = None,
        target: BinaryIO | None = None,
    ) -> ScriptResult:
        command = self._shell_command(host, script, True)
        return self._run_ssh(host, command, timeout, source=source, target=target)

    def send_from_host(
        self, host: str, address: str, port: int, data: bytes, *, timeout: float
    ) -> tuple[bytes, str]:
        """Send bytes to an address from a host. Return the response, and a reason if the response is empty.

        The sshd of the host opens the connection, so the host needs no additional program.
        """
        ssh, *words = self._ssh_options(host)
        # When options are repeated, ssh uses the first. LogLevel=INFO prints the reason of a failed
        # connection.
        argv = [ssh, "-o", "LogLevel=INFO", *words, "-W", f"{address}:{port}", self._ssh_destination(host)]
        with subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdin is not None
            try:
                process.stdin.write(data)
                process.stdin.flush()
                # Standard input stays open, because ssh closes the connection together with standard input.
                response = _read_output(process, timeout)
            except (BrokenPipeError, TimeoutError):
                response = b""
            process.kill()
            _, error = process.communicate()
        # The first line contains the reason. The last line only reports the failure.
        lines = error.decode(errors="replace").strip().splitlines()
        return response, "" if response else (lines[0] if lines else f"no response in {timeout:.0f} s")

    # Command lines of ssh -----------------------------------------------------------------

    def _run_ssh(
        self,
        host: str,
        command: str,
        timeout: float,
        *,
        data: bytes | None = None,
        source: BinaryIO | None = None,
        target: BinaryIO | None = None,
    ) -> ScriptResult:
        argv = [*self._ssh_options(host), self._ssh_destination(host), command]
        try:
            completed = subprocess.run(
                argv,
                stdin=source or (subprocess.DEVNULL if data is None else None),
                input=data,
                stdout=target or subprocess.PIPE,
                stderr=subprocess.PIPE,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired:
            return ScriptResult(host, TIMED_OUT, "", f"no response in {timeout:.0f} s")
        except OSError as error:
            raise UserError(f"{host}: ssh cannot run on this machine: {error.strerror}") from None
        output = (completed.stdout or b"").decode(errors="replace")
        errors = completed.stderr.decode(errors="replace")
        return ScriptResult(
            host, completed.returncode, output, errors, reached=completed.returncode != _UNREACHABLE
        )

    def _shell_command(self, host: str, script: str, root: bool) -> str:
        if not root:
            # The script is not quoted for the login shell, because quoting could exceed the length that
            # Linux permits.
            return script
        sudo = "sudo -n " if self._connection(host).user != "root" else ""
        return f"{sudo}sh -c {quote(script)}"

    def _connection(self, host: str) -> Connection:
        try:
            return self._metal.connection(host)
        except KeyError:
            hosts = ", ".join(self._metal.hosts)
            raise UserError(f"{host}: not a host of metal.hosts; the hosts are {hosts}") from None

    def _ssh_destination(self, host: str) -> str:
        connection = self._connection(host)
        return f"{connection.user}@{connection.address}"

    def _ssh_options(self, host: str) -> list[str]:
        connection = self._connection(host)
        argv = [
            *_common_options(connection.port, connection.private_key_file),
            *self._known_hosts_option(
                host, connection.address, connection.port, connection.host_key, connection
            ),
        ]
        if connection.bastion is not None:
            argv += ["-o", f"ProxyCommand={self._proxy_command(host, connection, connection.bastion)}"]
        return argv

    def _proxy_command(self, host: str, connection: Connection, bastion: BastionSettings) -> str:
        key = bastion.private_key_file or connection.private_key_file
        words = [
            *_common_options(bastion.port, key),
            *self._known_hosts_option(
                f"{host}-bastion", bastion.host, bastion.port, bastion.host_key or "", connection
            ),
            *["-W", f"[{connection.address}]:{connection.port}"],
            f"{bastion.user or connection.user}@{bastion.host}",
        ]
        # A percent sign in ProxyCommand starts a token of ssh.
        return " ".join(quote(word) for word in words).replace("%", "%%")

    def _known_hosts_option(
        self, name: str, address: str, port: int, key: str, connection: Connection
    ) -> list[str]:
        if not key:
            return ["-o", f"UserKnownHostsFile={quote(connection.known_hosts_file)}"]
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._directory / f"known_hosts.{name}"
        path.write_text(f"{address if port == 22 else f'[{address}]:{port}'} {key}\n")
        return ["-o", f"UserKnownHostsFile={quote(str(path))}"]


def _common_options(port: int, key: str) -> list[str]:
    """Return ssh options that ignore the user's configuration, ask no questions and reject unknown hosts."""
    argv = ["ssh", "-F", "none", "-p", str(port), "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"]
    argv += ["-o", f"ConnectTimeout={_CONNECT_SECONDS}", "-o", "LogLevel=ERROR"]
    argv += ["-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3", "-o", "GlobalKnownHostsFile=none"]
    return argv + (["-i", key, "-o", "IdentitiesOnly=yes"] if key else [])


def _read_output(process: subprocess.Popen[bytes], timeout: float) -> bytes:
    """Return the first output of a process, up to 4096 bytes.

    If the process writes nothing within `timeout` seconds, kill the process and raise TimeoutError.
    """
    assert process.stdout is not None
    stream = process.stdout
    with ThreadPoolExecutor(max_workers=1) as pool:
        reading = pool.submit(os.read, stream.fileno(), 4096)
        try:
            return reading.result(timeout=timeout)
        except TimeoutError:
            # The kill also ends the read operation, which the pool waits for.
            process.kill()
            raise
