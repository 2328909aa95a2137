"""Kernel settings of the machine that labs change, and that the removal of the last lab restores.

Hosts have separate network settings but share the other settings of the machine. The kubelet sets several
of them, and the default limits of inotify are too low for a few hosts.
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
"""File with the values of the changed settings before the first lab.

The file is below /run, because a reboot of the machine resets the settings too.
"""

MINIMUMS = {"fs/inotify/max_user_instances": 8192, "fs/inotify/max_user_watches": 524288}
"""Minimum values of settings. systemd, containerd and kubelet need dozens of inotify instances per host."""

KUBELET_SETTINGS = (
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/panic",
    "kernel/panic_on_oops",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
)
"""Settings that the kubelet changes (kubernetes pkg/kubelet/cm/container_manager_linux.go,
setupKernelTunables).
"""

CILIUM_SETTINGS = ("kernel/timer_migration",)
"""Settings that Cilium's agent changes (cilium pkg/datapath/loader/base.go). It also sets
kernel/unprivileged_bpf_disabled to 1, a value that the kernel keeps until the machine reboots.
"""

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
"""Kernel modules that hosts need. Modules that are built into the kernel are not loaded."""


def prepare(lab: str, group: str, *, memory: int) -> None:
    """Load kernel modules and set kernel settings for a lab, and create the control group `group` of the lab.

    `memory` is the memory limit of that group in bytes. `restore` finds the existing labs by their groups.
    Raise LabError if the group cannot be created.
    """
    with hold_lock("machine"):
        first = not cgroups.all_labs()
        cgroups.create(lab, group, memory=memory)
        load_modules()
        if first and not RECORD.exists():
            RECORD.parent.mkdir(parents=True, exist_ok=True)
            RECORD.write_text(
                json.dumps(
                    {
                        name: _read_setting(name)
                        for name in (*MINIMUMS, *KUBELET_SETTINGS, *CILIUM_SETTINGS)
                        if _setting_exists(name)
                    }
                )
            )
        for name, minimum in MINIMUMS.items():
            if int(_read_setting(name)) < minimum:
                (SETTINGS / name).write_text(str(minimum))


def restore() -> None:
    """Restore the kernel settings that `prepare` changed, if no lab remains."""
    with hold_lock("machine"):
        if cgroups.all_labs() or not RECORD.exists():
            return
        for name, value in json.loads(RECORD.read_text()).items():
            if _read_setting(name) != value:
                (SETTINGS / name).write_text(value)
        RECORD.unlink()


def load_modules() -> None:
    """Load the kernel modules that hosts need, except for built-in modules."""
    modprobe = shutil.which("modprobe")
    if modprobe is not None and Path("/lib/modules").is_dir():
        subprocess.run([modprobe, "--all", "--quiet", *MODULES], capture_output=True, timeout=20, check=False)


def _setting_exists(name: str) -> bool:
    return (SETTINGS / name).exists()


def _read_setting(name: str) -> str:
    return (SETTINGS / name).read_text().strip()
