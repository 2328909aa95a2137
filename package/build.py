"""Registers the resources of one cluster, for the program of this repository and for `KubernetesCluster`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, Output, ResourceTransform
from pydantic import SecretStr

from assembly import assemble
from components.addons.access import Access, AccessArgs
from components.addons.cert_manager import CertManagerAddOn, CertManagerArgs
from components.addons.cert_manager_issuers import IssuerSecrets
from components.addons.coredns import CoreDns, CoreDnsArgs
from components.addons.default_accounts import DefaultAccounts, DefaultAccountsArgs
from components.addons.external_dns import ExternalDnsAddOn, ExternalDnsArgs
from components.addons.gpu_runtime_class import GpuRuntimeClass, GpuRuntimeClassArgs
from components.addons.helm_releases import HelmReleases, HelmReleasesArgs
from components.addons.ineffective_policies import IneffectivePolicies, IneffectivePoliciesArgs
from components.addons.ingress import IngressArgs, IngressController
from components.addons.metallb import MetalLbAddOn, MetalLbArgs
from components.addons.metrics_server import MetricsServer, MetricsServerArgs
from components.addons.pod_identities import PodIdentities, PodIdentitiesArgs
from components.cluster import Cluster, ClusterArgs
from components.inputs import Inputs, inputs_below
from components.provider import Provider
from components.scope import Scope
from package.dashboard import create_dashboard
from package.distribution import create_pull_secrets, create_registry
from package.logs import create_logs
from package.monitoring import create_monitoring
from package.post_renderers import post_renderer_directory
from package.registry_logins import check_registry_logins
from package.scaling import create_capacity_plan, create_keda
from package.secret_files import secret_files
from package.storage import create_storage
from package.velero import create_velero
from providers.select import provider_for
from settings import Settings
from settings.mirrored_charts import resolve_releases
from settings.warnings import settings_warnings
from topology import exposure, sizing
from topology.model import Topology
from topology.options import NetworkPlugin


@dataclass(frozen=True, kw_only=True)
class BuildArgs:
    """Arguments of `build_cluster`.

    Relative paths in the settings start at `directory`. `inputs` replace values of `helm_releases` and the
    secrets in `settings.secret_paths.SECRET_SETTINGS`; their keys are paths in the settings.
    `pool_transforms` are Pulumi transforms for all resources of a pool, by the name of the pool.
    """

    settings: Settings
    directory: Path
    scope: Scope = field(default_factory=Scope)
    inputs: Inputs = field(default_factory=dict)
    pool_transforms: Mapping[str, Sequence[ResourceTransform]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class BuiltCluster:
    """A cluster whose resources are registered with the engine."""

    topology: Topology
    cluster: Cluster
    provider: Provider

    @property
    def outputs(self) -> Mapping[str, Any]:
        """The outputs by name. `network_id`, `subnet_ids` and `role_names` exist only in clouds."""
        topology, resources = self.topology, self.provider.cloud_resources
        outputs: dict[str, Any] = {
            "kubeconfig": self.cluster.kubeconfig,
            "endpoint": topology.endpoint.url,
            "ca": self.cluster.pki.ca,
            "members": {member.name: str(member.address) for member in topology.etcd},
            "nodes": {pool.name: [node.name for node in pool.nodes] for pool in topology.pools},
        }
        if resources is not None:
            outputs |= {
                "network_id": resources.network,
                "subnet_ids": list(resources.subnets),
                "role_names": dict(resources.roles),
            }
        return outputs


def build_cluster(args: BuildArgs) -> BuiltCluster:
    """Register all resources of a cluster: provider, certificates, members, pools, add-ons.

    Raise SettingsError, ArtifactError or BundleError with a readable message.
    """
    check_registry_logins(args.settings, os.environ)
    assembly = assemble(args.settings, args.directory)
    topology, scope = assembly.topology, args.scope
    warnings = [*sizing.size_warnings(topology), *exposure.exposure_warnings(topology)]
    for warning in [*warnings, *settings_warnings(args.settings)]:
        pulumi.warn(warning)

    provider = provider_for(args.settings, topology, assembly.files, assembly.bundles, scope)
    cluster = Cluster(
        scope.name("cluster"),
        ClusterArgs(
            topology=topology,
            bundles=assembly.bundles,
            provider=provider,
            connect=partial(_connect_to_api, scope),
            secrets=secret_files(topology, args.settings, args.inputs),
            pool_transforms=args.pool_transforms,
        ),
        scope.options(),
    )
    provider.add_ons(cluster.api)
    identities = _create_pod_identities(args, cluster, provider)
    _create_add_ons(args, topology, cluster, files=assembly.files, before_releases=identities)
    return BuiltCluster(topology=topology, cluster=cluster, provider=provider)


def _secret_at(args: BuildArgs, path: tuple[str, ...], secret: SecretStr) -> Input[str]:
    """Return the input that replaces the secret at `path` in the settings, or the secret itself."""
    return args.inputs.get(path, secret.get_secret_value())


def _peer_passwords(args: BuildArgs) -> dict[str, Output[str]]:
    """Return the password of each BGP peer that has one, by the name of the peer."""
    section = args.settings.addons.load_balancer
    path = ("addons", "load_balancer", "peers")
    return {
        name: Output.secret(_secret_at(args, (*path, name, "password"), peer.password))
        for name, peer in (section.peers.items() if section else ())
        if peer.password is not None
    }


def _default_key(args: BuildArgs) -> Input[str] | None:
    """Return the private key of the default certificate of the ingress; None without a key."""
    settings = args.settings.addons.ingress
    if settings is None or settings.default_certificate is None:
        return None
    key = settings.default_certificate.private_key
    path = ("addons", "ingress", "default_certificate", "private_key")
    return _secret_at(args, path, key) if key else None


def _issuer_secrets(args: BuildArgs) -> IssuerSecrets:
    """Return the secrets of the issuers of cert-manager."""
    section = args.settings.addons.cert_manager
    path = ("addons", "cert_manager", "issuers")
    issuers = section.issuers.items() if section else ()
    return IssuerSecrets(
        authority_keys={
            name: _secret_at(args, (*path, name, "ca", "private_key"), issuer.ca.private_key)
            for name, issuer in issuers
            if issuer.ca
        },
        tsig_secrets={
            name: _secret_at(args, (*path, name, "acme", "rfc2136", "secret"), issuer.acme.rfc2136.secret)
            for name, issuer in issuers
            if issuer.acme and issuer.acme.rfc2136
        },
    )


def _connect_to_api(
    scope: Scope, kubeconfig: Output[str], healthy: Sequence[pulumi.Resource]
) -> kubernetes.Provider:
    """Return the Pulumi provider for the Kubernetes API, which depends on the `healthy` control planes."""
    return kubernetes.Provider(
        scope.name("kubernetes"),
        kubeconfig=kubeconfig,
        # Identify the cluster by its name, so that a renewed certificate in the kubeconfig replaces nothing.
        cluster_identifier="-".join(filter(None, (pulumi.get_project(), pulumi.get_stack(), scope.prefix))),
        enable_server_side_apply=True,
        enable_config_map_mutable=True,
        enable_secret_mutable=True,
        # Take over objects that an interrupted run created but could not record.
        upsert_existing_objects=True,
        opts=scope.options(pulumi.ResourceOptions(depends_on=list(healthy))),
    )


def _create_pod_identities(
    args: BuildArgs, cluster: Cluster, provider: Provider
) -> Sequence[pulumi.Resource]:
    """Create the identities of pods, in the cloud and in the cluster. Return [] without identities."""
    identities = provider.pod_identities(cluster.pki.service_account_keys)
    if not identities:
        return []
    arguments = PodIdentitiesArgs(api=cluster.api, identities=identities)
    return [PodIdentities(args.scope.name("pod-identities"), arguments, args.scope.options())]


def _create_add_ons(
    args: BuildArgs,
    topology: Topology,
    cluster: Cluster,
    *,
    files: Mapping[str, str],
    before_releases: Sequence[pulumi.Resource],
) -> None:
    """Create the add-ons, the objects of `access` and the Helm releases. Failed nodes do not block them."""
    api, pki, scope, options = cluster.api, cluster.pki, args.scope, args.scope.options()
    CoreDns(scope.name("coredns"), CoreDnsArgs(api=api, topology=topology, nodes=cluster.nodes), options)
    MetricsServer(
        scope.name("metrics-server"),
        MetricsServerArgs(api=api, topology=topology, ca=pki.ca, secrets=pki.secrets),
        options,
    )
    if topology.metallb:
        arguments = MetalLbArgs(
            api=api, topology=topology, metallb=topology.metallb, passwords=_peer_passwords(args)
        )
        MetalLbAddOn(scope.name("metallb"), arguments, options)
    if topology.network.cni is NetworkPlugin.FLANNEL and not topology.network.enforces_policies:
        IneffectivePolicies(scope.name("ineffective-policies"), IneffectivePoliciesArgs(api=api), options)
    accounts = DefaultAccounts(scope.name("default-accounts"), DefaultAccountsArgs(api=api), options)
    issuers = _create_ingress(args, topology, cluster)
    _create_external_dns(args, topology, cluster)
    secret_at = partial(_secret_at, args)
    create_keda(topology, api, pki, scope)
    create_capacity_plan(args.settings, api, scope)
    snapshots = create_storage(topology, api, args.settings.storage, secret_at, scope)
    create_velero(topology, api, args.settings, secret_at, snapshots, scope)
    create_dashboard(topology, cluster, args.settings, secret_at, issuers, scope)
    loki = create_logs(topology, cluster, args.settings, secret_at, scope)
    create_monitoring(topology, cluster, args.settings, secret_at, loki, issuers, scope)
    create_registry(topology, cluster, args.settings, secret_at, issuers, scope)
    access = Access(scope.name("access"), AccessArgs(api=api, access=args.settings.access), options)
    pull_secrets = create_pull_secrets(cluster, args.settings, secret_at, [access, accounts], scope)
    before: list[pulumi.Resource] = [access, *pull_secrets]
    if topology.has_gpus:
        before.append(GpuRuntimeClass(scope.name("gpus"), GpuRuntimeClassArgs(api=api), options))
    releases = HelmReleasesArgs(
        api=api,
        releases=resolve_releases(args.settings),
        after=[*before, *before_releases],
        inputs=inputs_below(args.inputs, "helm_releases"),
        files=files,
        post_renderers=post_renderer_directory(args.settings, os.environ),
    )
    HelmReleases(scope.name("helm"), releases, options)


def _create_ingress(args: BuildArgs, topology: Topology, cluster: Cluster) -> list[pulumi.Resource]:
    """Create the add-ons that serve Ingress objects and issue their certificates. Return the issuers."""
    api, pki, scope, options = cluster.api, cluster.pki, args.scope, args.scope.options()
    namespace: list[pulumi.Resource] = []
    if topology.ingress is not None:
        ingress = IngressArgs(
            api=api,
            topology=topology,
            ingress=topology.ingress,
            private_key=_default_key(args),
            nodes=cluster.nodes,
        )
        namespace.append(IngressController(scope.name("ingress"), ingress, options).namespace)
    if topology.cert_manager is not None:
        cert_manager = CertManagerArgs(
            api=api,
            topology=topology,
            cert_manager=topology.cert_manager,
            ca=pki.ca,
            secrets=pki.secrets,
            issuer_secrets=_issuer_secrets(args),
            ingress_namespace=namespace,
        )
        return [CertManagerAddOn(scope.name("cert-manager"), cert_manager, options)]
    return []


def _create_external_dns(args: BuildArgs, topology: Topology, cluster: Cluster) -> None:
    """Create the add-on that publishes names."""
    section = args.settings.addons.external_dns
    if section is None or topology.external_dns is None:
        return
    path = ("addons", "external_dns", "rfc2136", "secret")
    arguments = ExternalDnsArgs(
        api=cluster.api,
        topology=topology,
        external_dns=topology.external_dns,
        secret=_secret_at(args, path, section.rfc2136.secret),
    )
    ExternalDnsAddOn(args.scope.name("external-dns"), arguments, args.scope.options())
