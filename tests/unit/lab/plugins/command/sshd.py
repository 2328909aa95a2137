"""An SSH server on loopback for tests."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import asyncssh


class ForwardingServer(asyncssh.SSHServer):
    """An SSH server that forwards connections, as a bastion does. It records the ports of their
    destinations.
    """

    def __init__(self, forwarded: list[int]) -> None:
        self._forwarded = forwarded

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        self._forwarded.append(dest_port)
        return True


class SshHost(threading.Thread):
    """An SSH server on loopback in a thread. Its commands run in a local shell."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.key = asyncssh.generate_private_key("ssh-ed25519")
        self.user_key = asyncssh.generate_private_key("ssh-ed25519")
        self.port = 0
        self.connections = 0
        self.forwarded: list[int] = []
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()

    def run(self) -> None:
        self._loop.run_until_complete(self._listen())
        self._ready.set()
        self._loop.run_forever()

    async def _listen(self) -> None:
        authorized = asyncssh.import_authorized_keys(self.user_key.export_public_key().decode())
        server = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=lambda: ForwardingServer(self.forwarded),
            server_host_keys=[self.key],
            authorized_client_keys=authorized,
            process_factory=self._serve,
            sftp_factory=True,
            encoding=None,
        )
        self.port = server.get_port()

    async def _serve(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        self.connections += 1
        command = process.command or ""
        if command == "hang up":
            process.channel.get_connection().abort()
            return
        if command == "by signal":
            process.exit_with_signal("KILL")
            return
        environment = {key: value for key, value in process.env.items() if key != "REFUSED"}
        shell = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            command,
            env={"PATH": "/usr/bin:/bin"} | {str(k): str(v) for k, v in environment.items()},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        stdout, stderr = await shell.communicate(await process.stdin.read())
        process.stdout.write(stdout)
        process.stderr.write(stderr)
        process.exit(shell.returncode or 0)

    def __enter__(self) -> SshHost:
        self.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self.join(10)

    def connection(self, **overrides: object) -> dict[str, Any]:
        """Return the input `connection` for this server. `overrides` replace single settings."""
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "privateKey": self.user_key.export_private_key().decode(),
            "hostKey": self.key.export_public_key().decode(),
            "dialErrorLimit": 1,
            "perDialTimeout": 5,
        } | overrides
