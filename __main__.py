"""The Pulumi program of a cluster: settings, assembly, provider, cluster, add-ons."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

import nodeconfig
import settings
import topology.exposure
import topology.sizing
from artifacts.errors import ArtifactError
from assembly import assemble, registry_credentials
from components.addons.access import Access, AccessArgs
from components.addons.coredns import CoreDns, CoreDnsArgs
from components.addons.helm_releases import HelmReleases, HelmReleasesArgs
from components.addons.metrics_server import MetricsServer, MetricsServerArgs
from components.await_registration import await_registration
from components.cluster import Cluster, ClusterArgs
from components.registries import registry_secrets
from providers.select import provider_for
from settings.hosts_file import join_hosts
from topology.model import Topology

# With this exit code the language host prints no traceback: the logged errors are complete.
_ALREADY_EXPLAINED = 32


def deploy() -> None:
    """Deploy the cluster. Raise SettingsError, ArtifactError or BundleError with a readable message."""
    stack = settings.load(description())
    assembly = assemble(stack, Path.cwd())
    plan = assembly.topology
    for warning in [*topology.sizing.warnings(plan), *topology.exposure.warnings(plan)]:
        pulumi.warn(warning)

    provider = provider_for(stack, plan, assembly.files, assembly.bundles)
    cluster = Cluster(
        "cluster",
        ClusterArgs(
            topology=plan,
            bundles=assembly.bundles,
            provider=provider,
            connect=connect,
            secrets=registry_secrets(plan, registry_credentials(stack)),
        ),
    )
    provider.add_ons(cluster.api)
    add_ons(stack, plan, cluster)

    pulumi.export("kubeconfig", cluster.kubeconfig)
    pulumi.export("endpoint", plan.endpoint.url)
    pulumi.export("members", {member.name: str(member.address) for member in plan.etcd})
    pulumi.export("nodes", {pool.name: [node.name for node in pool.nodes] for pool in plan.pools})
    pulumi.run(partial(await_registration, cluster.nodes))


def description() -> Any:  # noqa: ANN401 - any value of a stack file
    """Return the object `kubewright:cluster`; "" for another type, which `settings.load` reports."""
    try:
        config = pulumi.Config("kubewright")
        return join_hosts(config.get_object("cluster") or {}, config.get("hosts-file"))
    except pulumi.ConfigTypeError:
        return ""


def connect(kubeconfig: pulumi.Output[str], healthy: Sequence[pulumi.Resource]) -> kubernetes.Provider:
    """Return the connection to the API, after the resources of the healthy control plane."""
    return kubernetes.Provider(
        "kubernetes",
        kubeconfig=kubeconfig,
        # The identifier of the cluster, not of the kubeconfig: a renewed certificate must replace nothing.
        cluster_identifier=f"{pulumi.get_project()}-{pulumi.get_stack()}",
        enable_server_side_apply=True,
        enable_config_map_mutable=True,
        enable_secret_mutable=True,
        # A run adopts objects that an interrupted run created but could not record.
        upsert_existing_objects=True,
        opts=pulumi.ResourceOptions(depends_on=list(healthy)),
    )


def add_ons(stack: settings.Settings, plan: Topology, cluster: Cluster) -> None:
    """Create everything that runs inside the cluster. Failed nodes do not block add-ons."""
    api, pki = cluster.api, cluster.pki
    CoreDns("coredns", CoreDnsArgs(api=api, topology=plan, nodes=cluster.nodes))
    MetricsServer("metrics-server", MetricsServerArgs(api=api, topology=plan, ca=pki.ca, secrets=pki.secrets))
    access = Access("access", AccessArgs(api=api, access=stack.access))
    releases = HelmReleasesArgs(api=api, releases=stack.helm_releases, after=[access])
    HelmReleases("helm", releases)


# The engine interrupts the program after a failed update: exit without a traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)
try:
    deploy()
except (settings.SettingsError, ArtifactError, nodeconfig.BundleError) as error:
    for line in str(error).splitlines():
        pulumi.log.error(line)
    sys.exit(_ALREADY_EXPLAINED)
