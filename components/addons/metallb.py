"""MetalLB: gives addresses to services of type LoadBalancer and announces them, on bare metal [G3].

The objects are those of upstream's native manifest with these differences: the admission webhook is off,
because the rules of the settings check the pools and peers; metrics are off, because their port would be open
on all nodes; priority classes, tolerations and memory limits are those of system workloads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi_kubernetes.core.v1 as core
import yaml
from pulumi import ComponentResource, Input, Resource, ResourceOptions
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.rbac.v1 import Role

from components.addons.default_accounts import create_default_account
from components.addons.definitions import create_definitions
from components.addons.metallb_workloads import CONTROLLER, SPEAKER, create_workloads
from components.addons.workload import pod_security_labels
from components.api import Api
from components.rbac import (
    READ,
    Rule,
    bind_cluster_role,
    bind_in_namespace,
    cluster_role,
    policy_rules,
    service_account_subject,
)
from formats.documents import SAFE_LOADER
from topology.metallb import NAMESPACE, Announcement, BgpPeer, MetalLb
from topology.model import Topology

_DEFINITIONS = Path(__file__).with_name("metallb_crds.yaml")
_GROUP = "metallb.io"
_CONFIGURATION = ("bfdprofiles", "bgpadvertisements", "bgppeers", "communities", "ipaddresspools")
_ADVERTISEMENTS = {Announcement.L2: "L2Advertisement", Announcement.BGP: "BGPAdvertisement"}
_EVERYTHING = ("create", "delete", "get", "list", "patch", "update", "watch")
_EVENTS = Rule("", ("events",), ("create", "patch"))
_STATES = Rule(_GROUP, ("configurationstates", "configurationstates/status"), _EVERYTHING)

_CLUSTER_RULES = {
    CONTROLLER: (
        Rule("", ("services", "namespaces"), READ),
        Rule("", ("nodes",), ("list",)),
        Rule("", ("services/status",), ("update",)),
        _EVENTS,
        _STATES,
    ),
    SPEAKER: (
        Rule("", ("services", "nodes", "namespaces"), READ),
        Rule("discovery.k8s.io", ("endpointslices",), READ),
        Rule(_GROUP, ("servicel2statuses", "servicel2statuses/status"), _EVERYTHING),
        _EVENTS,
        _STATES,
    ),
}
_NAMESPACE_RULES = {
    CONTROLLER: (
        Rule(_GROUP, (*_CONFIGURATION, "l2advertisements"), READ),
        Rule(_GROUP, ("ipaddresspools/status",), ("update",)),
        # The controller creates the key of memberlist. It finds out by `list` whether the key exists.
        Rule("", ("secrets",), ("create", "list")),
        Rule("", ("pods",), READ),
        Rule("apps", ("deployments",), ("get",), names=(CONTROLLER,)),
    ),
    SPEAKER: (
        Rule(_GROUP, (*_CONFIGURATION, "l2advertisements"), READ),
        Rule(_GROUP, ("servicebgpstatuses", "servicebgpstatuses/status"), _EVERYTHING),
        Rule("", ("pods", "secrets", "configmaps"), READ),
    ),
}


@dataclass(frozen=True, kw_only=True)
class MetalLbArgs:
    """Arguments of MetalLB. `passwords` are the passwords of BGP peers by the name of the peer."""

    api: Api
    topology: Topology
    metallb: MetalLb
    passwords: Mapping[str, Input[str]] = field(default_factory=dict)


class MetalLbAddOn(ComponentResource):
    """MetalLB with its pools and peers, in its own namespace."""

    def __init__(self, name: str, args: MetalLbArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:MetalLb", name, None, opts)
        self._name, self._args = name, args
        self._namespace = core.Namespace(
            f"{name}-namespace",
            metadata=ObjectMetaArgs(name=NAMESPACE, labels=pod_security_labels("privileged")),
            opts=args.api.options(self),
        )
        documents = filter(None, yaml.load_all(_DEFINITIONS.read_text(), Loader=SAFE_LOADER))
        self._definitions = list(create_definitions(name, documents, args.api.options(self)))
        permissions = [*self._create_permissions(CONTROLLER), *self._create_permissions(SPEAKER)]
        create_default_account(f"{name}-default-account", NAMESPACE, self._options())
        create_workloads(name, args.topology, self._options(*permissions, *args.api.publication))
        self._create_configuration()
        self.register_outputs({})

    def _options(self, *after: Resource) -> ResourceOptions:
        """Return the options of an object in the namespace."""
        return self._args.api.options(self, depends_on=[self._namespace, *self._definitions, *after])

    def _create_permissions(self, account: str) -> Sequence[Resource]:
        """Create a service account with its roles."""
        name, options = f"{self._name}-{account}", self._options()
        metadata = ObjectMetaArgs(name=account, namespace=NAMESPACE)
        role = f"{NAMESPACE}:{account}"
        subject = [service_account_subject(NAMESPACE, account)]
        return [
            core.ServiceAccount(f"{name}-account", metadata=metadata, opts=options),
            cluster_role(f"{name}-cluster-role", role, _CLUSTER_RULES[account], options),
            bind_cluster_role(f"{name}-cluster-binding", role, role, subject, options),
            Role(
                f"{name}-role",
                metadata=metadata,
                rules=policy_rules(_NAMESPACE_RULES[account]),
                opts=options,
            ),
            bind_in_namespace(f"{name}-binding", account, NAMESPACE, ("Role", account), subject, options),
        ]

    def _create_configuration(self) -> None:
        """Create the pools, how nodes announce them, and the peers."""
        metallb = self._args.metallb
        for pool in metallb.pools:
            addresses = [f"{first}-{last}" for first, last in pool.ranges]
            self._create(
                "v1beta1", "IPAddressPool", pool.name, addresses=addresses, autoAssign=pool.automatic
            )
        for announcement, kind in _ADVERTISEMENTS.items():
            pools = [pool.name for pool in metallb.pools_by(announcement)]
            if pools:
                self._create("v1beta1", kind, "kubewright", ipAddressPools=pools)
        for peer in metallb.peers:
            self._create_peer(peer)

    def _create_peer(self, peer: BgpPeer) -> None:
        after: list[Resource] = []
        secret = f"bgp-peer-{peer.name}"
        if peer.has_password:
            after.append(
                core.Secret(
                    f"{self._name}-password-{peer.name}",
                    metadata=ObjectMetaArgs(name=secret, namespace=NAMESPACE),
                    type="kubernetes.io/basic-auth",
                    string_data={"password": self._args.passwords[peer.name]},
                    opts=self._options(),
                )
            )
        self._create(
            "v1beta2",
            "BGPPeer",
            peer.name,
            after,
            peerAddress=str(peer.address),
            peerPort=peer.port,
            peerASN=peer.asn,
            myASN=self._args.metallb.asn,
            holdTime=f"{peer.hold_seconds}s",
            **({"passwordSecret": {"name": secret, "namespace": NAMESPACE}} if peer.has_password else {}),
        )

    def _create(
        self, version: str, kind: str, name: str, after: Sequence[Resource] = (), **spec: object
    ) -> CustomResource:
        """Create an object of MetalLB's API."""
        content: dict[str, Any] = spec
        return CustomResource(
            f"{self._name}-{kind.lower()}-{name}",
            api_version=f"{_GROUP}/{version}",
            kind=kind,
            metadata=ObjectMetaArgs(name=name, namespace=NAMESPACE),
            spec=content,
            opts=self._options(*after),
        )
