"""Search for resources of a lab that remain on this machine after `down`."""

from __future__ import annotations

from pathlib import Path

from lab import cgroups, containers, network, volumes
from lab.paths import LabPaths
from lab.spec import link_name


def find_leftovers(lab: str) -> list[str]:
    """Return a line for each remaining process, mount, loop device, namespace, control group, link and
    directory of a lab.
    """
    state = LabPaths.of(lab).root
    leftovers = [f"process {pid}" for pid in sorted(cgroups.pids(lab) | network.pids(lab))]
    leftovers += [f"mount {mount}" for mount in _list_mounts() if Path(mount).is_relative_to(state)]
    leftovers += [f"loop device {device}" for device in volumes.loop_devices(state)]
    leftovers += [f"namespace {name}" for name in network.namespaces(lab)]
    leftovers += [f"control group {group}" for group in cgroups.groups(lab)]
    if link_name(lab) in network.links():
        leftovers.append(f"link {link_name(lab)}")
    propagation = Path(containers.PROPAGATION).glob(f"{lab}.*")
    leftovers += [f"directory {path}" for path in (state, *propagation) if path.exists()]
    return leftovers


def _list_mounts() -> list[str]:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line.split(" ")[4].replace("\\040", " ") for line in lines]
