"""Control groups of a lab: one per host and one for the gateway, in every hierarchy of the machine.

The lab finds, limits and ends the processes of a host through its groups, regardless of their parent
processes. The module supports both versions of cgroups. With version 1, or with both versions mounted,
every hierarchy has the same tree of groups.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lab.commands import wait
from lab.errors import LabError

TOP = "kubewright"
"""Name of the group that contains all labs."""


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """A mounted hierarchy. `controllers` is empty for a hierarchy that has groups but no controllers."""

    mount: Path
    version: int
    controllers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Process:
    """A process as described by its /proc/<pid>/status. `inner` has its ids in nested pid namespaces."""

    pid: int
    command: str
    inner: tuple[int, ...]


def parse_mounts(mountinfo: str) -> tuple[Hierarchy, ...]:
    """Parse the cgroup hierarchies in the text of /proc/<pid>/mountinfo."""
    found: dict[Path, Hierarchy] = {}
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        mount = Path(before.split(" ")[4])
        if kind == "cgroup2":
            found[mount] = Hierarchy(mount, 2, frozenset())
        elif kind == "cgroup":
            words = {word for word in options.split(",") if not word.startswith(("rw", "ro", "name="))}
            found[mount] = Hierarchy(mount, 1, frozenset(words))
    return tuple(found.values())


@cache
def hierarchies() -> tuple[Hierarchy, ...]:
    """Return the hierarchies that are mounted on this machine."""
    return parse_mounts(Path("/proc/self/mountinfo").read_text())


def create(lab: str, host: str, *, memory: int) -> None:
    """Create the groups of a host, or update their limit. `memory` in bytes.

    Raises LabError with the host's name.
    """
    try:
        for hierarchy in hierarchies():
            _create_group(hierarchy, lab, host, memory)
    except OSError as error:
        raise LabError(f"{host}: control group {error.filename}: {error.strerror}") from error


def groups(lab: str, host: str = "") -> list[Path]:
    """Return the existing groups of a host, or of a whole lab, one per hierarchy."""
    paths = (hierarchy.mount / TOP / lab / host for hierarchy in hierarchies())
    return [path for path in paths if path.is_dir()]


def members(lab: str) -> list[str]:
    """Return the names of the groups of a lab, sorted."""
    return sorted({path.name for group in groups(lab) for path in group.iterdir() if path.is_dir()})


def all_labs() -> list[str]:
    """Return the names of the labs that have groups, sorted."""
    tops = (hierarchy.mount / TOP for hierarchy in hierarchies())
    return sorted({path.name for top in tops if top.is_dir() for path in top.iterdir() if path.is_dir()})


def join_files(lab: str, host: str, *, beside: int | None = None) -> list[str]:
    """Return the files to which a process writes its id to join the groups of a host.

    `beside` is a process of the host. In version 2, if the host has nested groups, new processes must join
    the group of that process.
    """
    found = []
    for hierarchy in hierarchies():
        group = hierarchy.mount / TOP / lab / host
        if hierarchy.version == 2 and beside is not None:
            group = hierarchy.mount / parse_group(Path(f"/proc/{beside}/cgroup").read_text())
        if group.is_dir():
            found.append(str(group / "cgroup.procs"))
    return found


def parse_group(text: str) -> str:
    """Parse the group of version 2, below the mount, from the text of /proc/<pid>/cgroup."""
    return next((line[4:] for line in text.splitlines() if line.startswith("0::/")), "")


def pids(lab: str, host: str = "") -> set[int]:
    """Return the ids of all processes of a host, or of a whole lab."""
    found: set[int] = set()
    for group in groups(lab, host):
        for directory, _, _ in os.walk(group):
            try:
                found.update(int(line) for line in Path(directory, "cgroup.procs").read_text().split())
            except OSError:
                continue  # the group disappeared in the meantime
    return found


def memory(lab: str, host: str) -> int:
    """Return the memory use of a host in bytes, without page cache that the kernel can drop."""
    for group in groups(lab, host):
        for usage, inactive in (
            ("memory.usage_in_bytes", "total_inactive_file"),
            ("memory.current", "inactive_file"),
        ):
            if (group / usage).exists():
                lines = (group / "memory.stat").read_text().splitlines()
                droppable = dict(line.split(" ", 1) for line in lines).get(inactive, "0")
                return max(0, int((group / usage).read_text()) - int(droppable))
    return 0


def process(pid: int) -> Process | None:
    """Return the /proc data of a process; None when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    fields = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    if fields["State"].startswith(("Z", "X")):
        return None
    inner = tuple(int(word) for word in fields.get("NSpid", "").split()[1:])
    return Process(pid, fields["Name"], inner)


def init(lab: str, host: str) -> int | None:
    """Return the id of the process that is the host's PID 1 (its systemd); None when it does not run."""
    for pid in pids(lab, host):
        found = process(pid)
        if found is not None and found.inner == (1,):
            return pid
    return None


def kill(lab: str, host: str = "", *, timeout: float = 10) -> None:
    """Kill every process of a host, or of a whole lab. `timeout` in seconds.

    Raises LabError when processes remain that hang in the kernel.
    """

    def ended() -> bool:
        left = pids(lab, host)
        for pid in left:
            kill_process(pid)
        return not left

    if not wait(ended, timeout=timeout):
        left = ", ".join(str(pid) for pid in sorted(pids(lab, host)))
        raise LabError(
            f"{host or lab}: processes do not end: {left}; they hang in the kernel, restart the machine"
        )


def kill_process(pid: int) -> None:
    """Kill a process. A process that has already ended is no error."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def remove(lab: str, host: str = "", *, timeout: float = 5) -> None:
    """Remove the empty groups of a host, or of a whole lab. Raises LabError if a group stays in use."""
    for group in groups(lab, host):
        if not wait(lambda group=group: _remove_group(group), timeout=timeout):  # type: ignore[misc]
            raise LabError(f"{host or lab}: control group {group} is still in use")
        if host == "":
            _remove_top_group(group.parent)


def _create_group(hierarchy: Hierarchy, lab: str, host: str, memory: int) -> None:
    group = hierarchy.mount
    for part in (TOP, lab, host):
        parent, group = group, group / part
        if hierarchy.version == 2:
            _delegate_controllers(parent)
        group.mkdir(exist_ok=True)
        if "cpuset" in hierarchy.controllers:
            # In version 1 these files are empty at first, and a group with empty files accepts no process.
            for name in ("cpuset.cpus", "cpuset.mems"):
                (group / name).write_text((parent / name).read_text())
    if "memory" in hierarchy.controllers:
        (group / "memory.limit_in_bytes").write_text(str(memory))
    elif hierarchy.version == 2 and (group / "memory.max").exists():
        (group / "memory.max").write_text(str(memory))


def _delegate_controllers(group: Path) -> None:
    """Delegate all controllers to the child groups. A host also boots without the controllers that cannot
    be delegated.
    """
    for controller in (group / "cgroup.controllers").read_text().split():
        try:
            (group / "cgroup.subtree_control").write_text(f"+{controller}")
        except OSError:
            continue


def _remove_group(group: Path) -> bool:
    for directory, _, _ in os.walk(group, topdown=False):
        try:
            os.rmdir(directory)
        except FileNotFoundError:
            continue
        except OSError:
            return False
    return True


def _remove_top_group(group: Path) -> None:
    """Remove the group of all labs after the last lab was removed."""
    try:
        group.rmdir()
    except OSError:
        return
