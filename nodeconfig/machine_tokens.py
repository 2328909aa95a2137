"""Component of control planes in a cloud that registers the bootstrap tokens of new machines in pools [B4].

Each machine creates its own token (`providers/cloud/boot-pool.sh`). The cloud proves which machine created
it.
"""

from __future__ import annotations

from nodeconfig.bundle import File, Service
from nodeconfig.component import Component
from nodeconfig.host_paths import LIBRARY
from nodeconfig.sources import read_code
from nodeconfig.systemd import Unit, sandbox
from topology.model import Topology

PROGRAM = f"{LIBRARY}/machine-tokens"
SERVICE = "kubewright-machine-tokens.service"
_BOOT_FILES = "/run/kubewright-boot"
"""The directory of the boot program, which queries the cloud."""
_KNOWN = "kubewright-machine-tokens"


def component(topology: Topology) -> Component:
    """Return the component of a control plane; empty on bare metal, where the deployer creates all tokens."""
    if not topology.external_cloud:
        return Component()
    unit = Unit(
        name=SERVICE,
        description="Registers the bootstrap tokens of new machines in pools",
        command=("/bin/sh", PROGRAM, topology.name),
        after=("network.target", "kube-apiserver.service"),
        service=(
            f"RuntimeDirectory={_KNOWN}",
            "RuntimeDirectoryMode=0700",
            # Without its files the program would not remove the tokens that it registered before a restart.
            "RuntimeDirectoryPreserve=yes",
            *sandbox(writable=(_BOOT_FILES,)),
        ),
        # The boot program creates its directory.
        unit=("After=kubewright-boot.service",),
    )
    return Component(
        files=(File(PROGRAM, read_code("machine-tokens.sh"), mode=0o755), unit.file()),
        services=(Service(SERVICE, restart_on=(PROGRAM,)),),
    )
