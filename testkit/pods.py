"""Kubernetes workloads for tests as dictionaries. All workloads pass the `restricted` Pod Security level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

IMAGE = "docker.io/library/busybox:1.35"
PORT = 8080
TOLERATE_ALL = [{"operator": "Exists"}]
"""Tolerations for every taint."""

Object = dict[str, Any]

SERVE_COMMAND = f"mkdir -p /tmp/www && hostname >/tmp/www/index.html && exec httpd -f -p {PORT} -h /tmp/www"
"""Shell command that serves the pod's name at the path `/`."""


PROBE = {"httpGet": {"path": "/", "port": PORT}, "periodSeconds": 1}
"""A readiness probe for a server on `PORT`."""


def container(script: str, **more: object) -> Object:
    """Return a container that runs a shell command; `more` are additional fields of the container."""
    return {
        "name": "main",
        "image": IMAGE,
        "command": ["sh", "-c", script],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        **more,
    }


def serving_container(**more: object) -> Object:
    """Return a container that serves the pod's name and has a readiness probe."""
    return container(SERVE_COMMAND, readinessProbe=PROBE, ports=[{"containerPort": PORT}], **more)


def spec(main: Mapping[str, Any], **more: object) -> Object:
    """Return a pod specification with one container and a grace period of 1 s; `more` are additional
    fields.
    """
    return {"containers": [dict(main)], "terminationGracePeriodSeconds": 1, **more}


def on_node(node: str) -> Object:
    """Return the fields of a pod specification that run the pod on this node, whatever taints the
    node has.
    """
    return {"nodeSelector": {"kubernetes.io/hostname": node}, "tolerations": TOLERATE_ALL}


def pod(namespace: str, name: str, pod_spec: Mapping[str, Any]) -> Object:
    """Return the manifest of a pod with the label `app: <name>`."""
    metadata = {"namespace": namespace, "name": name, "labels": {"app": name}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod_spec}


def deployment(namespace: str, name: str, replicas: int, pod_spec: Mapping[str, Any]) -> Object:
    """Return a Deployment whose pods have the label `app: <name>`."""
    return _workload("Deployment", namespace, name, pod_spec, {"replicas": replicas})


def daemon_set(namespace: str, name: str, pod_spec: Mapping[str, Any]) -> Object:
    """Return a DaemonSet whose pods have the label `app: <name>`."""
    return _workload("DaemonSet", namespace, name, pod_spec, {})


def service(namespace: str, name: str, *, node_port: int | None = None) -> Object:
    """Return a Service on `PORT` for the pods with the label `app: <name>`."""
    port: Object = {"port": PORT, "targetPort": PORT}
    if node_port is not None:
        port["nodePort"] = node_port
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {
            "selector": {"app": name},
            "ports": [port],
            "type": "ClusterIP" if node_port is None else "NodePort",
        },
    }


def namespace(name: str, labels: Sequence[tuple[str, str]] = ()) -> Object:
    """Return the manifest of a namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": dict(labels)}}


def _workload(
    kind: str, namespace: str, name: str, pod_spec: Mapping[str, Any], more: Mapping[str, Any]
) -> Object:
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"namespace": namespace, "name": name},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": dict(pod_spec)},
            **more,
        },
    }
