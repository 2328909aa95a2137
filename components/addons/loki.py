"""The objects of Loki in the cluster: its volume, pod, service and closed ports [H4]."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pulumi_kubernetes.apps.v1 as apps
import pulumi_kubernetes.core.v1 as core
import pulumi_kubernetes.networking.v1 as networking
from pulumi import Input, Output, Resource, ResourceOptions
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs

from artifacts.catalogue import images_of
from components.addons.collector_pods import EVENTS
from components.addons.collector_sources import SHIPPER
from components.addons.digests import content_digest
from components.addons.log_certificates import KeyPair
from components.addons.loki_config import (
    HEALTH_PORT,
    PASSWORD_VARIABLE,
    TENANT,
    alert_rules,
    loki_configuration,
)
from components.addons.workload import (
    await_annotations,
    http_probe,
    restricted_context,
    restricted_pod_context,
)
from topology.images import pinned_image
from topology.logs import LOKI, LOKI_PORT, NAMESPACE, Logs, LokiStore
from topology.model import Topology
from topology.monitoring import GRAFANA
from topology.monitoring import NAMESPACE as MONITORING_NAMESPACE

NAME_LABEL = "app.kubernetes.io/name"
LABELS = {NAME_LABEL: LOKI}
_ALERTMANAGER = "alertmanager"
_CONFIG = "/etc/loki/config"
_DATA = "/var/loki"
_RULES = "/etc/loki/rules"
_USER = 10001


@dataclass(frozen=True, kw_only=True)
class LokiArgs:
    """Arguments of `create_loki`. `password` is that of Alertmanager, `salt` as in `LogsArgs`. `grafana` is
    true if the Grafana of `addons.monitoring` reads Loki.
    """

    topology: Topology
    logs: Logs
    store: LokiStore
    certificate: KeyPair
    salt: Input[str]
    password: Input[str] | None
    grafana: bool = False


def create_loki(name: str, args: LokiArgs, opts: ResourceOptions) -> list[Resource]:
    """Create the objects. `name` is the beginning of the names of the Pulumi resources."""
    files = _files(args)
    before: list[Resource] = [
        _config_map(f"{name}-config", LOKI, {"loki.json": files["loki.json"]}, opts),
        _config_map(f"{name}-rules", f"{LOKI}-rules", {"events.json": files["events.json"]}, opts),
        core.Secret(
            f"{name}-certificate",
            metadata=ObjectMetaArgs(name=LOKI, namespace=NAMESPACE),
            type="kubernetes.io/tls",
            string_data=args.certificate.files,
            opts=opts,
        ),
        _claim(f"{name}-volume", args.store, opts),
        _network_policy(f"{name}-policy", args.store, opts, grafana=args.grafana),
    ]
    secret = _alertmanager_secret(f"{name}-alertmanager", args, opts)
    pods = _stateful_set(f"{name}-pods", args, ResourceOptions.merge(opts, _after([*before, *secret])))
    return [_service(f"{name}-service", opts), pods]


def _after(resources: list[Resource]) -> ResourceOptions:
    return ResourceOptions(depends_on=resources)


def _files(args: LokiArgs) -> dict[str, str]:
    events = args.logs.events
    return {
        "loki.json": json.dumps(loki_configuration(args.store, events), indent=2),
        "events.json": json.dumps(alert_rules(events.alerts if events else ()), indent=2),
    }


def _config_map(name: str, config_map: str, data: dict[str, str], opts: ResourceOptions) -> Resource:
    metadata = ObjectMetaArgs(name=config_map, namespace=NAMESPACE)
    return core.ConfigMap(name, metadata=metadata, data=data, opts=opts)


def _alertmanager_secret(name: str, args: LokiArgs, opts: ResourceOptions) -> list[Resource]:
    """Create the Secret with the password and the authority of Alertmanager, if there is one of both."""
    receiver = args.logs.events.alertmanager if args.logs.events else None
    data: dict[str, Input[str]] = {}
    if receiver is not None and receiver.ca:
        data["alertmanager.crt"] = receiver.ca
    if args.password is not None:
        data[PASSWORD_VARIABLE] = Output.secret(args.password)
    if not data:
        return []
    metadata = ObjectMetaArgs(name=_ALERTMANAGER, namespace=NAMESPACE)
    return [core.Secret(name, metadata=metadata, string_data=data, opts=opts)]


def _claim(name: str, store: LokiStore, opts: ResourceOptions) -> Resource:
    return core.PersistentVolumeClaim(
        name,
        # A claim is bound only when a pod uses it, if its class says so.
        metadata=ObjectMetaArgs(name=LOKI, namespace=NAMESPACE, annotations={"pulumi.com/skipAwait": "true"}),
        spec=core.PersistentVolumeClaimSpecArgs(
            access_modes=["ReadWriteOnce"],
            storage_class_name=store.storage_class or None,
            resources=core.VolumeResourceRequirementsArgs(requests={"storage": store.storage}),
        ),
        opts=opts,
    )


def _network_policy(name: str, store: LokiStore, opts: ResourceOptions, *, grafana: bool) -> Resource:
    """Open Loki's port for the shipper, for the pod of events, for `readers` and for `grafana`. Nodes can
    always connect to their own pods.
    """

    def pods(label: str) -> networking.NetworkPolicyPeerArgs:
        return networking.NetworkPolicyPeerArgs(
            pod_selector=LabelSelectorArgs(match_labels={NAME_LABEL: label})
        )

    def namespace(reader: str) -> networking.NetworkPolicyPeerArgs:
        labels = {"kubernetes.io/metadata.name": reader}
        return networking.NetworkPolicyPeerArgs(namespace_selector=LabelSelectorArgs(match_labels=labels))

    grafanas = []
    if grafana:
        peer = namespace(MONITORING_NAMESPACE)
        peer.pod_selector = pods(GRAFANA).pod_selector
        grafanas.append(peer)
    return networking.NetworkPolicy(
        name,
        metadata=ObjectMetaArgs(name=LOKI, namespace=NAMESPACE),
        spec=networking.NetworkPolicySpecArgs(
            pod_selector=LabelSelectorArgs(match_labels=LABELS),
            policy_types=["Ingress"],
            ingress=[
                networking.NetworkPolicyIngressRuleArgs(
                    from_=[pods(SHIPPER), pods(EVENTS), *map(namespace, store.readers), *grafanas],
                    ports=[networking.NetworkPolicyPortArgs(port=LOKI_PORT, protocol="TCP")],
                )
            ],
        ),
        opts=opts,
    )


def _service(name: str, opts: ResourceOptions) -> Resource:
    return core.Service(
        name,
        metadata=ObjectMetaArgs(
            name=LOKI, namespace=NAMESPACE, labels=LABELS, annotations={"pulumi.com/skipAwait": "true"}
        ),
        spec=core.ServiceSpecArgs(
            selector=LABELS,
            ports=[core.ServicePortArgs(name="https", port=LOKI_PORT, target_port="https")],
        ),
        opts=opts,
    )


def _stateful_set(name: str, args: LokiArgs, opts: ResourceOptions) -> Resource:
    secrets = [args.certificate.certificate, args.certificate.authority, args.password or ""]
    annotations: dict[str, Input[str]] = {
        "kubewright.dev/config": content_digest("", *_files(args).values()),
        # Loki reads its certificate and the password of Alertmanager only when it starts.
        "kubewright.dev/secrets": content_digest(args.salt, *secrets),
    }
    return apps.StatefulSet(
        name,
        metadata=ObjectMetaArgs(
            name=LOKI, namespace=NAMESPACE, labels=LABELS, annotations=await_annotations(args.topology)
        ),
        spec=apps.StatefulSetSpecArgs(
            replicas=1,
            service_name=LOKI,
            selector=LabelSelectorArgs(match_labels=LABELS),
            template=core.PodTemplateSpecArgs(
                metadata=ObjectMetaArgs(labels=LABELS, annotations=annotations), spec=_pod(args)
            ),
        ),
        opts=opts,
    )


def _pod(args: LokiArgs) -> core.PodSpecArgs:
    volumes = {
        "config": core.VolumeArgs(name="config", config_map=core.ConfigMapVolumeSourceArgs(name=LOKI)),
        "rules": core.VolumeArgs(
            name="rules", config_map=core.ConfigMapVolumeSourceArgs(name=f"{LOKI}-rules")
        ),
        "tls": core.VolumeArgs(
            name="tls", secret=core.SecretVolumeSourceArgs(secret_name=LOKI, default_mode=0o440)
        ),
        "data": core.VolumeArgs(
            name="data",
            persistent_volume_claim=core.PersistentVolumeClaimVolumeSourceArgs(claim_name=LOKI),
        ),
    }
    paths = {"config": _CONFIG, "rules": f"{_RULES}/{TENANT}", "tls": "/etc/loki/tls", "data": _DATA}
    receiver = args.logs.events.alertmanager if args.logs.events else None
    if receiver is not None and receiver.ca:
        source = core.SecretVolumeSourceArgs(
            secret_name=_ALERTMANAGER,
            default_mode=0o440,
            items=[core.KeyToPathArgs(key="alertmanager.crt", path="alertmanager.crt")],
        )
        volumes["authorities"] = core.VolumeArgs(name="authorities", secret=source)
        paths["authorities"] = "/etc/loki/authorities"
    mounts = [
        core.VolumeMountArgs(name=name, mount_path=path, read_only=name != "data" or None)
        for name, path in paths.items()
    ]
    return core.PodSpecArgs(
        automount_service_account_token=False,
        enable_service_links=False,
        priority_class_name="system-cluster-critical",
        # Loki stops to write within seconds, and its log of entries is on the volume. But the process does
        # not end: with `internal_server`, its two servers wait for each other (pkg/loki/modules.go of 3.7.8).
        termination_grace_period_seconds=30,
        security_context=restricted_pod_context(_USER, fs_group=_USER),
        containers=[_container(args, mounts)],
        volumes=list(volumes.values()),
    )


def _container(args: LokiArgs, mounts: list[core.VolumeMountArgs]) -> core.ContainerArgs:
    environment = []
    if args.password is not None:
        selector = core.SecretKeySelectorArgs(name=_ALERTMANAGER, key=PASSWORD_VARIABLE)
        source = core.EnvVarSourceArgs(secret_key_ref=selector)
        environment.append(core.EnvVarArgs(name=PASSWORD_VARIABLE, value_from=source))
    return core.ContainerArgs(
        name=LOKI,
        image=pinned_image(args.topology, images_of(LOKI)[0]),
        args=[f"-config.file={_CONFIG}/loki.json", "-config.expand-env=true"],
        env=environment or None,
        ports=[core.ContainerPortArgs(name="https", container_port=LOKI_PORT)],
        resources=core.ResourceRequirementsArgs(
            requests={"cpu": "100m", "memory": "256Mi"}, limits={"memory": args.store.memory}
        ),
        security_context=restricted_context(),
        readiness_probe=http_probe("/ready", HEALTH_PORT, period=5),
        # /ready fails while Loki replays its write-ahead log, which must not restart it.
        liveness_probe=core.ProbeArgs(
            tcp_socket=core.TCPSocketActionArgs(port=HEALTH_PORT),
            initial_delay_seconds=30,
            period_seconds=20,
            failure_threshold=6,
        ),
        volume_mounts=mounts,
    )
