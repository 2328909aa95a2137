"""SSH connections, as described by the `connection` property, and commands over them.

asyncssh is imported on first use: previews do not need it, and it loads more slowly than the rest of the
plugin.
"""

import asyncio
import contextlib
import functools
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from lab.plugins.command.output import Output
from lab.plugins.runtime.errors import PluginError

if TYPE_CHECKING:
    import asyncssh

_FIRST_PAUSE, _PAUSE_GROWTH, _MAX_PAUSE = 0.1, 1.5, 5.0  # seconds between two attempts
# TCP keep-alives as the official plugin has them, which are the defaults of Go's net.Dialer. A lost host is
# detected after two and a half minutes. A host that answers TCP but hangs is never detected.
_KEEPALIVES = {socket.TCP_KEEPIDLE: 15, socket.TCP_KEEPINTVL: 15, socket.TCP_KEEPCNT: 9}

ShowStatus = Callable[[str], Awaitable[None]]
Result = TypeVar("Result")


@asynccontextmanager
async def connect(
    connection: Mapping[str, Any], show_status: ShowStatus
) -> "AsyncIterator[asyncssh.SSHClientConnection]":
    """Connect to the host that `connection` describes, through a proxy if one is set. Retry after failures.

    `show_status` receives a line after each failed attempt. Raise PluginError with the name of the host
    after more than `dialErrorLimit` failed attempts (-1: no limit), or immediately if the settings are
    unusable.
    """
    proxy = connection.get("proxy")
    if proxy:
        async with connect(proxy, show_status) as tunnel:
            client = await _dial_with_retries(connection, show_status, tunnel)
            async with client:
                yield client
        return
    client = await _dial_with_retries(connection, show_status, None)
    async with client:
        yield client


async def _dial_with_retries(
    connection: Mapping[str, Any], show_status: ShowStatus, tunnel: "asyncssh.SSHClientConnection | None"
) -> "asyncssh.SSHClientConnection":
    options = _connection_options(connection)
    limit = int(connection.get("dialErrorLimit", 10))
    dials, pause = 0, _FIRST_PAUSE
    while True:
        try:
            return await _open_connection(connection, options, tunnel)
        except PluginError as error:
            dials += 1
            if -1 < limit < dials:
                raise PluginError(f"after {dials} failed attempts: {error}") from None
            total = "unlimited" if limit < 0 else str(limit + 1)
            await show_status(f"Dial {dials}/{total} failed: retrying")
        await asyncio.sleep(pause)
        pause = min(pause * _PAUSE_GROWTH, _MAX_PAUSE)


async def _open_connection(
    connection: Mapping[str, Any], options: Mapping[str, Any], tunnel: "asyncssh.SSHClientConnection | None"
) -> "asyncssh.SSHClientConnection":
    import asyncssh

    where = f"{connection.get('user', 'root')}@{connection['host']}:{int(connection.get('port', 22))}"
    timeout = float(connection.get("perDialTimeout", 15)) or None
    try:
        client: asyncssh.SSHClientConnection = await asyncio.wait_for(
            asyncssh.connect(**options, tunnel=tunnel), timeout
        )
        _set_keepalives(client)
        return client
    except TimeoutError:
        raise PluginError(f"ssh to {where}: no answer within {timeout} s") from None
    except asyncssh.HostKeyNotVerifiable:
        raise PluginError(f"ssh to {where}: the host's key differs from connection.hostKey") from None
    except asyncssh.PermissionDenied:
        raise PluginError(f"ssh to {where}: unable to authenticate with the given key or password") from None
    except (OSError, asyncssh.Error) as error:
        raise PluginError(f"ssh to {where}: {error}") from None


