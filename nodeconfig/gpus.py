"""Runtime of containerd for pods that use GPUs [F6], and the program of the vendor on such nodes."""

from __future__ import annotations

from nodeconfig.bundle import RequiredProgram
from nodeconfig.component import Component
from nodeconfig.host_paths import BIN
from topology.gpus import RUNTIME
from topology.model import Pool

_PROGRAM = "/usr/bin/nvidia-container-runtime"
"""The path in NVIDIA's packages for Debian and Red Hat."""
SEARCH_PATH = f"{BIN}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""The directories in which NVIDIA's runtime looks for runc, which it starts after it has changed the
specification of the container.
"""
# The default runtime remains runc. NVIDIA's runtime gives all GPUs to every container whose image has the
# variable NVIDIA_VISIBLE_DEVICES, and a defect of the driver would affect all pods of the node.
CONFIGURATION = f"""
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.{RUNTIME}]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.{RUNTIME}.options]
BinaryName = "{_PROGRAM}"
"""
"""The tables of containerd's config.toml."""


def component(pool: Pool) -> Component:
    """Return the component with the program that the nodes of a pool with GPUs need; empty without GPUs."""
    if pool.gpu is None:
        return Component()
    reason = (
        f"pools.{pool.name}.gpu: {pool.gpu} needs the NVIDIA driver and the NVIDIA Container Toolkit on the "
        "host; install both, or remove the setting"
    )
    return Component(required_programs=(RequiredProgram(_PROGRAM, reason),))
