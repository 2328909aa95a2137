"""Hosts of the lab: each boots Debian in systemd-nspawn, with separate namespaces and a separate disk.

The launcher of a host mounts the overlay of the host in a mount namespace. The overlay disappears with the
last process of the host, and the mounts of the machine never change.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path

from lab import cgroups, network
from lab.commands import wait
from lab.errors import LabError
from lab.keys import public_key_line
from lab.paths import LabPaths
from lab.spec import Instance, LabHost, LabSpec

BOOT_TIMEOUT = 60.0
"""Seconds from launch until sshd must answer. On an idle machine sshd answers after 0.5 s."""

STOP_TIMEOUT = 30.0
"""Seconds for a host to shut down before it is killed."""

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


def is_running(lab: str, host: LabHost) -> bool:
    """Check whether the systemd of a host runs and its sshd answers within five seconds.

    The sshd of a cloud machine is not checked, because cloud machines do not have to accept SSH.
    """
    if host.instance is not None:
        return cgroups.init_pid(lab, host.name) is not None
    return cgroups.init_pid(lab, host.name) is not None and wait(
        lambda: _answers_ssh(host, timeout=1), timeout=5
    )


def state(lab: str, host: LabHost) -> str:
    """Return the state of a host as one word.

    The word is running, silent (sshd does not answer), half-dead (processes without systemd) or stopped.
    """
    if cgroups.init_pid(lab, host.name) is not None:
        return "running" if host.instance is not None or _answers_ssh(host, timeout=1) else "silent"
    return "half-dead" if cgroups.pids(lab, host.name) else "stopped"


def boot(spec: LabSpec, host: LabHost, root: Path) -> None:
    """Boot a stopped host and wait for its sshd. `root` is the directory of the shared Debian root file
    system.

    If the host is half-dead, kill its remaining processes first. Its disk is kept. Raise LabError if the
    host does not boot or its sshd does not answer.
    """
    cgroups.kill(spec.name, host.name)
    cgroups.remove(spec.name, host.name)
    network.renew_host(spec, host)
    cgroups.create(spec.name, host.name, memory=host.memory)
    _prepare_overlay(spec, host, root)
    launcher, console = _launch_host(spec, host, root), console_file(spec.name, host.name)
    if not wait(lambda: launcher.poll() is not None or _answers_ssh(host, timeout=0.2), timeout=BOOT_TIMEOUT):
        raise LabError(f"{host.name}: sshd did not answer within {BOOT_TIMEOUT:g} s; see {console}")
    if launcher.poll() is not None:
        raise LabError(f"{host.name}: did not boot: {_last_line(console)}; see {console}")


def stop(lab: str, host: str, *, kill: bool = False) -> None:
    """Shut a host down, or with `kill` end it without a shutdown, as a power failure does.

    The disk and the network of the host are kept. A host that does not shut down within
    STOP_TIMEOUT is killed. Raise LabError if its processes cannot be killed.
    """
    leader = None if kill else cgroups.init_pid(lab, host)
    if leader is not None:
        os.kill(leader, signal.SIGRTMIN + 3)  # the signal for systemd to power off
        wait(lambda: not cgroups.pids(lab, host), timeout=STOP_TIMEOUT, pause=0.05)
    cgroups.kill(lab, host)
    cgroups.remove(lab, host)


def remove(lab: str, host: str) -> None:
    """Kill a host, and remove its network and its disk."""
    stop(lab, host, kill=True)
    network.remove_host(lab, host)
    shutil.rmtree(LabPaths.of(lab).host(host), ignore_errors=True)
    shutil.rmtree(PROPAGATION / machine_name(lab, host), ignore_errors=True)


def execute(
    lab: str, host: str, argv: Sequence[str], *, stdin: str | None = None, timeout: float | None = 60
) -> subprocess.CompletedProcess[str]:
    """Run a command as root inside a running host, without SSH. `timeout` is in seconds.

    If `stdin` is None, the command uses the input and output of the caller. Raise LabError if the host
    does not run, or after the timeout.
    """
    leader = cgroups.init_pid(lab, host)
    if leader is None:
        raise LabError(f"{host}: does not run; start it with `kubewright lab start {lab} --host {host}`")
    join = 'for group in $1; do echo $$ > "$group"; done; shift; exec "$@"'
    enter = ["nsenter", "--target", str(leader), "--all", "--root", "--wd", "--", *argv]
    groups = " ".join(cgroups.join_files(lab, host, neighbor_pid=leader))
    try:
        return subprocess.run(
            ["sh", "-c", join, "sh", groups, *enter],
            input=stdin,
            capture_output=stdin is not None,
            text=True,
            timeout=timeout,
            check=False,
            env={
                "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME": "/root",
                "TERM": os.environ.get("TERM", "dumb"),
            },
        )
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{host}: {argv[0]} did not end within {timeout} s") from error


def machine_name(lab: str, host: str) -> str:
    """Return the name by which systemd-nspawn knows a host, unique among the hosts of all labs."""
    return f"{lab}.{host}"


def _launch_host(spec: LabSpec, host: LabHost, root: Path) -> subprocess.Popen[bytes]:
    home = LabPaths.of(spec.name).host(host.name)
    groups = " ".join(cgroups.join_files(spec.name, host.name))
    unshare = ["unshare", "--mount", "--propagation", "private", "sh", "-c", LAUNCH_SCRIPT, "sh"]
    with console_file(spec.name, host.name).open("wb") as console:
        return subprocess.Popen(
            [*unshare, str(root), str(home), groups, *_nspawn_command(spec, host, home)],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd="/",
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "yes"},
        )


def _nspawn_command(spec: LabSpec, host: LabHost, home: Path) -> list[str]:
    name = machine_name(spec.name, host.name)
    return [
        "systemd-nspawn",
        "--quiet",
        "--boot",
        f"--directory={home}/root",
        f"--machine={name}",
        f"--hostname={host.name}",
        f"--uuid={_machine_id(spec, host)}",
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


def _prepare_overlay(spec: LabSpec, host: LabHost, root: Path) -> None:
    """Create the directories of a host's overlay and disk, and write the host's own files into the
    overlay.
    """
    paths = LabPaths.of(spec.name)
    home = paths.host(host.name)
    for directory in ("upper", "work", "root", *(f"disk/{directory}" for directory in DISK_DIRECTORIES)):
        (home / directory).mkdir(parents=True, exist_ok=True)
    (home / "disk/etcd").chmod(0o700)
    upper = home / "upper"
    _write_file(upper / "etc/hostname", f"{host.name}\n")
    own_address = host.inner.ip if host.inner else host.address
    other_names = "".join(f"{address} {name}\n" for name, address in spec.names.items())
    _write_file(
        upper / "etc/hosts", f"127.0.0.1 localhost\n::1 localhost\n{own_address} {host.name}\n{other_names}"
    )
    # No server has this address, so names outside the lab fail immediately.
    _write_file(upper / "etc/resolv.conf", f"nameserver {spec.gateway}\n")
    _write_file(upper / "etc/machine-id", f"{_machine_id(spec, host).hex}\n")
    key = paths.host_key(host.name)
    _write_file(upper / "etc/ssh/ssh_host_ed25519_key", key.read_text(), mode=0o600)
    _write_file(upper / "etc/ssh/ssh_host_ed25519_key.pub", public_key_line(key))
    (upper / "root").mkdir(mode=0o700, exist_ok=True)
    (upper / "root/.ssh").mkdir(mode=0o700, exist_ok=True)
    _write_file(upper / "root/.ssh/authorized_keys", public_key_line(paths.user_key), mode=0o600)
    if host.instance is not None:
        _write_seed(upper, host.instance)
        # Certificates of the emulated cloud are signed by a CA that images of this cloud trust.
        system = "etc/ssl/certs/ca-certificates.crt"
        _write_file(upper / system, (root / system).read_text() + paths.ca.read_text())


def _write_seed(upper: Path, instance: Instance) -> None:
    """Write the files of cloud-init's data source NoCloud.

    cloud-init compares the `id` of the instance with the last boot, and runs the user data if the id is new.
    """
    seed = upper / "var/lib/cloud/seed/nocloud"
    _write_file(upper / "etc/hostname", f"{instance.hostname}\n")
    _write_file(seed / "meta-data", f"instance-id: {instance.id}\nlocal-hostname: {instance.hostname}\n")
    _write_file(seed / "user-data", instance.user_data, mode=0o600)


def _write_file(path: Path, content: str, *, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)


def _machine_id(spec: LabSpec, host: LabHost) -> uuid.UUID:
    """Return a machine id that depends only on the names of the lab and the host."""
    return uuid.uuid5(uuid.NAMESPACE_DNS, f"{host.name}.{spec.name}.lab.kubewright")


def _answers_ssh(host: LabHost, *, timeout: float) -> bool:
    try:
        with socket.create_connection((str(host.address), 22), timeout=timeout) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def console_file(lab: str, host: str) -> Path:
    """Return the path of the console log of a host. Each boot replaces the log."""
    return LabPaths.of(lab).host(host) / "console.log"


def _last_line(path: Path) -> str:
    lines = path.read_text(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "no output")