def _connection_options(connection: Mapping[str, Any]) -> dict[str, Any]:
    key = connection.get("privateKey")
    host_key = connection.get("hostKey")
    return {
        "host": connection["host"],
        "port": int(connection.get("port", 22)),
        "username": connection.get("user", "root"),
        "password": connection.get("password"),
        "client_keys": [_private_key(key, connection.get("privateKeyPassword"))] if key else None,
        "agent_path": connection.get("agentSocketPath") or os.environ.get("SSH_AUTH_SOCK") or None,
        "known_hosts": ([_host_key(host_key)], [], []) if host_key else None,
        "config": None,  # ignore the SSH configuration files of the user who runs the engine
        "gss_host": None,
        "compression_algs": None,
    }


def _set_keepalives(client: "asyncssh.SSHClientConnection") -> None:
    """Set the intervals of TCP keep-alives. A connection through a proxy has no socket of its own."""
    connection = client.get_extra_info("socket")
    if connection is not None:
        for option, value in _KEEPALIVES.items():
            connection.setsockopt(socket.IPPROTO_TCP, option, value)


@functools.lru_cache(maxsize=64)
def _private_key(pem: str, password: str | None) -> "asyncssh.SSHKey":
    import asyncssh

    try:
        return asyncssh.import_private_key(pem, password)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise PluginError(f"connection.privateKey cannot be read: {error}") from None


@functools.lru_cache(maxsize=1024)
def _host_key(line: str) -> "asyncssh.SSHKey":
    import asyncssh

    try:
        return asyncssh.import_public_key(line)
    except asyncssh.KeyImportError as error:
        raise PluginError(
            f"connection.hostKey cannot be read ({error}): give it as `ssh-ed25519 AAAA…`"
        ) from None


async def run_to_the_end(work: Coroutine[Any, Any, Result]) -> Result:
    """Await `work` to its end, even when the engine cancels the operation or its timeout has passed.

    The official plugin does not end a command that runs on a host, because `session.Run` of its SSH library
    ignores the context. Only connecting to the host can be canceled.
    """
    task = asyncio.ensure_future(work)
    while True:
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.done():
                return task.result()


async def run(
    client: "asyncssh.SSHClientConnection",
    command: str,
    *,
    stdin: str | None,
    environment: Mapping[str, str],
    output: Output,
) -> None:
    """Run a command on the host and add its output to `output`. Raise PluginError unless it exits with 0."""
    import asyncssh

    try:
        process = await client.create_process(command, env=dict(environment), encoding=None)
        try:
            # A command may end before it reads its input. The exit status is checked below.
            with contextlib.suppress(OSError):
                process.stdin.write((stdin or "").encode())
                process.stdin.write_eof()
            await asyncio.gather(
                _copy_stream(process.stdout, "stdout", output), _copy_stream(process.stderr, "stderr", output)
            )
            await process.wait_closed()
        finally:
            process.close()
    except (OSError, asyncssh.Error) as error:
        raise PluginError(output.failure(f"the connection was lost: {error}", command)) from None
    if process.exit_status != 0:
        raise PluginError(output.failure(_exit_text(process), command))


async def refused_variables(client: "asyncssh.SSHClientConnection", names: Iterable[str]) -> list[str]:
    """Return the environment variables among `names` that the sshd of the host does not accept.

    sshd silently drops variables that AcceptEnv does not list, so this function runs `env` on the host
    and reads its output.
    """
    import asyncssh

    requested = list(names)
    if not requested:
        return []
    result = await client.run("env", env=dict.fromkeys(requested, "set"), stdin=asyncssh.DEVNULL)
    lines = str(result.stdout or "").splitlines()
    return [name for name in requested if f"{name}=set" not in lines]


async def _copy_stream(stream: "asyncssh.SSHReader[bytes]", name: str, output: Output) -> None:
    partial = bytearray()
    while data := await stream.read(65536):
        await output.add(name, data, partial)
    if partial:
        await output.add(name, b"", bytearray(partial + b"\n"))


def _exit_text(process: "asyncssh.SSHClientProcess[bytes]") -> str:
    if process.exit_signal:
        return f"Process exited with status {process.exit_status} from signal {process.exit_signal[0]}"
    if process.exit_status is None:
        return "remote command exited without exit status or exit signal"
    return f"Process exited with status {process.exit_status}"
