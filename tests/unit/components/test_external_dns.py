"""Tests of external-dns in the program, on mocks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from artifacts import catalogue
from components.addons.external_dns import RULES
from tests.unit.components.conftest import Deploy
from tests.unit.components.graph import Graph, Json, cluster_config, without_secret_marks
from tests.unit.settings.wrong_external_dns import UPDATES, settings
from topology.external_dns import NAMESPACE, NameSource

KEY = str(UPDATES["secret"])


def deployed(deploy: Deploy, directory: Path, section: Json | None) -> Graph:
    addons: Json = {"external_dns": section} if section else {}
    config: Any = cluster_config(directory, workers=2, addons=addons)
    return deploy(config)


@pytest.fixture(scope="module")
def graph(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    return deployed(deploy, tmp_path_factory.mktemp("external-dns"), settings())


def pod(graph: Graph) -> Any:  # noqa: ANN401 - JSON
    return without_secret_marks(graph.node("external-dns-pods").inputs["spec"])["template"]


def container(graph: Graph) -> Any:  # noqa: ANN401 - JSON
    [only] = pod(graph)["spec"]["containers"]
    return only


def rules(graph: Graph) -> set[tuple[str, str, str]]:
    """Return the permissions of the pod: API group, resource and verb."""
    return {
        (group, resource, verb)
        for rule in graph.node("external-dns-role").inputs["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_cluster_without_the_section_has_no_external_dns(deploy: Deploy, tmp_path: Path) -> None:
    without = deployed(deploy, tmp_path, None)
    assert not [node.name for node in without.nodes.values() if "external-dns" in node.name]


def test_secret_of_the_key_is_only_in_a_secret(graph: Graph) -> None:
    secret = without_secret_marks(graph.node("external-dns-key").inputs["stringData"])
    assert secret == {"tsig": f"--rfc2136-tsig-secret={KEY}"}
    for node in graph.nodes.values():
        assert not [text for text in node.plain_texts() if KEY in text], node.name
    assert KEY not in str(pod(graph)), "the pod names the secret of the key"


def test_pod_reads_the_secret_from_a_file(graph: Graph) -> None:
    [volume] = pod(graph)["spec"]["volumes"]
    [mount] = container(graph)["volumeMounts"]
    assert volume["secret"]["secretName"] == graph.node("external-dns-key").inputs["metadata"]["name"]
    # A volume of a Secret belongs to root; without these bits the group of the pod could not read it.
    assert volume["secret"]["defaultMode"] == 0o440
    assert pod(graph)["spec"]["securityContext"]["fsGroup"]
    assert f"@{mount['mountPath']}/tsig" in container(graph)["args"]
    assert mount["readOnly"]


def test_another_secret_restarts_the_pod(graph: Graph, deploy: Deploy, tmp_path: Path) -> None:
    other = deployed(deploy, tmp_path, settings(secret="QU5PVEhFUi1UU0lHLUtFWS0wMTIzNDU2Nzg5"))
    annotations = [pod(item)["metadata"]["annotations"] for item in (graph, other)]
    assert annotations[0] != annotations[1]


def test_options_are_those_of_the_settings(graph: Graph) -> None:
    options = container(graph)["args"]
    assert {
        "--rfc2136-host=10.0.0.53",
        "--rfc2136-port=53",
        "--rfc2136-tsig-keyname=dev.apps.example",
        "--rfc2136-tsig-secret-alg=hmac-sha256",
        "--policy=upsert-only",
        "--interval=60s",
        "--txt-owner-id=test",
    } <= {*options}
    for option in ("--rfc2136-zone", "--domain-filter"):
        assert [text for text in options if text.startswith(option)] == [
            f"{option}=apps.example",
            f"{option}=corp.example",
        ]


def test_settings_change_the_options(deploy: Deploy, tmp_path: Path) -> None:
    section = settings(
        nameserver="10.0.0.53:5353",
        algorithm="hmac-sha512",
        domains=["a.apps.example"],
        sources=["ingress"],
        policy="sync",
        interval="1m30s",
    )
    changed = deployed(deploy, tmp_path, section)
    options = container(changed)["args"]
    assert {
        "--source=ingress",
        "--rfc2136-port=5353",
        "--rfc2136-tsig-secret-alg=hmac-sha512",
        "--domain-filter=a.apps.example",
        "--policy=sync",
        "--interval=90s",
    } <= {*options}
    assert "--source=service" not in options
    assert rules(changed) == {("networking.k8s.io", "ingresses", verb) for verb in ("list", "watch")}


def test_pod_reads_only_the_objects_of_its_sources(graph: Graph) -> None:
    """Services of other types than LoadBalancer would need permissions for pods, nodes and EndpointSlices."""
    assert "--service-type-filter=LoadBalancer" in container(graph)["args"]
    assert {(group, resource) for group, resource, _ in rules(graph)} == {
        ("", "services"),
        ("networking.k8s.io", "ingresses"),
    }
    assert {verb for _, _, verb in rules(graph)} == {"list", "watch"}
    assert RULES.keys() == {*NameSource}


def test_pod_has_no_privileges(graph: Graph) -> None:
    labels = graph.node("external-dns-namespace").inputs["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    context = pod(graph)["spec"]["securityContext"]
    assert context["runAsNonRoot"]
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    context = container(graph)["securityContext"]
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["readOnlyRootFilesystem"]
    assert not context["allowPrivilegeEscalation"]
    assert container(graph)["resources"]["limits"].keys() == {"memory"}
    for probe in ("readinessProbe", "livenessProbe"):
        assert container(graph)[probe]["httpGet"]["path"] == "/healthz"


def test_ports_of_the_pod_are_closed(graph: Graph) -> None:
    policy = graph.node("external-dns-policy").inputs["spec"]
    assert policy["policyTypes"] == ["Ingress"]
    assert not policy.get("ingress")
    assert policy["podSelector"]["matchLabels"].items() <= pod(graph)["metadata"]["labels"].items()


def test_two_pods_never_change_the_same_zones(graph: Graph) -> None:
    spec = without_secret_marks(graph.node("external-dns-pods").inputs["spec"])
    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}


def test_account_is_that_of_the_permissions(graph: Graph) -> None:
    [subject] = graph.node("external-dns-binding").inputs["subjects"]
    assert (subject["namespace"], subject["name"]) == (NAMESPACE, pod(graph)["spec"]["serviceAccountName"])
    before = graph.dependencies(graph.node("external-dns-pods"))
    assert {"external-dns-key", "external-dns-binding", "external-dns-namespace"} <= before


def test_image_is_that_of_the_catalogue(graph: Graph) -> None:
    assert (container(graph)["image"],) == catalogue.images_of("external-dns")
