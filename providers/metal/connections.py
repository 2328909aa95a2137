"""How hosts are reached by SSH: keys and host keys read once, at plan time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from pulumi import Output
from pulumi_command.remote import ConnectionArgs, ProxyConnectionArgs

from settings.metal import Connection, MetalSettings
from settings.problem import Problem, SettingsError
from settings.ssh import KnownHosts

# A host that does not answer costs at most about two times this, and is named in the error.
_DIAL_SECONDS = 10
_DIAL_ATTEMPTS = 2


class Connections:
    """Connections to the inventory's hosts; private keys are secret outputs.

    `files` are the texts of known_hosts files, by path (`settings.files.read`). Raises
    `SettingsError`, with every private key that cannot be read and every host whose key is unknown.
    """

    def __init__(self, metal: MetalSettings, hosts: Iterable[str], files: Mapping[str, str]) -> None:
        self._files = files
        self._known_hosts: dict[str, KnownHosts] = {}
        self._keys: dict[str, Output[str]] = {}
        self._problems: list[Problem] = []
        self._of = {host: metal.connection(host) for host in hosts}
        self._made = {host: self._connection(connection) for host, connection in self._of.items()}
        if self._problems:
            raise SettingsError(self._problems)

    def __getitem__(self, host: str) -> ConnectionArgs:
        """The connection to a host. Raises KeyError for one not asked for at the start."""
        return self._made[host]

    def sudo(self, host: str) -> bool:
        """Whether commands on the host need sudo to be root's."""
        return self._of[host].user != "root"

    def _connection(self, connection: Connection) -> ConnectionArgs:
        return ConnectionArgs(
            host=connection.address,
            port=connection.port,
            user=connection.user,
            private_key=self._private_key(connection.private_key_file),
            host_key=connection.host_key or self._known(connection, connection.address, connection.port),
            proxy=self._proxy(connection),
            dial_error_limit=_DIAL_ATTEMPTS,
            per_dial_timeout=_DIAL_SECONDS,
        )

    def _proxy(self, connection: Connection) -> ProxyConnectionArgs | None:
        bastion = connection.bastion
        if bastion is None:
            return None
        return ProxyConnectionArgs(
            host=bastion.host,
            port=bastion.port,
            user=bastion.user or connection.user,
            private_key=self._private_key(bastion.private_key_file or connection.private_key_file),
            host_key=bastion.host_key or self._known(connection, bastion.host, bastion.port),
            dial_error_limit=_DIAL_ATTEMPTS,
            per_dial_timeout=_DIAL_SECONDS,
        )

    def _known(self, connection: Connection, address: str, port: int) -> str:
        file = connection.known_hosts_file
        if file not in self._known_hosts:
            self._known_hosts[file] = KnownHosts(self._files.get(file, ""))
        try:
            return self._known_hosts[file].key(address, port)
        except SettingsError as error:
            self._problems += error.problems
            return ""

    def _private_key(self, file: str) -> Output[str] | None:
        """The key as a secret; None (the SSH agent's) without a file."""
        if not file:
            return None
        if file not in self._keys:
            self._keys[file] = Output.secret(self._read(file))
        return self._keys[file]

    def _read(self, file: str) -> str:
        try:
            return Path(file).read_text()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "is no text"
            # The path is not shown: a key pasted in its place must not be.
            self._problems.append(
                Problem("metal.ssh.private_key_file", "", f"cannot be read: {reason}; correct the path")
            )
            return ""
