"""Kernel settings of the machine that labs change, restored with the last lab.

Hosts have their own network settings but share the machine's other settings: kubelet sets several of them,
and the default limits of inotify are too low for a few hosts.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from lab import cgroups
from lab.locks import hold_lock

SETTINGS = Path("/proc/sys")
RECORD = Path("/run/kubewright/settings.json")
"""The values before the first lab. Below /run: a reboot of the machine resets both."""

MINIMUMS = {"fs/inotify/max_user_instances": 8192, "fs/inotify/max_user_watches": 524288}
"""Raised where they are lower. systemd, containerd and kubelet need dozens per host."""

KUBELET = (
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/panic",
    "kernel/panic_on_oops",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
)
"""Set by kubelet (kubernetes pkg/kubelet/cm/container_manager_linux.go, setupKernelTunables)."""

MODULES = (
    "overlay",
    "bridge",
    "br_netfilter",
    "veth",
    "vxlan",
    "nf_tables",
    "nf_conntrack",
    "nft_chain_nat",
    "ip_tables",
)
"""Kernel modules of the hosts. Built-in modules need no loading."""


def prepare(lab: str, group: str, *, memory: int) -> None:
    """Prepare the kernel for a lab, and create the lab's first control group, which marks the lab as
    present.

    `memory` is the limit of that group in bytes. Raises LabError.
    """
    with hold_lock("machine"):
        first = not cgroups.all_labs()
        cgroups.create(lab, group, memory=memory)
        load_modules()
        if first and not RECORD.exists():
            RECORD.parent.mkdir(parents=True, exist_ok=True)
            RECORD.write_text(
                json.dumps({name: _value(name) for name in (*MINIMUMS, *KUBELET) if _there(name)})
            )
        for name, minimum in MINIMUMS.items():
            if int(_value(name)) < minimum:
                (SETTINGS / name).write_text(str(minimum))


def restore() -> None:
    """Restore the changed settings when no lab remains."""
    with hold_lock("machine"):
        if cgroups.all_labs() or not RECORD.exists():
            return
        for name, value in json.loads(RECORD.read_text()).items():
            if _value(name) != value:
                (SETTINGS / name).write_text(value)
        RECORD.unlink()


def load_modules() -> None:
    """Load the kernel modules of hosts that the kernel has as modules."""
    modprobe = shutil.which("modprobe")
    if modprobe is not None and Path("/lib/modules").is_dir():
        subprocess.run([modprobe, "--all", "--quiet", *MODULES], capture_output=True, timeout=20, check=False)


def _there(name: str) -> bool:
    return (SETTINGS / name).exists()


def _value(name: str) -> str:
    return (SETTINGS / name).read_text().strip()
