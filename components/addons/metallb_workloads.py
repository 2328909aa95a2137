"""The workloads of MetalLB: the controller gives addresses to services, and speakers announce them."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi_kubernetes.apps.v1 as apps
import pulumi_kubernetes.core.v1 as core
import yaml
from pulumi import ResourceOptions
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs

from artifacts.catalogue import supported_versions
from components.addons.workload import (
    await_annotations,
    http_probe,
    lost_node_tolerations,
    restricted_context,
    restricted_pod_context,
    system_tolerations,
    trust_annotations,
)
from topology.images import pinned_image
from topology.metallb import NAMESPACE
from topology.model import Topology
from topology.ports import MEMBERLIST_PORT, SPEAKER_HEALTH_PORT

CONTROLLER, SPEAKER = "controller", "speaker"
"""Names of the workloads and of their service accounts."""
_APP = {"app": "metallb"}
_USER = 65534
_KEY = "memberlist"
"""The Secret with the key that encrypts messages between speakers. The controller creates it."""
_KEY_DIRECTORY = "/etc/ml_secret_key"
_INTERFACES = "metallb-excludel2"
_VIRTUAL_INTERFACES = (
    *("^docker.*", "^cbr.*", "^dummy.*", "^virbr.*", "^lxcbr.*", "^veth.*", "^lo$", "^cali.*", "^tunl.*"),
    *("^flannel.*", "^kube-ipvs.*", "^cni.*", "^nodelocaldns.*", "^lxc.*"),
)
"""Upstream's list of interfaces on which speakers answer no ARP requests."""
_SECONDS_ON_LOST_NODE = 30
"""Time after which the controller moves from a node that does not respond."""
_SESSION_SECONDS = 20
"""Time in which a new speaker establishes its sessions, before the next speaker is replaced."""


def create_workloads(name: str, topology: Topology, opts: ResourceOptions) -> None:
    """Create the workloads. `name` is the beginning of the names of the Pulumi resources."""
    interfaces = core.ConfigMap(
        f"{name}-interfaces",
        metadata=ObjectMetaArgs(name=_INTERFACES, namespace=NAMESPACE),
        data={"excludel2.yaml": yaml.safe_dump({"announcedInterfacesToExclude": list(_VIRTUAL_INTERFACES)})},
        opts=opts,
    )
    controller = apps.Deployment(
        f"{name}-{CONTROLLER}",
        metadata=_metadata(CONTROLLER, await_annotations(topology)),
        # Two controllers could give the same address to two services.
        spec=apps.DeploymentSpecArgs(
            replicas=1,
            strategy=apps.DeploymentStrategyArgs(type="Recreate"),
            selector=LabelSelectorArgs(match_labels=_labels(CONTROLLER)),
            template=_template(topology, CONTROLLER, _controller_pod(topology)),
        ),
        opts=opts,
    )
    apps.DaemonSet(
        f"{name}-{SPEAKER}",
        # A lost node does not block the run.
        metadata=_metadata(SPEAKER, {"pulumi.com/skipAwait": "true"}),
        spec=apps.DaemonSetSpecArgs(
            selector=LabelSelectorArgs(match_labels=_labels(SPEAKER)),
            # A new speaker is ready before its BGP sessions are established. If the next old speaker ended
            # before that, routers would know no node.
            min_ready_seconds=_SESSION_SECONDS,
            template=_template(topology, SPEAKER, _speaker_pod(topology)),
        ),
        # Speakers start when the controller has created the key.
        opts=ResourceOptions.merge(opts, ResourceOptions(depends_on=[interfaces, controller])),
    )


def _labels(component: str) -> dict[str, str]:
    return {**_APP, "component": component}


def _selector(component: str) -> str:
    return ",".join(f"{key}={value}" for key, value in _labels(component).items())


def _metadata(component: str, annotations: Mapping[str, str] | None) -> ObjectMetaArgs:
    return ObjectMetaArgs(
        name=component, namespace=NAMESPACE, labels=_labels(component), annotations=annotations
    )


