"""Tests of the registry in the program, on mocks."""

from __future__ import annotations

import base64
import tomllib
from pathlib import Path
from typing import Any

import pytest

from artifacts import catalogue
from assembly import build_topology
from components.addons.distribution_pods import READER
from components.bcrypt import bcrypt_hash
from nodeconfig.host_paths import CA
from settings import load
from tests.unit.components.conftest import Deploy
from tests.unit.components.graph import Graph, Json, cluster_config, without_secret_marks
from tests.unit.components.registries import (
    container,
    deployed,
    file,
    pod,
    spec,
    steps,
    with_bucket,
    with_volume,
)
from tests.unit.settings.support import TWO_WORKERS, with_edits
from tests.unit.settings.wrong_cert_manager import ISSUERS
from tests.unit.settings.wrong_distribution import BLOB, HASH, PASSWORD, S3, TOKEN, settings
from topology.certificates import leaves
from topology.distribution import CERTIFICATE

NAME = "registry.corp.example"
ADDRESS = "10.96.0.20"
HOSTS_FILE = f"/etc/containerd/certs.d/{NAME}/hosts.toml"


@pytest.fixture(scope="module")
def graph(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    return with_volume(deploy, tmp_path_factory.mktemp("registry"))


@pytest.fixture(scope="module")
def bucket(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    return with_bucket(deploy, tmp_path_factory.mktemp("bucket"))


def test_cluster_without_the_section_has_no_registry(deploy: Deploy, tmp_path: Path) -> None:
    config: Any = cluster_config(tmp_path, workers=2)
    names = [node.name for node in deploy(config).nodes.values()]
    assert not [name for name in names if name.startswith("registry-")]
    assert not [name for name in names if CERTIFICATE in name]


def test_secrets_are_only_in_secrets(graph: Graph, bucket: Graph) -> None:
    login = base64.b64encode(f"alice:{PASSWORD}".encode()).decode()
    hidden = (PASSWORD, HASH, login, S3["secret_access_key"], "$2b$")
    for item in (graph, bucket):
        for node in item.nodes.values():
            texts = [*node.plain_texts()]
            assert not [text for text in texts for value in hidden if value in text], node.name


def test_file_of_users_has_hashes(graph: Graph) -> None:
    text = without_secret_marks(graph.node("registry-users").inputs["stringData"])["htpasswd"]
    alice, robot = text.splitlines()
    assert robot == f"robot:{HASH}"
    assert alice.startswith("alice:$2b$10$")
    assert PASSWORD not in text


def test_hash_depends_on_everything_but_is_stable() -> None:
    arguments = ("a-password-of-alice", "key", "alice")
    assert bcrypt_hash(*arguments) == bcrypt_hash(*arguments)
    others = {bcrypt_hash(*(text + "x" * (text == item) for text in arguments)) for item in arguments}
    assert len(others | {bcrypt_hash(*arguments)}) == 4
    assert bcrypt_hash(*arguments)[:7] == "$2b$10$"
    assert bcrypt_hash("x" * 72, "key", "alice")
    for password in ("x" * 73, "a-password\0with-a-zero"):
        with pytest.raises(ValueError, match="the password of alice has more than 72 bytes"):
            bcrypt_hash(password, "key", "alice")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("secret", "key", "alice"), "$2b$10$wCxleA79F2RgmQy9/cV90.Lt8iSiA0KwjKA5WiYOu9Qcjcrq5.KNC"),
        (
            ("p\u00e4ss w\u00f6rd", "0123", "registry robot"),
            "$2b$10$JSufzjmNEETK7eYbwbyWb.xtHwjtGv10iFHJatCiXvxqZM.34.HbW",
        ),
    ],
    ids=["ascii", "other"],
)
def test_hash_is_that_of_earlier_versions(arguments: tuple[str, str, str], expected: str) -> None:
    """Earlier versions used crypt(3). With other hashes, the next preview would show a change."""
    assert bcrypt_hash(*arguments) == expected


def test_nodes_get_the_address_the_authority_and_the_login(graph: Graph) -> None:
    login = base64.b64encode(f"alice:{PASSWORD}".encode()).decode()
    for host in ("cp-1-node", "w-1-node", "w-2-node"):
        payload = base64.b64decode(graph.node(host).text("stdin")).decode(errors="replace")
        _, name, text = payload.partition(f"secrets{HOSTS_FILE}")
        assert name, f"{host} gets no file"
        document = tomllib.loads(text[text.index("server =") :].partition("\0")[0])
        assert document == {
            "server": f"https://{ADDRESS}:443",
            "capabilities": ["pull", "resolve"],
            "ca": CA,
            "header": {"Authorization": f"Basic {login}"},
        }


