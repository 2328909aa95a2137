"""Velero, which backs up objects and volumes of applications, by its official chart [J4].

Kubewright creates the Secrets with credentials, because Helm stores values of charts in its records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi_kubernetes.core.v1 as core
import pulumi_kubernetes.networking.v1 as networking
from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs

from components.addons.chart_release import Values, create_release
from components.addons.default_accounts import create_default_account
from components.addons.velero_values import ACCOUNT_KEY_VARIABLE, CREDENTIALS_KEY, velero_values
from components.addons.workload import pod_security_labels
from components.api import Api
from topology.model import Topology
from topology.snapshot_targets import S3Bucket
from topology.velero import NAMESPACE, Location, Velero

NAME = "velero"
REPOSITORY_SECRET = "velero-repo-credentials"
"""The Secret with the password of copied files. Velero creates it with a public password if it is missing."""


@dataclass(frozen=True, kw_only=True)
class VeleroArgs:
    """Arguments of `VeleroAddOn`. `secrets` are the secrets of locations by name, and `password` encrypts
    copied files of volumes. `values` are further values of the chart. `snapshots` are the definitions of
    snapshots, empty without them.
    """

    api: Api
    topology: Topology
    velero: Velero
    secrets: Mapping[str, Input[str]]
    password: Input[str] | None = None
    values: Values = field(default_factory=dict)
    snapshots: Sequence[Resource] = ()


class VeleroAddOn(ComponentResource):
    """Velero with its namespace and credentials."""

    def __init__(self, name: str, args: VeleroArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:Velero", name, None, opts)
        self._name, self._args = name, args
        namespace = self._create_namespace()
        self._options = args.api.options(self, depends_on=[namespace])
        create_default_account(f"{name}-default-account", NAMESPACE, self._options)
        before = [namespace, self._create_network_policy(), *args.snapshots]
        before += [self._create_credentials(location) for location in args.velero.locations]
        if args.password is not None:
            data = {"repository-password": Output.secret(args.password)}
            before.append(self._create_secret("repository", REPOSITORY_SECRET, data))
        create_release(
            name,
            args.velero.chart,
            NAME,
            NAMESPACE,
            velero_values(args.velero, args.topology, args.values),
            args.topology,
            args.api.options(self, depends_on=before),
        )
        self.register_outputs({})

    def _create_namespace(self) -> core.Namespace:
        """Create the namespace. The node agent mounts the directories of pods, which needs `privileged`."""
        level = "privileged" if self._args.velero.node_agent else "baseline"
        return core.Namespace(
            f"{self._name}-namespace",
            metadata=ObjectMetaArgs(name=NAMESPACE, labels=pod_security_labels(level)),
            opts=self._args.api.options(self),
        )

    def _create_network_policy(self) -> Resource:
        """Close all ports, such as the port of metrics. Nodes can always connect to their own pods."""
        return networking.NetworkPolicy(
            f"{self._name}-policy",
            metadata=ObjectMetaArgs(name=NAME, namespace=NAMESPACE),
            spec=networking.NetworkPolicySpecArgs(
                pod_selector=LabelSelectorArgs(), policy_types=["Ingress"], ingress=[]
            ),
            opts=self._options,
        )

    def _create_credentials(self, location: Location) -> Resource:
        """Create the Secret with the file of credentials that the plugin of the location reads."""
        secret = Output.secret(self._args.secrets[location.name])
        if isinstance(location.store, S3Bucket):
            text = Output.format(
                "[default]\naws_access_key_id={0}\naws_secret_access_key={1}\n",
                location.store.access_key_id,
                secret,
            )
        else:
            text = Output.format("{0}={1}\n", ACCOUNT_KEY_VARIABLE, secret)
        return self._create_secret(
            f"location-{location.name}", location.secret, {CREDENTIALS_KEY: Output.secret(text)}
        )

    def _create_secret(self, suffix: str, secret: str, data: Mapping[str, Input[str]]) -> Resource:
        return core.Secret(
            f"{self._name}-{suffix}",
            metadata=ObjectMetaArgs(name=secret, namespace=NAMESPACE),
            string_data=data,
            opts=self._options,
        )
