"""Text of systemd units, with one flag per line, so that a changed flag is one changed line."""

from __future__ import annotations

from dataclasses import dataclass

from nodeconfig.bundle import File
from nodeconfig.host_paths import BIN, HOST_ENV, NETFILTER, SYSTEMD_UNITS

TOOLS_PATH = f"{BIN}:{NETFILTER}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""The PATH of services that call runc, nft, iptables or mount."""

_API_TIMEOUT_VARIABLES = "HTTP2_READ_IDLE_TIMEOUT_SECONDS=10 HTTP2_PING_TIMEOUT_SECONDS=5"
# Without these variables, client-go uses 30 + 15 s: a node keeps outdated services for that time after the
# host of an API server failed.


_SANDBOX = (
    "NoNewPrivileges=yes",
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "PrivateTmp=yes",
    "ProtectKernelTunables=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelLogs=yes",
    "ProtectControlGroups=yes",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "LockPersonality=yes",
    "SystemCallArchitectures=native",
)


def sandbox(*, writable: tuple[str, ...] = (), capabilities: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return lines of the section [Service] that take privileges from a service (systemd.exec(5)).

    The service can write only to the directories `writable`, which exist, and to a private /tmp. A service
    of root keeps only the Linux capabilities `capabilities`. Without capabilities, root can only read and
    write files that permit it by owner and mode, and cannot become another user.
    """
    lines = [*_SANDBOX, f"CapabilityBoundingSet={' '.join(capabilities)}"]
    if writable:
        lines.append(f"ReadWritePaths={' '.join(writable)}")
    return tuple(lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A systemd unit of a cluster component.

    `command` has the program and its arguments. The environment of the unit has NODE_NAME and NODE_IP.
    `service` and `unit` are additional lines of these sections. The unit starts after the units in `after`.
    """

    name: str
    description: str
    command: tuple[str, ...]
    after: tuple[str, ...] = ("network.target",)
    type: str = "exec"
    restart_seconds: int = 2
    service: tuple[str, ...] = ()
    unit: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """The path of the unit file."""
        return f"{SYSTEMD_UNITS}/{self.name}"

    def file(self) -> File:
        """Return the unit file. The number of restarts is unlimited, because dependencies may start late."""
        order = " ".join(self.after)
        lines = [
            "[Unit]",
            f"Description={self.description}",
            f"Wants={order}",
            f"After={order}",
            *self.unit,
            "StartLimitIntervalSec=0",
            "",
            "[Service]",
            f"Type={self.type}",
            f"EnvironmentFile=-{HOST_ENV}",
            f"Environment=PATH={TOOLS_PATH}",
            f"Environment={_API_TIMEOUT_VARIABLES}",
            *self.service,
            "ExecStart=" + " \\\n  ".join(self.command),
            "Restart=always",
            f"RestartSec={self.restart_seconds}",
            "",
            "[Install]",
            "WantedBy=multi-user.target",
        ]
        return File(path=self.path, content="\n".join(lines) + "\n", mode=0o600)


def oneshot_unit(name: str, description: str, start: str, stop: str, before: str) -> File:
    """Return the file of a oneshot unit that runs the command `start` at boot and at a reload, and the
    command `stop` when the unit stops. The unit starts before the unit `before`.
    """
    lines = [
        "[Unit]",
        f"Description={description}",
        f"Before={before}",
        f"Wants={before}",
        "DefaultDependencies=no",
        "After=local-fs.target",
        "Conflicts=shutdown.target",
        "",
        "[Service]",
        "Type=oneshot",
        "RemainAfterExit=yes",
        f"ExecStart={start}",
        f"ExecReload={start}",
        f"ExecStop={stop}",
        "",
        "[Install]",
        "WantedBy=multi-user.target",
    ]
    return File(path=f"{SYSTEMD_UNITS}/{name}", content="\n".join(lines) + "\n", mode=0o600)
