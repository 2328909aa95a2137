"""Admission policies of identities of pods, recorded from the component on mocks."""

from __future__ import annotations

from typing import Any

import pulumi_kubernetes as kubernetes
from pulumi import ComponentResource

from components.addons.pod_identities import PodIdentities, PodIdentitiesArgs, PodIdentity, TokenVolume
from components.api import Api
from tests.unit.components.graph import Graph, record_graph

VOLUME = TokenVolume(
    name="token-of-the-cloud", audience="sts.example.com", path="/var/run/secrets/cloud", file="token"
)
READER = PodIdentity(
    name="reader",
    service_accounts=("web/reader", "jobs/default"),
    environment={"CLOUD_ROLE": 'role/"reader"', "CLOUD_TOKEN_FILE": "/var/run/secrets/cloud/token"},
    volume=VOLUME,
)


def identities_graph(*identities: PodIdentity) -> Graph:
    """Return the resources of the component."""

    def program() -> None:
        provider = kubernetes.Provider("kubernetes", kubeconfig="{}")
        api = Api(provider=provider, stored_in=ComponentResource("test:Etcd", "etcd"))
        PodIdentities("pod-identities", PodIdentitiesArgs(api=api, identities=identities))

    return record_graph(program)


def manifests(*identities: PodIdentity) -> list[dict[str, Any]]:
    """Return the objects of the component as an API server receives them."""
    prefix = "kubernetes:admissionregistration.k8s.io/v1:"
    nodes = [node for node in identities_graph(*identities).nodes.values() if node.type.startswith(prefix)]
    return [
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": node.type.removeprefix(prefix),
            "metadata": node.inputs["metadata"],
            "spec": node.inputs["spec"],
        }
        for node in nodes
    ]