def test_file_of_nodes_without_a_login_is_plain(deploy: Deploy, tmp_path: Path) -> None:
    without = deployed(deploy, tmp_path)
    texts = [
        str(node.value("create"))
        for node in without.of_type("command:remote:Command")
        if "create" in node.inputs
    ]
    [text, *others] = [text.partition(HOSTS_FILE)[2] for text in texts if HOSTS_FILE in text]
    assert len(others) == 2, "each of the three nodes has the file"
    begin = text.index("server =")
    assert tomllib.loads(text[begin : text.index("\nEOF", begin)].rstrip("\n")) == {
        "server": f"https://{ADDRESS}:443",
        "capabilities": ["pull", "resolve"],
        "ca": CA,
    }


def test_certificate_has_all_names(graph: Graph) -> None:
    topology = build_topology(load(with_edits(TWO_WORKERS, {"addons.registry": settings()})))
    [leaf] = [leaf for leaf in leaves(topology) if leaf.name == CERTIFICATE]
    assert leaf.dns_names == (NAME, "registry.registry.svc", "registry.registry.svc.cluster.local")
    assert [str(address) for address in leaf.ip_addresses] == [ADDRESS]
    assert leaf.server
    assert not leaf.client
    assert graph.node("registry-certificate").inputs["type"] == "kubernetes.io/tls"


def test_service_has_its_fixed_address(graph: Graph, deploy: Deploy, tmp_path: Path) -> None:
    service = spec(graph, "registry-service")
    assert (service["type"], service["clusterIP"]) == ("ClusterIP", ADDRESS)
    assert [port["port"] for port in service["ports"]] == [443]
    edits: Json = {"name": f"{NAME}:30500", "service": {"type": "NodePort", "address": "10.96.1.1"}}
    service = spec(deployed(deploy, tmp_path, **edits), "registry-service")
    [port] = service["ports"]
    assert (service["clusterIP"], port["port"], port["nodePort"]) == ("10.96.1.1", 30500, 30500)


