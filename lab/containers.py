"""Hosts of the lab that boot Debian in systemd-nspawn, with separate namespaces and a separate disk.

The launcher of a host mounts the overlay of the host in a mount namespace. The overlay disappears with the
last process of the host, and the mounts of the machine never change.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from lab import cgroups, commands, network
from lab.host_files import machine_id
from lab.paths import LabPaths
from lab.spec import LabHost, LabSpec

BOOT_TIMEOUT = 60.0
"""Seconds from launch until sshd must answer. On an idle machine sshd answers after 0.5 s."""

ANSWER_TIMEOUT = 0.2
"""Seconds of one attempt to reach sshd during the boot."""

PROPAGATION = Path("/run/systemd/nspawn/propagate")
"""Directory in which systemd-nspawn creates a directory per host. systemd-nspawn does not remove these."""

DISK_DIRECTORIES = ("containerd", "etcd", "kubelet", "kubewright")
"""Directories of /var/lib that are directly on the disk of the host, because overlays and databases do not
work on an overlay.
"""

# Joins the control groups of the host, then becomes nspawn, so that all processes belong to the host.
LAUNCH_SCRIPT = """\
set -eu
lower=$1; home=$2; groups=$3; shift 3
for group in $groups; do echo $$ > "$group"; done
mount -t overlay lab -o "lowerdir=$lower,upperdir=$home/upper,workdir=$home/work" "$home/root"
exec "$@"
"""


def launch(spec: LabSpec, host: LabHost, root: Path, console: Path) -> subprocess.Popen[bytes]:
    """Start a stopped host whose files are prepared. Its output goes to the file `console`."""
    home = LabPaths.of(spec.name).host(host.name)
    for directory in DISK_DIRECTORIES:
        (home / "disk" / directory).mkdir(parents=True, exist_ok=True)
    (home / "disk/etcd").chmod(0o700)
    groups = " ".join(cgroups.join_files(spec.name, host.name))
    unshare = ["unshare", "--mount", "--propagation", "private", "sh", "-c", LAUNCH_SCRIPT, "sh"]
    return commands.launch(
        [*unshare, str(root), str(home), groups, *_nspawn_command(spec, host, home)],
        console=console,
        environment={"SYSTEMD_NSPAWN_API_VFS_WRITABLE": "yes"},
    )


def power_off(leader: int) -> None:
    """Tell the systemd of a host to shut down. `leader` is its process id on the machine."""
    os.kill(leader, signal.SIGRTMIN + 3)


def remove_leftovers(lab: str, host: str) -> None:
    """Remove the directory that systemd-nspawn keeps of a host."""
    shutil.rmtree(PROPAGATION / machine_name(lab, host), ignore_errors=True)


def enter_command(lab: str, host: str, leader: int, argv: Sequence[str]) -> list[str]:
    """Return the command that runs `argv` inside a host. `leader` is the process id of its systemd."""
    join = 'for group in $1; do echo $$ > "$group"; done; shift; exec "$@"'
    enter = ["nsenter", "--target", str(leader), "--all", "--root", "--wd", "--", *argv]
    groups = " ".join(cgroups.join_files(lab, host, neighbor_pid=leader))
    return ["sh", "-c", join, "sh", groups, *enter]


def machine_name(lab: str, host: str) -> str:
    """Return the name by which systemd-nspawn knows a host, unique among the hosts of all labs."""
    return f"{lab}.{host}"


def _nspawn_command(spec: LabSpec, host: LabHost, home: Path) -> list[str]:
    name = machine_name(spec.name, host.name)
    return [
        "systemd-nspawn",
        "--quiet",
        "--boot",
        f"--directory={home}/root",
        f"--machine={name}",
        f"--hostname={host.name}",
        f"--uuid={machine_id(spec, host)}",
        f"--network-namespace-path={network.NAMESPACES}/{network.host_namespace(spec.name, host.name)}",
        "--register=no",
        "--keep-unit",
        "--capability=all",
        "--system-call-filter=@known",
        "--console=read-only",
        "--resolv-conf=off",
        "--timezone=off",
        "--link-journal=no",
        "--bind=/dev/kmsg",
        *(
            f"--bind={home}/disk/{directory}:/var/lib/{directory}"
            for directory in DISK_DIRECTORIES
            if _on_disk(host, directory)
        ),
    ]


def _on_disk(host: LabHost, part: str) -> bool:
    """Check whether a directory of /var/lib is directly on the disk of the host.

    Cloud machines have the directory of etcd on a separate volume.
    """
    return host.instance is None or part != "etcd"
