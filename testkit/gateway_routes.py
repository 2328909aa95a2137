"""Routes of the Gateway API for tests, and their status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from testkit import pods
from testkit.cluster import Cluster
from topology.ingress import GATEWAY, NAMESPACE

API_VERSION = "gateway.networking.k8s.io/v1"
CONTROLLER = "traefik.io/gateway-controller"


def service_backend(name: str, **more: object) -> dict[str, Any]:
    """Return a reference to a Service of tests. `more` are other keys, such as `namespace`."""
    return {"name": name, "port": pods.PORT, **more}


def http_route(namespace: str, name: str, host: str, backend: Mapping[str, Any]) -> dict[str, Any]:
    """Return an HTTPRoute that leads a host to a backend, by all listeners of the add-on's Gateway."""
    return {
        "apiVersion": API_VERSION,
        "kind": "HTTPRoute",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {
            "parentRefs": [{"name": GATEWAY, "namespace": NAMESPACE}],
            "hostnames": [host],
            "rules": [{"backendRefs": [dict(backend)]}],
        },
    }


def reference_grant(namespace: str, name: str, *, from_namespace: str) -> dict[str, Any]:
    """Return a ReferenceGrant with which routes of a namespace may name the services of another namespace."""
    return {
        "apiVersion": API_VERSION,
        "kind": "ReferenceGrant",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {
            "from": [
                {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": from_namespace}
            ],
            "to": [{"group": "", "kind": "Service"}],
        },
    }


def conditions(cluster: Cluster, namespace: str, name: str) -> dict[str, tuple[str, str, str]]:
    """Return the status, reason and message of each condition that the add-on set on an HTTPRoute."""
    status = cluster.get("httproute", "-n", namespace, name).get("status", {})
    return {
        item["type"]: (item["status"], item["reason"], item["message"])
        for parent in status.get("parents", [])
        if parent["controllerName"] == CONTROLLER
        for item in parent["conditions"]
    }
