"""The pods of the registry: those that accept changes, and read-only ones for garbage collection [H4]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi_kubernetes.apps.v1 as apps
import pulumi_kubernetes.core.v1 as core
from pulumi import Input, ResourceOptions
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs

from artifacts.catalogue import images_of
from components.addons.distribution_config import (
    HTTP_SECRET_VARIABLE,
    PORT,
    READER_FILE,
    SETTINGS,
    STORAGE,
    STORE_CA_FILE,
    TLS,
    USERS,
    WRITER_FILE,
    certificate_files,
    store_variable,
)
from components.addons.workload import (
    await_annotations,
    http_probe,
    restricted_context,
    restricted_pod_context,
    rolling_update,
    spread_constraints,
)
from topology.distribution import NAMESPACE, SERVICE, Distribution, Volume
from topology.images import pinned_image
from topology.model import Topology

READER = f"{SERVICE}-read-only"
"""The name of the read-only pods. They run only while garbage collection does."""
SETTINGS_NAME, USERS_NAME, SECRETS_NAME, CERTIFICATE_NAME, CLAIM_NAME = (
    f"{SERVICE}-{suffix}" for suffix in ("settings", "users", "secrets", "certificate", "images")
)
"""The names of the ConfigMap, the Secrets and the claim that pods use."""
LABELS = {"app.kubernetes.io/name": SERVICE}
"""The labels of all pods that serve requests."""
USER = 65532
REGISTRY = "/bin/registry"
_MODE = "app.kubernetes.io/component"
_STARTED = "/run/registry"
"""The directory with the certificate with which the program started."""
_GRACE_SECONDS = 60


def mode_labels(workload: str) -> dict[str, str]:
    """Return the labels of the pods of a workload."""
    return {**LABELS, _MODE: "read-only" if workload == READER else "read-write"}


def create_pods(
    name: str,
    workload: str,
    topology: Topology,
    data: Distribution,
    annotations: Mapping[str, Input[str]],
    opts: ResourceOptions,
) -> apps.Deployment:
    """Create the Deployment `workload`. `annotations` restart its pods when files change that the program
    reads only when it starts.
    """
    read_only = workload == READER
    labels = mode_labels(workload)
    return apps.Deployment(
        name,
        metadata=ObjectMetaArgs(
            name=workload,
            namespace=NAMESPACE,
            labels=labels,
            annotations={"pulumi.com/skipAwait": "true"} if read_only else await_annotations(topology),
        ),
        spec=apps.DeploymentSpecArgs(
            replicas=0 if read_only else data.replicas,
            strategy=apps.DeploymentStrategyArgs(type="Recreate")
            if data.has_one_writer
            else rolling_update(),
            selector=LabelSelectorArgs(match_labels=labels),
            template=core.PodTemplateSpecArgs(
                metadata=ObjectMetaArgs(labels=labels, annotations=dict(annotations)),
                spec=_pod_spec(topology, data, labels, read_only=read_only),
            ),
        ),
        opts=opts,
    )


def _pod_spec(
    topology: Topology, data: Distribution, labels: Mapping[str, str], *, read_only: bool
) -> core.PodSpecArgs:
    certificate = core.SecretVolumeSourceArgs(secret_name=CERTIFICATE_NAME, default_mode=0o440)
    return core.PodSpecArgs(
        priority_class_name="system-cluster-critical",
        affinity=near_the_volume(data, required=read_only),
        topology_spread_constraints=spread_constraints(labels, replicas=data.replicas, required=False),
        termination_grace_period_seconds=_GRACE_SECONDS,
        security_context=pod_context(),
        containers=[_container(topology, data, read_only=read_only)],
        volumes=[
            *volumes(data),
            core.VolumeArgs(name="tls", secret=certificate),
            *_login_volumes(data),
            *_started_volumes(data),
        ],
    )


def pod_context() -> core.PodSecurityContextArgs:
    """Return the security context of pods that use the images. Their group owns the files of a volume."""
    context = restricted_pod_context(USER, fs_group=USER)
    # Otherwise the kubelet changes the group of all files of the volume before each start.
    context.fs_group_change_policy = "OnRootMismatch"
    return context


def near_the_volume(data: Distribution, *, required: bool) -> core.AffinityArgs | None:
    """Return the affinity to the node of the other pods of the registry, which has the volume mounted."""
    if not data.has_one_writer:
        return None
    term = core.PodAffinityTermArgs(
        label_selector=LabelSelectorArgs(match_labels=LABELS), topology_key="kubernetes.io/hostname"
    )
    if required:
        return core.AffinityArgs(
            pod_affinity=core.PodAffinityArgs(required_during_scheduling_ignored_during_execution=[term])
        )
    weighted = core.WeightedPodAffinityTermArgs(weight=100, pod_affinity_term=term)
    return core.AffinityArgs(
        pod_affinity=core.PodAffinityArgs(preferred_during_scheduling_ignored_during_execution=[weighted])
    )


def _container(topology: Topology, data: Distribution, *, read_only: bool) -> core.ContainerArgs:
    file = f"{SETTINGS}/{READER_FILE if read_only else WRITER_FILE}"
    certificate = f"{TLS}/tls.crt"
    serve = f"cp {certificate} {_STARTED}/ && exec {REGISTRY} serve {file}"
    mounts = [core.VolumeMountArgs(name="tls", mount_path=TLS, read_only=True)]
    if data.users:
        mounts.append(core.VolumeMountArgs(name="users", mount_path=USERS, read_only=True))
    if data.issuer:
        mounts.append(core.VolumeMountArgs(name="started", mount_path=_STARTED))
    # The program reads its certificate only when it starts. An issuer renews the certificate at any time, so
    # that the kubelet restarts a program with an old one.
    renewed = core.ExecActionArgs(command=["cmp", "-s", certificate, f"{_STARTED}/tls.crt"])
    return core.ContainerArgs(
        name=SERVICE,
        image=registry_image(topology),
        command=["/bin/sh", "-c", serve] if data.issuer else [REGISTRY, "serve", file],
        env=environment(data),
        ports=[core.ContainerPortArgs(name="https", container_port=PORT)],
        resources=resources(data),
        security_context=restricted_context(),
        # This page fails while the storage does. A restart would not help, so that the other probe differs.
        readiness_probe=http_probe("/", "https", period=5, scheme="HTTPS"),
        liveness_probe=core.ProbeArgs(
            exec_=renewed if data.issuer else None,
            tcp_socket=None if data.issuer else core.TCPSocketActionArgs(port="https"),
            initial_delay_seconds=10,
            period_seconds=10,
            timeout_seconds=5,
            failure_threshold=3,
        ),
        volume_mounts=[*storage_mounts(data, read_only=read_only), *mounts],
    )


def registry_image(topology: Topology) -> str:
    """Return the reference of the image of distribution."""
    return pinned_image(topology, images_of("distribution")[0])


def resources(data: Distribution) -> core.ResourceRequirementsArgs:
    """Return the resources of a container that uses the images."""
    return core.ResourceRequirementsArgs(
        requests={"cpu": data.resources.cpu, "memory": data.resources.memory},
        limits={"memory": data.resources.memory_limit},
    )


def environment(data: Distribution) -> list[core.EnvVarArgs]:
    """Return the variables with the secrets of the program."""
    variables = [core.EnvVarArgs(name="OTEL_TRACES_EXPORTER", value="none")]
    for variable in filter(None, (HTTP_SECRET_VARIABLE, store_variable(data))):
        source = core.EnvVarSourceArgs(
            secret_key_ref=core.SecretKeySelectorArgs(name=SECRETS_NAME, key=variable)
        )
        variables.append(core.EnvVarArgs(name=variable, value_from=source))
    if STORE_CA_FILE in certificate_files(data):
        variables.append(core.EnvVarArgs(name="SSL_CERT_FILE", value=f"{SETTINGS}/{STORE_CA_FILE}"))
    return variables


def storage_mounts(data: Distribution, *, read_only: bool) -> list[core.VolumeMountArgs]:
    """Return the mounts of the configuration and of the volume with images."""
    mounts = [core.VolumeMountArgs(name="settings", mount_path=SETTINGS, read_only=True)]
    if isinstance(data.store, Volume):
        mounts.append(core.VolumeMountArgs(name="images", mount_path=STORAGE, read_only=read_only))
    return mounts


def volumes(data: Distribution) -> list[core.VolumeArgs]:
    """Return the volumes of `storage_mounts`."""
    configuration = core.ConfigMapVolumeSourceArgs(name=SETTINGS_NAME)
    result = [core.VolumeArgs(name="settings", config_map=configuration)]
    if isinstance(data.store, Volume):
        claim = core.PersistentVolumeClaimVolumeSourceArgs(claim_name=CLAIM_NAME)
        result.append(core.VolumeArgs(name="images", persistent_volume_claim=claim))
    return result


def _login_volumes(data: Distribution) -> Sequence[core.VolumeArgs]:
    if not data.users:
        return []
    secret = core.SecretVolumeSourceArgs(secret_name=USERS_NAME, default_mode=0o440)
    return [core.VolumeArgs(name="users", secret=secret)]


def _started_volumes(data: Distribution) -> Sequence[core.VolumeArgs]:
    if not data.issuer:
        return []
    directory = core.EmptyDirVolumeSourceArgs(medium="Memory", size_limit="1Mi")
    return [core.VolumeArgs(name="started", empty_dir=directory)]
