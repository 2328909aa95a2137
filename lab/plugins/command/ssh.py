"""SSH connections as the `connection` property describes them, and one command over one of them.

asyncssh is imported on first use: a preview never needs it, and it takes longer to load than the rest.
"""

import asyncio
import contextlib
import functools
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from lab.plugins.command.output import Output
from lab.plugins.common.errors import ProviderError

if TYPE_CHECKING:
    import asyncssh

_FIRST_PAUSE, _PAUSE_GROWTH, _LONGEST_PAUSE = 0.1, 1.5, 5.0  # seconds between two dials
_KEEPALIVE_SECONDS, _KEEPALIVES_MISSED = 15, 4  # a host that went away is noticed after a minute

Status = Callable[[str], Awaitable[None]]


@asynccontextmanager
async def connected(
    connection: Mapping[str, Any], status: Status
) -> "AsyncIterator[asyncssh.SSHClientConnection]":
    """A connection to the host, by its proxy when it has one; dialled again after failures.

    Raises ProviderError, naming the host, when more than `dialErrorLimit` dials failed (-1: never),
    or at once when the connection's own data cannot be used.
    """
    proxy = connection.get("proxy")
    if proxy:
        async with connected(proxy, status) as tunnel:
            client = await _dial_until(connection, status, tunnel)
            async with client:
                yield client
        return
    client = await _dial_until(connection, status, None)
    async with client:
        yield client


async def _dial_until(
    connection: Mapping[str, Any], status: Status, tunnel: "asyncssh.SSHClientConnection | None"
) -> "asyncssh.SSHClientConnection":
    options = _options(connection)
    limit = int(connection.get("dialErrorLimit", 10))
    dials, pause = 0, _FIRST_PAUSE
    while True:
        try:
            return await _dial(connection, options, tunnel)
        except ProviderError as error:
            dials += 1
            if -1 < limit < dials:
                raise ProviderError(f"after {dials} failed attempts: {error}") from None
            total = "unlimited" if limit < 0 else str(limit + 1)
            await status(f"Dial {dials}/{total} failed: retrying")
        await asyncio.sleep(pause)
        pause = min(pause * _PAUSE_GROWTH, _LONGEST_PAUSE)


async def _dial(
    connection: Mapping[str, Any], options: Mapping[str, Any], tunnel: "asyncssh.SSHClientConnection | None"
) -> "asyncssh.SSHClientConnection":
    import asyncssh

    where = f"{connection.get('user', 'root')}@{connection['host']}:{int(connection.get('port', 22))}"
    timeout = float(connection.get("perDialTimeout", 15)) or None
    try:
        dialled: asyncssh.SSHClientConnection = await asyncio.wait_for(
            asyncssh.connect(**options, tunnel=tunnel), timeout
        )
        return dialled
    except TimeoutError:
        raise ProviderError(f"ssh to {where}: no answer within {timeout} s") from None
    except asyncssh.HostKeyNotVerifiable:
        raise ProviderError(f"ssh to {where}: the host's key is not the one in connection.hostKey") from None
    except asyncssh.PermissionDenied:
        raise ProviderError(
            f"ssh to {where}: unable to authenticate with the given key or password"
        ) from None
    except (OSError, asyncssh.Error) as error:
        raise ProviderError(f"ssh to {where}: {error}") from None


def _options(connection: Mapping[str, Any]) -> dict[str, Any]:
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
        "config": None,  # only the connection counts, not the files of whoever runs the engine
        "gss_host": None,
        "compression_algs": None,
        "keepalive_interval": _KEEPALIVE_SECONDS,
        "keepalive_count_max": _KEEPALIVES_MISSED,
    }


@functools.lru_cache(maxsize=64)
def _private_key(pem: str, password: str | None) -> "asyncssh.SSHKey":
    import asyncssh

    try:
        return asyncssh.import_private_key(pem, password)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise ProviderError(f"connection.privateKey cannot be read: {error}") from None


@functools.lru_cache(maxsize=1024)
def _host_key(line: str) -> "asyncssh.SSHKey":
    import asyncssh

    try:
        return asyncssh.import_public_key(line)
    except asyncssh.KeyImportError as error:
        raise ProviderError(
            f"connection.hostKey cannot be read ({error}): give it as `ssh-ed25519 AAAA…`"
        ) from None


async def run(
    client: "asyncssh.SSHClientConnection",
    command: str,
    *,
    stdin: str | None,
    environment: Mapping[str, str],
    output: Output,
) -> None:
    """Run one command; its output goes to `output`. Raises ProviderError when it does not end with 0."""
    import asyncssh

    try:
        process = await client.create_process(command, env=dict(environment), encoding=None)
        try:
            # A command that has ended already reads nothing; how it ended is seen below.
            with contextlib.suppress(OSError):
                process.stdin.write((stdin or "").encode())
                process.stdin.write_eof()
            await asyncio.gather(
                _pump(process.stdout, "stdout", output), _pump(process.stderr, "stderr", output)
            )
            await process.wait_closed()
        finally:
            process.close()
    except (OSError, asyncssh.Error) as error:
        raise ProviderError(output.failure(f"the connection was lost: {error}", command)) from None
    if process.exit_status != 0:
        raise ProviderError(output.failure(_ending(process), command))


async def refused(client: "asyncssh.SSHClientConnection", names: Iterable[str]) -> list[str]:
    """Those of the environment variables `names` that the host's sshd does not accept.

    sshd ignores a variable that AcceptEnv does not name, so this asks for its view of the environment.
    """
    import asyncssh

    wanted = list(names)
    if not wanted:
        return []
    seen = await client.run("env", env=dict.fromkeys(wanted, "set"), stdin=asyncssh.DEVNULL)
    lines = str(seen.stdout or "").splitlines()
    return [name for name in wanted if f"{name}=set" not in lines]


async def _pump(stream: "asyncssh.SSHReader[bytes]", name: str, output: Output) -> None:
    partial = bytearray()
    while data := await stream.read(65536):
        await output.add(name, data, partial)
    if partial:
        await output.add(name, b"", bytearray(partial + b"\n"))


def _ending(process: "asyncssh.SSHClientProcess[bytes]") -> str:
    if process.exit_signal:
        return f"Process exited with status {process.exit_status} from signal {process.exit_signal[0]}"
    if process.exit_status is None:
        return "remote command exited without exit status or exit signal"
    return f"Process exited with status {process.exit_status}"