def test_configuration_of_a_volume(graph: Graph) -> None:
    configuration = file(graph, "config.yml")
    assert configuration["storage"]["filesystem"] == {"rootdirectory": "/var/lib/registry"}
    assert configuration["storage"]["delete"] == {"enabled": True}
    assert configuration["auth"]["htpasswd"]["path"] == "/etc/registry/users/htpasswd"
    assert "readonly" not in configuration["storage"]["maintenance"]
    claim = graph.node("registry-images")
    assert claim.inputs["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert claim.inputs["spec"]["resources"]["requests"] == {"storage": "20Gi"}
    assert not claim.protect
    assert spec(graph, "registry-registry")["strategy"] == {"type": "Recreate"}


def test_volume_is_protected_in_production(deploy: Deploy, tmp_path: Path) -> None:
    addons: Json = {"registry": settings()}
    config: Any = cluster_config(tmp_path, workers=2, addons=addons, environment="production")
    assert deploy(config).node("registry-images").protect


def test_configuration_of_a_bucket_and_a_token_service(bucket: Graph) -> None:
    configuration = file(bucket, "config.yml")
    assert configuration["storage"]["s3"] == {
        "bucket": "images",
        "region": "eu-central-1",
        "accesskey": S3["access_key_id"],
        "rootdirectory": "/registry/test",
    }
    assert configuration["auth"]["token"] == {
        "realm": TOKEN["url"],
        "service": TOKEN["service"],
        "issuer": TOKEN["issuer"],
        "rootcertbundle": "/etc/registry/settings/tokens.crt",
    }
    assert bucket.node("registry-settings").inputs["data"]["tokens.crt"] == TOKEN["certificate"]
    [variable] = [item for item in container(bucket)["env"] if item["name"].endswith("SECRETKEY")]
    secret = without_secret_marks(bucket.node("registry-secrets").inputs["stringData"])
    assert secret[variable["valueFrom"]["secretKeyRef"]["key"]] == S3["secret_access_key"]
    assert not [node for node in bucket.nodes.values() if node.type.endswith(":PersistentVolumeClaim")]
    assert spec(bucket, "registry-registry")["replicas"] == 2


def test_configuration_of_a_container(deploy: Deploy, tmp_path: Path) -> None:
    graph = deployed(deploy, tmp_path, storage={"azure_blob": BLOB, "prefix": "a/b"})
    assert file(graph, "config.yml")["storage"]["azure"] == {
        "accountname": "images1",
        "container": "images",
        "serviceurl": "https://images1.blob.core.windows.net",
        "credentials": {"type": "shared_key"},
        "rootdirectory": "/a/b",
    }
    secret = without_secret_marks(graph.node("registry-secrets").inputs["stringData"])
    assert secret["REGISTRY_STORAGE_AZURE_ACCOUNTKEY"] == BLOB["account_key"]


def test_certificate_of_an_issuer(deploy: Deploy, tmp_path: Path) -> None:
    graph = deployed(deploy, tmp_path, issuer="company")
    certificate = graph.node("registry-certificate").inputs["spec"]
    assert certificate["ipAddresses"] == [ADDRESS]
    assert NAME in certificate["dnsNames"]
    assert certificate["issuerRef"]["name"] == "company"
    before = graph.dependencies(graph.node("registry-certificate"))
    assert {"cert-manager-issuer-company", "cert-manager-validation"} <= before
    assert container(graph)["livenessProbe"]["exec"]["command"][0] == "cmp"
    acme = build_topology(
        load(
            with_edits(
                TWO_WORKERS,
                {
                    "addons.registry": settings(issuer="public"),
                    "addons.cert_manager.issuers": ISSUERS,
                },
            )
        )
    )
    assert acme.registries[-1].endpoint == f"https://{NAME}:443"
    assert not acme.registries[-1].cluster_ca
    assert not [leaf for leaf in leaves(acme) if leaf.name == CERTIFICATE]


def test_changed_files_and_secrets_restart_the_pods(graph: Graph, deploy: Deploy, tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).mkdir()
    others = [
        deployed(deploy, tmp_path / "a", storage={"s3": S3}),
        deployed(deploy, tmp_path / "b", storage={"s3": S3 | {"secret_access_key": "another"}}),
        deployed(deploy, tmp_path / "c", storage={"s3": S3 | {"bucket": "other"}}),
        graph,
    ]
    annotations = [str(pod(item)["metadata"]["annotations"]) for item in others]
    assert len(set(annotations)) == len(annotations)


def test_pods_have_no_privileges(graph: Graph) -> None:
    labels = graph.node("registry-namespace").inputs["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    for workload in ("registry", READER):
        context = pod(graph, workload)["spec"]["securityContext"]
        assert context["runAsNonRoot"]
        assert context["fsGroupChangePolicy"] == "OnRootMismatch"
    for item in (container(graph), container(graph, READER), *steps(graph)):
        context = item["securityContext"]
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert context["readOnlyRootFilesystem"]
        assert not context["allowPrivilegeEscalation"]
        assert item["resources"]["limits"].keys() == {"memory"}
    account = graph.node("registry-default-account").inputs
    assert account["automountServiceAccountToken"] is False


def test_only_the_port_of_the_registry_is_open(graph: Graph) -> None:
    policy = graph.node("registry-policy").inputs["spec"]
    assert [rule["ports"] for rule in policy["ingress"]] == [[{"port": 5000, "protocol": "TCP"}]]
    assert policy["podSelector"]["matchLabels"].items() <= pod(graph)["metadata"]["labels"].items()
    assert policy["podSelector"]["matchLabels"].items() <= pod(graph, READER)["metadata"]["labels"].items()
    closed = graph.node("registry-collection-policy").inputs["spec"]
    assert not closed.get("ingress")
    job = spec(graph, "registry-collection")["jobTemplate"]["spec"]["template"]
    assert closed["podSelector"]["matchLabels"] == job["metadata"]["labels"]


def test_one_pod_is_unavailable_at_a_time(graph: Graph) -> None:
    budget = graph.node("registry-budget").inputs["spec"]
    assert budget["maxUnavailable"] == 1
    assert budget["selector"]["matchLabels"].items() <= pod(graph)["metadata"]["labels"].items()


def test_images_are_those_of_the_catalogue(graph: Graph) -> None:
    images = {item["image"] for item in (container(graph), container(graph, READER), *steps(graph))}
    assert images == {*catalogue.images_of("distribution"), catalogue.KUBECTL_IMAGE}
    assert images <= {*catalogue.OPTIONAL_IMAGES}
