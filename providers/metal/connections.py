"""SSH connections to hosts: private keys and host keys, read once while the program runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from pulumi import Output
from pulumi_command.remote import ConnectionArgs, ProxyConnectionArgs

from settings.known_hosts import KnownHosts
from settings.metal import Connection, MetalSettings
from settings.problem import Problem, SettingsError

# An unreachable host costs at most about two dial timeouts, and the error names the host.
_DIAL_SECONDS = 10
_DIAL_ATTEMPTS = 2


class Connections:
    """Connections to the hosts of the inventory. Private keys are secret outputs.

    `files` are the texts of known_hosts files by path (`settings.files.read_files`). Raise SettingsError with
    every unreadable private key and every host without a known host key.
    """

    def __init__(self, metal: MetalSettings, hosts: Iterable[str], files: Mapping[str, str]) -> None:
        self._files = files
        self._known_hosts: dict[str, KnownHosts] = {}
        self._keys: dict[str, Output[str]] = {}
        self._problems: list[Problem] = []
        self._settings = {host: metal.connection(host) for host in hosts}
        self._connections = {
            host: self._connection_args(connection) for host, connection in self._settings.items()
        }
        if self._problems:
            raise SettingsError(self._problems)

    def __getitem__(self, host: str) -> ConnectionArgs:
        """Return the SSH connection to a host. Raise KeyError for a host that is not in `hosts`."""
        return self._connections[host]

    def needs_sudo(self, host: str) -> bool:
        """Check whether commands on the host need sudo to run as root."""
        return self._settings[host].user != "root"

    def _connection_args(self, connection: Connection) -> ConnectionArgs:
        return ConnectionArgs(
            host=connection.address,
            port=connection.port,
            user=connection.user,
            private_key=self._private_key(connection.private_key_file),
            host_key=connection.host_key or self._host_key(connection, connection.address, connection.port),
            proxy=self._bastion_proxy(connection),
            dial_error_limit=_DIAL_ATTEMPTS,
            per_dial_timeout=_DIAL_SECONDS,
        )

    def _bastion_proxy(self, connection: Connection) -> ProxyConnectionArgs | None:
        bastion = connection.bastion
        if bastion is None:
            return None
        return ProxyConnectionArgs(
            host=bastion.host,
            port=bastion.port,
            user=bastion.user or connection.user,
            private_key=self._private_key(bastion.private_key_file or connection.private_key_file),
            host_key=bastion.host_key or self._host_key(connection, bastion.host, bastion.port),
            dial_error_limit=_DIAL_ATTEMPTS,
            per_dial_timeout=_DIAL_SECONDS,
        )

    def _host_key(self, connection: Connection, address: str, port: int) -> str:
        file = connection.known_hosts_file
        if file not in self._known_hosts:
            self._known_hosts[file] = KnownHosts(self._files.get(file, ""))
        try:
            return self._known_hosts[file].host_key(address, port)
        except SettingsError as error:
            self._problems += error.problems
            return ""

    def _private_key(self, file: str) -> Output[str] | None:
        """Return the private key in a file as a secret; None for an empty path, when the SSH agent has the
        key.
        """
        if not file:
            return None
        if file not in self._keys:
            self._keys[file] = Output.secret(self._read_key(file))
        return self._keys[file]

    def _read_key(self, file: str) -> str:
        try:
            return Path(file).read_text()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not a text file"
            # The message omits the path: it may be a private key pasted into the setting.
            self._problems.append(
                Problem(
                    "metal.ssh.private_key_file", "", f"the file cannot be read: {reason}; correct the path"
                )
            )
            return ""
