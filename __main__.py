"""The Pulumi program of a cluster: settings, assembly, provider, cluster, add-ons."""

from __future__ import annotations

import os
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
from settings.driver_keys import refuse_base, refuse_hosts_file
from settings.hosts_file import join_hosts
from settings.problem import CLUSTER_KEY
from settings.secret_leaves import (
    STACK_DIRECTORY,
    SettingPath,
    exposed_settings,
    secret_leaves,
    wrap_secrets,
)
from settings.warnings import private_key_warnings
from topology import exposure, sizing
from topology.model import Topology

# Exit code for errors that the program has logged. The engine's language host prints no traceback for it.
_EXIT_CODE_LOGGED_ERROR = 32


def deploy() -> None:
    """Deploy the cluster. Raise SettingsError, ArtifactError or BundleError with a readable message."""
    stack = settings.load(read_cluster_config())
    assembly = assemble(stack, Path.cwd())
    topology = assembly.topology
    warnings = [*sizing.size_warnings(topology), *exposure.exposure_warnings(topology)]
    for warning in [*warnings, *private_key_warnings(stack)]:
        pulumi.warn(warning)

    provider = provider_for(stack, topology, assembly.files, assembly.bundles)
    cluster = Cluster(
        "cluster",
        ClusterArgs(
            topology=topology,
            bundles=assembly.bundles,
            provider=provider,
            connect=connect_to_api,
            secrets=registry_secrets(topology, registry_credentials(stack)),
        ),
    )
    provider.add_ons(cluster.api)
    create_add_ons(stack, topology, cluster, read_secret_leaves())

    pulumi.export("kubeconfig", cluster.kubeconfig)
    pulumi.export("endpoint", topology.endpoint.url)
    pulumi.export("members", {member.name: str(member.address) for member in topology.etcd})
    pulumi.export("nodes", {pool.name: [node.name for node in pool.nodes] for pool in topology.pools})
    pulumi.run(partial(await_registration, cluster.nodes))


def read_cluster_config() -> Any:  # noqa: ANN401 - any value of a stack file
    """Return the value of `kubewright:cluster`, or "" for a value of another type, which `settings.load`
    reports. Raise SettingsError for keys that only the driver handles.
    """
    try:
        config = pulumi.Config("kubewright")
        refuse_base(config.get("base"), pulumi.get_stack())
        refuse_hosts_file(config.get("hosts-file"), Path.cwd(), pulumi.get_stack())
        return join_hosts(config.get_object("cluster") or {}, config.get("hosts-file"))
    except pulumi.ConfigTypeError:
        return ""


def read_secret_leaves() -> frozenset[SettingPath]:
    """Return the paths of secret settings. Warn about settings that do not stay secret."""
    has_secrets = pulumi.runtime.is_config_secret(CLUSTER_KEY)
    # Some releases of the engine's language host do not pass the root directory. Without the driver, the
    # program runs in it.
    root = pulumi.runtime.get_root_directory() or os.environ.get(STACK_DIRECTORY) or "."
    secrets = secret_leaves(Path(root), pulumi.get_stack(), has_secrets=has_secrets)
    for setting in exposed_settings(secrets):
        pulumi.warn(
            f"{CLUSTER_KEY}.{setting}: is encrypted, but the state and hosts contain it in plain text; "
            "only values of helm_releases and credentials of registries stay secret"
        )
    return secrets


def connect_to_api(kubeconfig: pulumi.Output[str], healthy: Sequence[pulumi.Resource]) -> kubernetes.Provider:
    """Return the Pulumi provider for the Kubernetes API, which depends on the `healthy` control planes."""
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


def create_add_ons(
    stack: settings.Settings, topology: Topology, cluster: Cluster, secrets: frozenset[SettingPath]
) -> None:
    """Create the add-ons, the objects of `access` and Helm releases. Failed nodes do not block add-ons."""
    api, pki = cluster.api, cluster.pki
    CoreDns("coredns", CoreDnsArgs(api=api, topology=topology, nodes=cluster.nodes))
    MetricsServer(
        "metrics-server", MetricsServerArgs(api=api, topology=topology, ca=pki.ca, secrets=pki.secrets)
    )
    access = Access("access", AccessArgs(api=api, access=stack.access))
    values = {
        name: wrap_secrets(release.values, ("helm_releases", name, "values"), secrets, pulumi.Output.secret)
        for name, release in stack.helm_releases.items()
    }
    releases = HelmReleasesArgs(api=api, releases=stack.helm_releases, values=values, after=[access])
    HelmReleases("helm", releases)


# The engine interrupts the program after a failed update: exit without a traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)
try:
    deploy()
except (settings.SettingsError, ArtifactError, nodeconfig.BundleError) as error:
    for line in str(error).splitlines():
        pulumi.log.error(line)
    sys.exit(_EXIT_CODE_LOGGED_ERROR)
