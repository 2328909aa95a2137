"""What labs change of the machine's own kernel, and give back with the last lab.

Hosts have network settings of their own, but share the machine's others: kubelet sets several of
them, and the default limits of inotify are too low for a handful of hosts.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from lab import cgroups
from lab.locks import locked

SETTINGS = Path("/proc/sys")
RECORD = Path("/run/kubewright/settings.json")
"""The values before the first lab. Below /run: a restart of the machine forgets both."""

LEAST = {"fs/inotify/max_user_instances": 8192, "fs/inotify/max_user_watches": 524288}
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
"""Kernel modules of the hosts. Where they are built in, there is nothing to load."""


def prepare(lab: str, group: str, *, memory: int) -> None:
    """Ready the kernel for a lab, and make its first control group as the sign that it needs that.

    `memory` is that group's limit in bytes. Raises LabError.
    """
    with locked("machine"):
        first = not cgroups.all_labs()
        cgroups.create(lab, group, memory=memory)
        load_modules()
        if first and not RECORD.exists():
            RECORD.parent.mkdir(parents=True, exist_ok=True)
            RECORD.write_text(json.dumps({name: _value(name) for name in (*LEAST, *KUBELET) if _there(name)}))
        for name, least in LEAST.items():
            if int(_value(name)) < least:
                (SETTINGS / name).write_text(str(least))


def restore() -> None:
    """Give back what was changed, when no lab is left."""
    with locked("machine"):
        if cgroups.all_labs() or not RECORD.exists():
            return
        for name, value in json.loads(RECORD.read_text()).items():
            if _value(name) != value:
                (SETTINGS / name).write_text(value)
        RECORD.unlink()


def load_modules() -> None:
    """Load the hosts' kernel modules where the kernel has any as modules."""
    modprobe = shutil.which("modprobe")
    if modprobe is not None and Path("/lib/modules").is_dir():
        subprocess.run([modprobe, "--all", "--quiet", *MODULES], capture_output=True, timeout=20, check=False)


def _there(name: str) -> bool:
    return (SETTINGS / name).exists()


def _value(name: str) -> str:
    return (SETTINGS / name).read_text().strip()
