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

TOP_GROUP = "kubewright"
"""Name of the control group that contains the groups of all labs."""


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """A mounted cgroup hierarchy. `version` is 1 or 2.

    `controllers` has the controllers of a hierarchy of version 1, for example `memory`. It is empty for
    version 2 and for a hierarchy without controllers.
    """

    mount: Path
    version: int
    controllers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Process:
    """A process as described by its /proc/<pid>/status. `command` is the name of its program.

    `nested_ids` has the ids of the process in nested pid namespaces, outermost first.
    """

    pid: int
    command: str
    nested_ids: tuple[int, ...]


def parse_mounts(mountinfo: str) -> tuple[Hierarchy, ...]:
    """Parse the cgroup hierarchies in the text of /proc/<pid>/mountinfo."""
    hierarchies_by_mount: dict[Path, Hierarchy] = {}
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        mount = Path(before.split(" ")[4])
        if kind == "cgroup2":
            hierarchies_by_mount[mount] = Hierarchy(mount, 2, frozenset())
        elif kind == "cgroup":
            words = {word for word in options.split(",") if not word.startswith(("rw", "ro", "name="))}
            hierarchies_by_mount[mount] = Hierarchy(mount, 1, frozenset(words))
    return tuple(hierarchies_by_mount.values())


@cache
def hierarchies() -> tuple[Hierarchy, ...]:
    """Return the cgroup hierarchies that are mounted on this machine."""
    return parse_mounts(Path("/proc/self/mountinfo").read_text())


def create(lab: str, host: str, *, memory: int) -> None:
    """Create the control groups of a host, or update their memory limit. `memory` is in bytes.

    Raise LabError with the name of the host if a group cannot be created.
    """
    try:
        for hierarchy in hierarchies():
            _create_group(hierarchy, lab, host, memory)
    except OSError as error:
        raise LabError(f"{host}: control group {error.filename}: {error.strerror}") from error


def groups(lab: str, host: str = "") -> list[Path]:
    """Return the directories of the control groups of a host, or of a whole lab: one per hierarchy."""
    paths = (hierarchy.mount / TOP_GROUP / lab / host for hierarchy in hierarchies())
    return [path for path in paths if path.is_dir()]


def group_names(lab: str) -> list[str]:
    """Return the names of the hosts (and of the gateway) that have control groups in a lab, sorted."""
    return sorted({path.name for group in groups(lab) for path in group.iterdir() if path.is_dir()})


def all_labs() -> list[str]:
    """Return the names of the labs that have control groups, sorted."""
    tops = (hierarchy.mount / TOP_GROUP for hierarchy in hierarchies())
    return sorted({path.name for top in tops if top.is_dir() for path in top.iterdir() if path.is_dir()})


def join_files(lab: str, host: str, *, neighbor_pid: int | None = None) -> list[str]:
    """Return the paths of the `cgroup.procs` files to which a process writes its id to join a host's groups.

    `neighbor_pid` is the id of a process that already runs on the host. In version 2, if the host has nested
    groups, new processes must join the group of that process.
    """
    files = []
    for hierarchy in hierarchies():
        group = hierarchy.mount / TOP_GROUP / lab / host
        if hierarchy.version == 2 and neighbor_pid is not None:
            group = hierarchy.mount / parse_group(Path(f"/proc/{neighbor_pid}/cgroup").read_text())
        if group.is_dir():
            files.append(str(group / "cgroup.procs"))
    return files


def parse_group(text: str) -> str:
    """Parse the text of /proc/<pid>/cgroup. Return the path of the version 2 group below its mount, or ""."""
    return next((line[4:] for line in text.splitlines() if line.startswith("0::/")), "")


def pids(lab: str, host: str = "") -> set[int]:
    """Return the ids of all processes of a host, or of a whole lab."""
    ids: set[int] = set()
    for group in groups(lab, host):
        for directory, _, _ in os.walk(group):
            try:
                ids.update(int(line) for line in Path(directory, "cgroup.procs").read_text().split())
            except OSError:
                continue  # the group disappeared in the meantime
    return ids


def used_memory(lab: str, host: str) -> int:
    """Return the memory use of a host in bytes, without the page cache that the kernel can drop."""
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


def read_process(pid: int) -> Process | None:
    """Return the data of a process from /proc; None if the process has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    fields = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    if fields["State"].startswith(("Z", "X")):
        return None
    nested_ids = tuple(int(word) for word in fields.get("NSpid", "").split()[1:])
    return Process(pid, fields["Name"], nested_ids)


def init_pid(lab: str, host: str) -> int | None:
    """Return the process id, on the machine, of a host's PID 1 (its systemd); None if the host does not
    run.
    """
    for pid in pids(lab, host):
        candidate = read_process(pid)
        if candidate is not None and candidate.nested_ids == (1,):
            return pid
    return None


def kill(lab: str, host: str = "", *, timeout: float = 10) -> None:
    """Kill every process of a host, or of a whole lab. `timeout` in seconds.

    Raise LabError when processes remain that hang in the kernel.
    """

    def all_ended() -> bool:
        running = pids(lab, host)
        for pid in running:
            kill_process(pid)
        return not running

    if not wait(all_ended, timeout=timeout):
        remaining = ", ".join(str(pid) for pid in sorted(pids(lab, host)))
        raise LabError(
            f"{host or lab}: processes do not end: {remaining}; they hang in the kernel, restart the machine"
        )


def kill_process(pid: int) -> None:
    """Kill a process. A process that has already ended is no error."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def remove(lab: str, host: str = "", *, timeout: float = 5) -> None:
    """Remove the empty control groups of a host, or of a whole lab. Raise LabError if one stays in use."""
    for group in groups(lab, host):
        if not wait(lambda group=group: _remove_group(group), timeout=timeout):  # type: ignore[misc]
            raise LabError(f"{host or lab}: control group {group} is still in use")
        if host == "":
            _remove_top_group(group.parent)


def _create_group(hierarchy: Hierarchy, lab: str, host: str, memory: int) -> None:
    group = hierarchy.mount
    for part in (TOP_GROUP, lab, host):
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
    """Delegate all controllers of a group to its child groups. Skip controllers that cannot be delegated,
    because a host boots without them too.
    """
    for controller in (group / "cgroup.controllers").read_text().split():
        try:
            (group / "cgroup.subtree_control").write_text(f"+{controller}")
        except OSError:
            continue


def _remove_group(group: Path) -> bool:
    """Remove a control group with its child groups. Return whether no group is left."""
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
