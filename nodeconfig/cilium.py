"""Component of nodes whose pods Cilium connects [G1]: mounts, kernel settings, removal of its state.

Cilium itself is a DaemonSet of its chart (`components.cilium`). The chart can prepare nodes too, by
privileged containers that write to the host. As a part of the bundle, the preparation is visible in previews.
"""

from __future__ import annotations

from nodeconfig.bundle import File, RequiredKernel, Service
from nodeconfig.component import Component
from nodeconfig.host_paths import IPROUTE, LIBRARY, NETFILTER, SYSTEMD_UNITS
from nodeconfig.systemd import oneshot_unit
from topology.cilium import CGROUP_ROOT, Cilium, RoutingMode
from topology.model import Topology

_UNIT = "kubewright-cilium.service"
_PREPARE = f"{LIBRARY}/cilium-prepare"
_REMOVE = f"{LIBRARY}/cilium-remove"
_BPF = "/sys/fs/bpf"
_KERNEL = RequiredKernel(
    "5.11",
    "network.cni: cilium needs Linux 5.11 or later on nodes; update the kernel, or create a cluster with "
    "flannel",
)
"""The agent does not have the capability to lock memory, which BPF programs need before this version."""


def component(topology: Topology) -> Component:
    """Return the preparation of a node for Cilium. The component is empty with another CNI."""
    cilium = topology.network.cilium
    if cilium is None:
        return Component()
    prepare = File(_PREPARE, _preparation(), mode=0o755)
    unit = oneshot_unit(
        _UNIT,
        "File systems of Cilium",
        start=_PREPARE,
        stop=_REMOVE,
        before="sysinit.target",
    )
    return Component(
        files=(prepare, File(_REMOVE, _removal(topology, cilium), mode=0o755), unit),
        artifacts=(("netfilter", NETFILTER), ("iproute", IPROUTE)),
        services=(Service(_UNIT, restart_on=(_PREPARE,), reload=True),),
    )


def sysctl_file(topology: Topology) -> File | None:
    """Return the kernel settings of Cilium; None with another CNI.

    The name and the content are those of the chart's init container, so that the file comes after the files
    of distributions that turn on the reverse path filter.
    """
    if topology.network.cilium is None:
        return None
    return File(
        "/etc/sysctl.d/99-zzz-override_cilium.conf",
        "-net.ipv4.conf.lxc*.rp_filter = 0\n"
        "-net.ipv4.conf.cilium_*.rp_filter = 0\n"
        "# The kernel uses the larger value of a device and of `all`.\n"
        "net.ipv4.conf.all.rp_filter = 0\n",
    )


def required_kernels(topology: Topology) -> tuple[RequiredKernel, ...]:
    """Return the requirement of Cilium's agent, which all nodes run; empty with another CNI."""
    return (_KERNEL,) if topology.network.cilium else ()


def _preparation() -> str:
    return f"""#!/bin/sh
# Mounts the file systems that Cilium's agent expects, unless they are mounted. Programs and maps stay in the
# first one while the agent restarts. Programs for services are attached to the second one.
set -eu
mounted() {{ # POINT TYPE
    while read -r _ point type _; do [ "$point $type" != "$1 $2" ] || return 0; done </proc/self/mounts
    return 1
}}
mounted {_BPF} bpf || mount -t bpf -o mode=0700 bpf {_BPF}
mkdir -p {CGROUP_ROOT}
mounted {CGROUP_ROOT} cgroup2 || mount -t cgroup2 none {CGROUP_ROOT}
# Containers see later mounts below these directories only if they are shared.
mount --make-shared {_BPF}
mount --make-shared {CGROUP_ROOT}
"""


def _removal(topology: Topology, cilium: Cilium) -> str:
    return f"""#!/bin/sh
# Removes the state of Cilium when its unit is disabled; a unit that only stops keeps pods connected.
set -eu
[ ! -L {SYSTEMD_UNITS}/multi-user.target.wants/{_UNIT} ] || exit 0
# The kernel detaches the programs when their links are gone.
rm -rf {_BPF}/cilium {_BPF}/tc/globals
exists() {{ # DEVICE
    while IFS=' :' read -r name _; do [ "$name" != "$1" ] || return 0; done </proc/net/dev
    return 1
}}
for device in cilium_vxlan cilium_host lxc_health; do
    ! exists "$device" || {IPROUTE}/ip link delete "$device" || echo "$device was not deleted" >&2
done
{_route_removal(topology, cilium)}PATH={NETFILTER}:$PATH
for table in raw mangle nat filter; do
    iptables-save -t "$table" | while IFS= read -r line; do
        case $line in
        # The plugin portmap has the chains CNI-*.
        *CILIUM_* | *CNI-HOSTPORT-* | *CNI-DN-*) ;;
        *) printf '%s\\n' "$line" ;;
        esac
    done | iptables-restore -T "$table"
done
umount -l {CGROUP_ROOT} || :
rm -rf /run/cilium /etc/cni/net.d/05-cilium.conflist
"""


def _route_removal(topology: Topology, cilium: Cilium) -> str:
    """Return the commands that delete the routes to pods of other nodes; empty with tunnels."""
    if cilium.routing_mode is RoutingMode.TUNNEL:
        return ""
    return f"""# Routes of agents have the protocol of the kernel, which itself adds no route with a gateway.
{IPROUTE}/ip -4 route show root {topology.network.pods} proto kernel | while read -r network via gateway _; do
    [ "$via" != via ] || {IPROUTE}/ip -4 route delete "$network" via "$gateway" proto kernel ||
        echo "the route to $network was not deleted" >&2
done
"""