def _template(topology: Topology, component: str, spec: core.PodSpecArgs) -> core.PodTemplateSpecArgs:
    metadata = ObjectMetaArgs(labels=_labels(component), annotations=trust_annotations(topology) or None)
    return core.PodTemplateSpecArgs(metadata=metadata, spec=spec)


def _controller_pod(topology: Topology) -> core.PodSpecArgs:
    container = core.ContainerArgs(
        name=CONTROLLER,
        image=_image(topology, CONTROLLER),
        args=["--port=0", "--webhook-mode=disabled", "--log-level=info"],
        env=[
            _field("METALLB_POD_NAME", "metadata.name"),
            core.EnvVarArgs(name="METALLB_ML_SECRET_NAME", value=_KEY),
            core.EnvVarArgs(name="METALLB_DEPLOYMENT", value=CONTROLLER),
        ],
        resources=_resources(),
        security_context=restricted_context(),
        readiness_probe=_probe("/readyz"),
        liveness_probe=_probe("/healthz"),
    )
    return core.PodSpecArgs(
        service_account_name=CONTROLLER,
        priority_class_name="system-cluster-critical",
        tolerations=[*system_tolerations(), *lost_node_tolerations(_SECONDS_ON_LOST_NODE)],
        termination_grace_period_seconds=0,
        security_context=restricted_pod_context(_USER),
        containers=[container],
    )


def _speaker_pod(topology: Topology) -> core.PodSpecArgs:
    container = core.ContainerArgs(
        name=SPEAKER,
        image=_image(topology, SPEAKER),
        args=["--port=0", "--log-level=info"],
        env=[
            _field("METALLB_NODE_NAME", "spec.nodeName"),
            _field("METALLB_POD_NAME", "metadata.name"),
            _field("METALLB_HOST", "status.hostIP"),
            _field("METALLB_ML_BIND_ADDR", "status.podIP"),
            core.EnvVarArgs(name="METALLB_ML_BIND_PORT", value=str(MEMBERLIST_PORT)),
            core.EnvVarArgs(name="METALLB_ML_LABELS", value=_selector(SPEAKER)),
            core.EnvVarArgs(name="METALLB_ML_SECRET_KEY_PATH", value=_KEY_DIRECTORY),
        ],
        resources=_resources(),
        # The speaker sends and receives ARP packets.
        security_context=restricted_context(add=["NET_RAW"]),
        readiness_probe=_probe("/readyz", host="127.0.0.1"),
        liveness_probe=_probe("/healthz", host="127.0.0.1"),
        volume_mounts=[
            core.VolumeMountArgs(name="key", mount_path=_KEY_DIRECTORY, read_only=True),
            core.VolumeMountArgs(name="interfaces", mount_path="/etc/metallb", read_only=True),
        ],
    )
    return core.PodSpecArgs(
        service_account_name=SPEAKER,
        priority_class_name="system-node-critical",
        # Every node can announce addresses, also nodes with their own taints.
        tolerations=[core.TolerationArgs(operator="Exists")],
        host_network=True,
        termination_grace_period_seconds=2,
        containers=[container],
        volumes=[
            core.VolumeArgs(
                name="key", secret=core.SecretVolumeSourceArgs(secret_name=_KEY, default_mode=0o400)
            ),
            core.VolumeArgs(name="interfaces", config_map=core.ConfigMapVolumeSourceArgs(name=_INTERFACES)),
        ],
    )


def _image(topology: Topology, component: str) -> str:
    version = supported_versions("metallb")[0]
    return pinned_image(topology, f"quay.io/metallb/{component}:v{version}")


def _field(name: str, path: str) -> core.EnvVarArgs:
    source = core.EnvVarSourceArgs(field_ref=core.ObjectFieldSelectorArgs(field_path=path))
    return core.EnvVarArgs(name=name, value_from=source)


def _resources() -> core.ResourceRequirementsArgs:
    # No processor limit: a speaker that waits for the processor looks like a failed node.
    return core.ResourceRequirementsArgs(
        requests={"cpu": "50m", "memory": "64Mi"}, limits={"memory": "256Mi"}
    )


def _probe(path: str, host: str | None = None) -> core.ProbeArgs:
    return http_probe(path, SPEAKER_HEALTH_PORT, period=10, delay=2, host=host)
