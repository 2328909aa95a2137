"""Tests of the add-on that serves Ingress objects, on mocks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pulumi_kubernetes as kubernetes
import pytest

from artifacts import catalogue
from components.addons.ingress import IngressArgs, IngressController
from components.api import Api
from testkit.bundles import cluster
from testkit.certificates import issue_certificate
from tests.unit.components.conftest import Deploy
from tests.unit.components.graph import Graph, Json, Node, cluster_config, record_graph
from topology.ingress import Ingress

ISSUED = issue_certificate("shop.example")
CERTIFICATE = {"certificate": ISSUED.certificate_pem.decode(), "private_key": ISSUED.key_pem.decode()}
KUBERNETES = "kubernetes:"


def deployed(deploy: Deploy, directory: Path, addons: Json | None = None, **changes: object) -> Graph:
    """Return a cluster whose ingress pool is `workers`. `addons` are other add-ons."""
    section = {"pool": "workers", "sources": ["192.0.2.0/24"], "default_certificate": CERTIFICATE, **changes}
    config: Any = cluster_config(directory, workers=2)
    config["pools"]["workers"]["taints"] = ["dedicated=ingress:NoSchedule"]
    given = {key: value for key, value in section.items() if value is not None}
    return deploy(config | {"addons": {"ingress": given, **(addons or {})}})


@pytest.fixture(scope="module")
def on_pool(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    return deployed(deploy, tmp_path_factory.mktemp("pool"))


@pytest.fixture(scope="module")
def behind_load_balancer() -> Graph:
    """Return the resources of the add-on behind a service. `cluster` is on bare metal, like the settings."""

    def program() -> None:
        provider = kubernetes.Provider("kubernetes")
        ingress = Ingress(
            pool="", sources=cluster().network.machines, replicas=3, annotations=(("a/b", "c"),)
        )
        api = Api(provider=provider, stored_in=provider)
        IngressController("ingress", IngressArgs(api=api, topology=cluster(), ingress=ingress))

    return record_graph(program)


def pod_template(graph: Graph) -> Any:  # noqa: ANN401 — inputs of a resource
    return graph.node("ingress-pods").inputs["spec"]["template"]


def container(graph: Graph) -> Any:  # noqa: ANN401 — inputs of a resource
    (only,) = pod_template(graph)["spec"]["containers"]
    return only


def of_add_on(graph: Graph) -> list[Node]:
    (component,) = graph.of_type(":IngressController")
    return [node for node in graph.nodes.values() if node.parent == component.urn]


def test_add_on_is_off_by_default(deploy: Deploy, tmp_path: Path) -> None:
    graph = deploy(cluster_config(tmp_path, workers=1))
    assert not graph.of_type(":IngressController")
    assert not any(
        "kubewright.dev/ingress" in text for node in graph.nodes.values() for text in node.plain_texts()
    )


def test_pods_have_host_ports_on_the_nodes_of_the_pool(on_pool: Graph) -> None:
    ports = {port["name"]: (port["containerPort"], port["hostPort"]) for port in container(on_pool)["ports"]}
    assert ports == {"web": (8000, 80), "websecure": (8443, 443)}
    spec = pod_template(on_pool)["spec"]
    assert spec["nodeSelector"] == {"kubewright.dev/ingress": "true"}
    assert spec["tolerations"] == [
        {"key": "dedicated", "value": "ingress", "effect": "NoSchedule", "operator": "Equal"}
    ]
    assert "hostNetwork" not in spec
    pods = on_pool.node("ingress-pods").inputs["spec"]
    assert pods["replicas"] == 2, "each node has one pod"
    assert pods["strategy"]["rollingUpdate"] == {"maxUnavailable": 1, "maxSurge": 0}


def test_nodes_of_the_pool_get_the_label(on_pool: Graph) -> None:
    scripts = [text for node in on_pool.of_type("remote:Command") for text in node.plain_texts()]
    assert any("label kubewright.dev/ingress=true" in text for text in scripts)


def test_pods_have_no_privileges(on_pool: Graph, behind_load_balancer: Graph) -> None:
    for graph in (on_pool, behind_load_balancer):
        assert pod_template(graph)["spec"]["securityContext"]["runAsNonRoot"]
        context = container(graph)["securityContext"]
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert context["readOnlyRootFilesystem"]
        assert not context["allowPrivilegeEscalation"]


def test_pod_that_ends_has_time_for_its_requests(on_pool: Graph) -> None:
    arguments = container(on_pool)["args"]
    seconds = 0
    for option in ("requestacceptgracetimeout", "gracetimeout"):
        values = [text.partition("=")[2] for text in arguments if f".{option}=" in text]
        assert len(values) == 3, "clients by HTTP and HTTPS, and probes"
        assert len(set(values)) == 1
        seconds += int(values[0].removesuffix("s"))
    assert pod_template(on_pool)["spec"]["terminationGracePeriodSeconds"] > seconds


def test_key_of_the_default_certificate_is_secret_and_a_new_certificate_replaces_pods(
    deploy: Deploy, tmp_path: Path, on_pool: Graph
) -> None:
    secret = on_pool.node("ingress-certificate")
    assert not any("PRIVATE KEY" in text for text in secret.plain_texts())
    assert "--providers.file.filename=/etc/traefik/certificate.yaml" in container(on_pool)["args"]
    other = issue_certificate("other.example")
    changed = {"certificate": other.certificate_pem.decode(), "private_key": other.key_pem.decode()}
    replaced = deployed(deploy, tmp_path, default_certificate=changed)
    annotations = [pod_template(graph)["metadata"]["annotations"] for graph in (on_pool, replaced)]
    assert annotations[0] != annotations[1]


def test_no_certificate_needs_no_files(deploy: Deploy, tmp_path: Path) -> None:
    graph = deployed(deploy, tmp_path, default_certificate=None, default_class=False)
    assert "volumes" not in pod_template(graph)["spec"]
    assert not [text for text in container(graph)["args"] if "providers.file" in text]
    assert "annotations" not in graph.node("ingress-class").inputs["metadata"]


def test_ingress_class_is_the_default(on_pool: Graph) -> None:
    metadata = on_pool.node("ingress-class").inputs["metadata"]
    assert metadata["annotations"] == {"ingressclass.kubernetes.io/is-default-class": "true"}


def test_clients_of_the_service_are_limited(behind_load_balancer: Graph) -> None:
    service = behind_load_balancer.node("ingress-service").inputs
    assert service["spec"]["loadBalancerSourceRanges"] == ["10.9.0.0/24"]
    assert service["spec"]["externalTrafficPolicy"] == "Local"
    assert service["metadata"]["annotations"]["a/b"] == "c"
    assert behind_load_balancer.node("ingress-pods").inputs["spec"]["replicas"] == 3
    assert not [port for port in container(behind_load_balancer)["ports"] if "hostPort" in port]


@pytest.mark.parametrize(
    ("fixture", "level"), [("on_pool", "privileged"), ("behind_load_balancer", "restricted")]
)
def test_only_host_ports_need_a_privileged_namespace(
    request: pytest.FixtureRequest, fixture: str, level: str
) -> None:
    graph: Graph = request.getfixturevalue(fixture)
    labels = graph.node("ingress-namespace").inputs["metadata"]["labels"]
    assert labels == {f"pod-security.kubernetes.io/{mode}": level for mode in ("enforce", "audit", "warn")}
    others = [node for node in of_add_on(graph) if node.name != "ingress-namespace"]
    assert all("ingress-namespace" in graph.dependencies(node) for node in others)


def test_pods_end_one_at_a_time_in_a_drain(on_pool: Graph, behind_load_balancer: Graph) -> None:
    for graph in (on_pool, behind_load_balancer):
        assert graph.node("ingress-budget").inputs["spec"]["maxUnavailable"] == 1
        assert graph.node("ingress-pods").type.endswith(":Deployment")


def test_only_client_ports_are_open_to_other_pods(on_pool: Graph) -> None:
    (rule,) = on_pool.node("ingress-policy").inputs["spec"]["ingress"]
    assert [port["port"] for port in rule["ports"]] == [8000, 8443]


def test_image_is_in_the_catalogue(on_pool: Graph) -> None:
    assert container(on_pool)["image"] in catalogue.OPTIONAL_IMAGES
    assert container(on_pool)["image"] not in catalogue.images()
