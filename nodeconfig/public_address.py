"""Component of a node behind NAT [A4]: the loopback interface has the public address of the node.

The Node has its public address, because API servers and pods in other networks connect to that address. The
kubelet requires that the address is one of its host. Connections of the host to its own address stay on it.
"""

from __future__ import annotations

from ipaddress import IPv4Address

from nodeconfig.bundle import Service
from nodeconfig.component import Component
from nodeconfig.host_paths import IPROUTE
from nodeconfig.systemd import oneshot_unit

_UNIT = "public-address.service"
_LABEL = "lo:public"
"""The label of the address, by which a changed unit removes the previous address."""


def component(public_address: IPv4Address | None) -> Component:
    """Return the public address of a node; empty for a node that is not behind NAT."""
    if public_address is None:
        return Component()
    add = f"{IPROUTE}/ip address replace {public_address}/32 dev lo label {_LABEL}"
    unit = oneshot_unit(
        _UNIT,
        "Public address of this node",
        start=add,
        stop=f"{IPROUTE}/ip address flush dev lo label {_LABEL}",
        before="network-pre.target",
    )
    return Component(
        files=(unit,),
        artifacts=(("iproute", IPROUTE),),
        # The check adds an address that is missing, because the unit does not notice its removal.
        services=(Service(_UNIT, ready=add),),
    )
