"""Headlamp, a web interface for the cluster, by its official chart [H4].

Each person logs in at an OpenID Connect issuer of the API servers. Headlamp sends the token of the person
with each request, so the API server decides what the person can see. The pod itself has no permissions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pulumi_kubernetes.core.v1 as core
from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from components.addons.chart_release import Values, create_release
from components.addons.default_accounts import create_default_account
from components.addons.digests import content_digest
from components.addons.headlamp_values import (
    CA_FILE,
    CREDENTIALS,
    ISSUER_CA,
    SECRET_KEY,
    headlamp_values,
)
from components.addons.web_access import create_web_access, create_web_policy
from components.addons.workload import pod_security_labels
from components.api import Api
from settings.values_files import merge_values
from topology.dashboard import NAMESPACE, PORT, Dashboard
from topology.model import Topology

RELEASE = "headlamp"
"""The name of the release, and of the service of the chart."""
LABELS = {"app.kubernetes.io/name": RELEASE}


@dataclass(frozen=True, kw_only=True)
class DashboardArgs:
    """Arguments of `DashboardAddOn`.

    `client_secret` is the secret of the client at the issuer, `salt` a secret of the cluster for its digest.
    `values` are further values of the chart. `issuers` are the resources of cert-manager.
    """

    api: Api
    topology: Topology
    dashboard: Dashboard
    client_secret: Input[str]
    salt: Input[str]
    values: Values = field(default_factory=dict)
    issuers: Sequence[Resource] = ()


class DashboardAddOn(ComponentResource):
    """Headlamp with its namespace, its login and its Ingress."""

    def __init__(self, name: str, args: DashboardArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:Dashboard", name, None, opts)
        self._name, self._args = name, args
        namespace = core.Namespace(
            f"{name}-namespace",
            metadata=ObjectMetaArgs(name=NAMESPACE, labels=pod_security_labels("restricted")),
            opts=args.api.options(self),
        )
        self._options = args.api.options(self, depends_on=[namespace])
        create_default_account(f"{name}-default-account", NAMESPACE, self._options)
        web = args.dashboard.web
        ports = [PORT] if web else []
        policy = create_web_policy(f"{name}-policy", RELEASE, NAMESPACE, LABELS, ports, self._options)
        before = [namespace, policy, *self._create_login()]
        create_release(
            name,
            args.dashboard.chart,
            RELEASE,
            NAMESPACE,
            self._values(),
            args.topology,
            args.api.options(self, depends_on=before),
        )
        if web is not None:
            opts = args.api.options(self, depends_on=[namespace, *args.issuers])
            create_web_access(f"{name}-ingress", web, RELEASE, NAMESPACE, opts)
        self.register_outputs({})

    def _create_login(self) -> list[Resource]:
        """Create the Secret with the secret of the client, and the certificate authority of the issuer."""
        secret = core.Secret(
            f"{self._name}-client",
            metadata=ObjectMetaArgs(name=CREDENTIALS, namespace=NAMESPACE),
            string_data={SECRET_KEY: Output.secret(self._args.client_secret)},
            opts=self._options,
        )
        if not self._args.dashboard.issuer_ca:
            return [secret]
        authority = core.ConfigMap(
            f"{self._name}-issuer-ca",
            metadata=ObjectMetaArgs(name=ISSUER_CA, namespace=NAMESPACE),
            data={CA_FILE: self._args.dashboard.issuer_ca},
            opts=self._options,
        )
        return [secret, authority]

    def _values(self) -> Values:
        """Return the values of the chart. The pod reads the secret and the authority only when it starts, so
        an annotation with their digest restarts it.
        """
        args = self._args
        digest = content_digest(args.salt, Output.secret(args.client_secret), args.dashboard.issuer_ca)
        restart = {"podAnnotations": {"kubewright.dev/login": digest}}
        merged: Values = merge_values({**headlamp_values(args.dashboard), **restart}, args.values)
        return merged
