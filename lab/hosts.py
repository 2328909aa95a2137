"""Hosts of the lab: their states, boots, shutdowns, and commands inside them.

A host is a container (`lab.containers`) or a virtual machine (`lab.virtual_machines`).
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from lab import cgroups, containers, host_files, network, spec, virtual_machines
from lab.commands import wait
from lab.errors import LabError
from lab.paths import LabPaths
from lab.spec import LabHost, LabSpec

STOP_TIMEOUT = 30.0
"""Seconds for a host to shut down before it is killed."""


def is_running(lab: str, host: LabHost) -> bool:
    """Check whether the systemd of a host runs and its sshd answers within five seconds.

    The sshd of a cloud machine is not checked, because cloud machines do not have to accept SSH.
    """
    if host.instance is not None:
        return cgroups.init_pid(lab, host.name) is not None
    return cgroups.init_pid(lab, host.name) is not None and wait(
        lambda: _answers_ssh(host, timeout=_patience(host)), timeout=5
    )


def state(lab: str, host: LabHost) -> str:
    """Return the state of a host as one word.

    The word is running, silent (sshd does not answer), half-dead (processes without systemd) or stopped.
    """
    if cgroups.init_pid(lab, host.name) is not None:
        patience = _patience(host)
        return "running" if host.instance is not None or _answers_ssh(host, timeout=patience) else "silent"
    return "half-dead" if cgroups.pids(lab, host.name) else "stopped"


def boot(spec: LabSpec, host: LabHost, root: Path) -> None:
    """Boot a stopped host and wait for its sshd, or for the systemd of a cloud machine, whose packet filter
    may drop SSH. `root` is the directory of the shared Debian root file system.

    If the host is half-dead, kill its remaining processes first. Its disk is kept. Raise LabError if the
    host does not boot.
    """
    kind = virtual_machines if host.virtual else containers
    cgroups.kill(spec.name, host.name)
    cgroups.remove(spec.name, host.name)
    network.renew_host(spec, host)
    cgroups.create(spec.name, host.name, memory=host.memory_limit)
    host_files.write(spec, host, root)
    console = console_file(spec.name, host.name)
    launcher = kind.launch(spec, host, root, console)
    limit, patience = kind.BOOT_TIMEOUT, kind.ANSWER_TIMEOUT

    def has_ended_or_booted() -> bool:
        if launcher.poll() is not None:
            return True
        if host.instance is not None:
            return _has_booted(spec.name, host.name)
        return _answers_ssh(host, timeout=patience)

    if not wait(has_ended_or_booted, timeout=limit):
        what = "sshd did not answer" if host.instance is None else "systemd did not boot"
        raise LabError(f"{host.name}: {what} within {limit:g} s; see {console}")
    if launcher.poll() is not None:
        raise LabError(f"{host.name}: did not boot: {_last_line(console)}; see {console}")


def stop(lab: str, host: str, *, kill: bool = False) -> None:
    """Shut a host down, or with `kill` end it without a shutdown, as a power failure does.

    The disk and the network of the host are kept. A host that does not shut down within
    STOP_TIMEOUT is killed. Raise LabError if its processes cannot be killed.
    """
    leader = None if kill else cgroups.init_pid(lab, host)
    if leader is not None:
        if virtual_machines.is_virtual(lab, host):
            virtual_machines.power_off(lab, _stored(lab, host))
        else:
            containers.power_off(leader)
        wait(lambda: not cgroups.pids(lab, host), timeout=STOP_TIMEOUT, pause=0.05)
    cgroups.kill(lab, host)
    cgroups.remove(lab, host)


def remove(lab: str, host: str) -> None:
    """Kill a host, and remove its network and its disk."""
    stop(lab, host, kill=True)
    network.remove_host(lab, host)
    shutil.rmtree(LabPaths.of(lab).host(host), ignore_errors=True)
    containers.remove_leftovers(lab, host)


def execute(
    lab: str, host: str, argv: Sequence[str], *, stdin: str | None = None, timeout: float | None = 60
) -> subprocess.CompletedProcess[str]:
    """Run a command as root inside a running host; in a container without SSH. `timeout` is in seconds.

    If `stdin` is None, the command uses the input and output of the caller. Raise LabError if the host
    does not run, or after the timeout.
    """
    leader = cgroups.init_pid(lab, host)
    if leader is None:
        raise LabError(f"{host}: does not run; start it with `kubewright lab start {lab} --host {host}`")
    if virtual_machines.is_virtual(lab, host):
        terminal = stdin is None and sys.stdin.isatty()
        command = virtual_machines.ssh_command(lab, _stored(lab, host), argv, terminal=terminal)
    else:
        command = containers.enter_command(lab, host, leader, argv)
    try:
        return subprocess.run(
            command,
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


def console_file(lab: str, host: str) -> Path:
    """Return the path of the console log of a host. Each boot replaces the log."""
    return LabPaths.of(lab).host(host) / "console.log"


def _stored(lab: str, host: str) -> LabHost:
    return spec.read(LabPaths.of(lab).spec).host(host)


def _patience(host: LabHost) -> float:
    """Return how many seconds a running host may take to answer."""
    return virtual_machines.ANSWER_TIMEOUT if host.virtual else 1


def _has_booted(lab: str, host: str) -> bool:
    try:
        result = execute(lab, host, ["systemctl", "is-active", "--quiet", "basic.target"], stdin="")
    except LabError:
        return False
    return result.returncode == 0


def _answers_ssh(host: LabHost, *, timeout: float) -> bool:
    try:
        with socket.create_connection((str(host.address), 22), timeout=timeout) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def _last_line(path: Path) -> str:
    lines = path.read_text(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "no output")
