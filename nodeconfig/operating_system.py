"""Component of the operating system [F3]: kernel modules, kernel settings and packet filter of a host."""

from __future__ import annotations

from collections.abc import Iterable

from nodeconfig import cilium, firewall
from nodeconfig.bundle import File, Service
from nodeconfig.component import Component, combine_components
from topology.model import Role, Topology
from topology.options import ProxyMode

_MODULES = ("overlay", "br_netfilter", "nf_conntrack", "vxlan")
_SYSCTLS = "/etc/sysctl.d/90-kubewright.conf"


def component(topology: Topology, roles: Iterable[Role], pool: str = "") -> Component:
    """Return the operating system component of a host with these roles, for a node with its pool.

    The bundle of the first role of the host contains this component.
    """
    modules = File("/etc/modules-load.d/kubewright.conf", "".join(f"{name}\n" for name in _MODULES))
    sysctls = File(_SYSCTLS, _kernel_settings(topology))
    own_roles = frozenset(roles)
    of_cilium = cilium.sysctl_file(topology) if Role.NODE in own_roles else None
    files = (sysctls, of_cilium) if of_cilium else (sysctls,)
    return combine_components(
        (
            Component(
                files=(modules, *files),
                services=(Service("systemd-sysctl.service", restart_on=tuple(file.path for file in files)),),
                directories=(File("/etc/kubewright", "", mode=0o755),),
                modules=_MODULES,
                required_kernels=cilium.required_kernels(topology) if Role.NODE in own_roles else (),
            ),
            firewall.component(topology, own_roles, pool),
        )
    )


def _kernel_settings(topology: Topology) -> str:
    """Return the text of a sysctl.d file. A leading dash skips settings that the kernel does not have."""
    settings = {
        "net.ipv4.ip_forward": 1,
        "-net.bridge.bridge-nf-call-iptables": 1,
        "-net.bridge.bridge-nf-call-ip6tables": 1,
        "-fs.inotify.max_user_instances": 8192,
        "-fs.inotify.max_user_watches": 524288,
    }
    if topology.network.proxy_mode is ProxyMode.NFTABLES:
        # Without this setting, kernels before 6.1 drop packets of long connections through the nftables
        # rules of kube-proxy.
        settings["-net.netfilter.nf_conntrack_tcp_be_liberal"] = 1
    return "".join(f"{name} = {value}\n" for name, value in settings.items())
