"""Tests of `KubernetesCluster` with mocks: several clusters in one program, inputs, outputs, errors."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import pulumi
import pytest
from pulumi import Output, ResourceTransform, RunError

import artifacts.index
from package.arguments import KubernetesClusterArgs
from package.component import KubernetesCluster
from testkit.certificates import issue_certificate
from tests.unit.components.conftest import Deploy
from tests.unit.components.graph import (
    Graph,
    Json,
    cluster_config,
    fake_index,
    record_graph,
    without_secret_marks,
)
from tests.unit.settings.wrong_authorization import KUBECONFIG as WEBHOOK_KUBECONFIG
from tests.unit.settings.wrong_snapshots import RECIPIENT

COMMAND = "command:remote:Command"
SECRET = "correct-horse"


def config(directory: Path, name: str, **changes: object) -> Json:
    directory.mkdir(exist_ok=True)
    return cluster_config(directory, workers=1) | {"name": name, **changes}


def create(
    arguments: Mapping[str, Any], name: str = "one", **pool_transforms: list[ResourceTransform]
) -> KubernetesCluster:
    return KubernetesCluster(name, cast(KubernetesClusterArgs, arguments), pool_transforms=pool_transforms)


def run(program: Callable[[], object]) -> Graph:
    """Run a Pulumi program on mocks, with a fake index of the mirror."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(artifacts.index, "load", lambda *_, **__: fake_index())
        return record_graph(program)


def type_and_name_without_prefix(graph: Graph, prefix: str) -> set[tuple[str, str]]:
    """Return types and names of the resources below one `KubernetesCluster`, without its prefix."""
    return {
        (node.type, node.name.removeprefix(f"{prefix}-"))
        for node in graph.nodes.values()
        if node.name.startswith(f"{prefix}-")
    }


class TestTwoClusters:
    @pytest.fixture(scope="class")
    @classmethod
    def graph(cls, tmp_path_factory: pytest.TempPathFactory) -> Graph:
        directory = tmp_path_factory.mktemp("clusters")

        def program() -> None:
            for name in ("east", "west"):
                create(config(directory / name, name), name)

        return run(program)

    def test_names_are_unique_for_their_type(self, graph: Graph) -> None:
        registered = [(node.type, node.name) for node in graph.nodes.values()]
        assert len(registered) == len(set(registered)) > 100

    def test_every_resource_has_the_prefix_of_its_cluster(self, graph: Graph) -> None:
        without = [node.name for node in graph.nodes.values() if not node.name.startswith(("east-", "west-"))]
        assert set(without) == {"kubewright-test", "east", "west"}

    def test_hooks_of_the_clusters_have_different_names(self, graph: Graph) -> None:
        hooks = {
            name: set(graph.node(name).hooks["before_update"]) for name in ("east-w-1-node", "west-w-1-node")
        }
        assert not hooks["east-w-1-node"] & hooks["west-w-1-node"]

    def test_a_cluster_has_the_same_resources_as_the_program(
        self, graph: Graph, deploy: Deploy, tmp_path: Path
    ) -> None:
        program = deploy(config(tmp_path, "east"))
        expected = {item for item in program.names if item[1] != "kubewright-test"}
        assert type_and_name_without_prefix(graph, "east") == expected
        assert type_and_name_without_prefix(graph, "west") == expected

    def test_all_resources_are_below_the_component(self, graph: Graph) -> None:
        top_level = {node.name for node in graph.nodes.values() if node.parent.endswith("kubewright-test")}
        assert top_level == {"east", "west"}

    def test_identifiers_of_the_clusters_differ(self, graph: Graph) -> None:
        identifiers = {
            graph.node(f"{name}-kubernetes").text("clusterIdentifier") for name in ("east", "west")
        }
        assert identifiers == {"kubewright-test-east", "kubewright-test-west"}

    def test_the_state_records_the_arguments(self, graph: Graph) -> None:
        assert graph.node("east").inputs["control_planes"] == {"hosts": ["cp-1"], "schedulable": False}


class TestInputs:
    def test_outputs_in_helm_values_and_passwords_remain_inputs(self, tmp_path: Path) -> None:
        chart = str(Path("lab/charts/hello").resolve())
        registry = {"endpoint": "https://r.test", "username": "me"}

        def program() -> None:
            password = Output.secret(SECRET)
            values = {"users": [{"password": password}], "replicas": 2.0}
            create(
                config(
                    tmp_path,
                    "one",
                    helm_releases={"web": {"chart": chart, "values": values}},
                    registries={"_default": registry | {"password": password}},
                )
            )

        graph = run(program)
        values = without_secret_marks(graph.node("one-helm-web").inputs["values"])
        assert values == {"users": [{"password": SECRET}], "replicas": 2}
        for node in graph.nodes.values():
            assert not [text for text in node.plain_texts() if SECRET in text], node.name

    def test_a_plain_password_is_recorded_as_a_secret(self, tmp_path: Path) -> None:
        registry = {"endpoint": "https://r.test", "username": "me", "password": SECRET}
        graph = run(lambda: create(config(tmp_path, "one", registries={"_default": registry})))
        for node in graph.nodes.values():
            assert not [text for text in node.plain_texts() if SECRET in text], node.name

    @pytest.mark.parametrize("wrap", [lambda text: text, Output.secret])
    def test_kubeconfig_of_a_webhook_is_secret(self, tmp_path: Path, wrap: Callable[[str], object]) -> None:
        kubeconfig = WEBHOOK_KUBECONFIG.replace("t0ken", SECRET)

        def program() -> None:
            webhook = {"failure_policy": "Deny", "kubeconfig": wrap(kubeconfig)}
            create(config(tmp_path, "one", api={"authorization_webhooks": {"opa": webhook}}))

        graph = run(program)
        payload = base64.b64decode(graph.node("one-cp-1-control-plane").text("stdin"))
        assert SECRET.encode() in payload
        for node in graph.nodes.values():
            assert not [text for text in node.plain_texts() if SECRET in text], node.name

    @pytest.mark.parametrize("wrap", [lambda text: text, Output.secret])
    def test_key_of_the_default_certificate_is_secret(
        self, tmp_path: Path, wrap: Callable[[str], object]
    ) -> None:
        issued = issue_certificate("shop.example")
        key = issued.key_pem.decode()

        def program() -> None:
            certificate = {"certificate": issued.certificate_pem.decode(), "private_key": wrap(key)}
            pool = {"hosts": ["w-1"], "taints": ["dedicated=ingress:NoSchedule"]}
            ingress = {"pool": "edge", "sources": ["0.0.0.0/0"], "default_certificate": certificate}
            create(config(tmp_path, "one", pools={"edge": pool}, addons={"ingress": ingress}))

        graph = run(program)
        secret = without_secret_marks(graph.node("one-ingress-certificate").inputs["stringData"])
        assert secret["tls.key"] == key
        for node in graph.nodes.values():
            assert not [text for text in node.plain_texts() if key in text], node.name

    @pytest.mark.parametrize("wrap", [lambda text: text, Output.secret])
    def test_password_of_a_bgp_peer_is_secret(self, tmp_path: Path, wrap: Callable[[str], object]) -> None:
        def program() -> None:
            peer = {"address": "10.89.0.1", "asn": 64512, "password": wrap(SECRET)}
            pool = {"addresses": ["198.51.100.0/28"], "announce": "bgp"}
            section = {"asn": 64513, "pools": {"edge": pool}, "peers": {"rack": peer}}
            create(config(tmp_path, "one", addons={"load_balancer": section}))

        graph = run(program)
        secret = without_secret_marks(graph.node("one-metallb-password-rack").inputs["stringData"])
        assert secret == {"password": SECRET}
        for node in graph.nodes.values():
            assert not [text for text in node.plain_texts() if SECRET in text], node.name

    @pytest.mark.parametrize("wrap", [lambda text: text, Output.secret])
    def test_secrets_of_issuers_are_secret(self, tmp_path: Path, wrap: Callable[[str], object]) -> None:
        authority = issue_certificate("Test CA")
        key = authority.key_pem.decode()

        def program() -> None:
            ca = {"certificate": authority.certificate_pem.decode(), "private_key": wrap(key)}
            update = {"nameserver": "10.0.0.53", "zones": ["a.example"], "key_name": "acme"}
            acme = {
                "server": "https://acme.example",
                "email": "a@b.example",
                "rfc2136": {**update, "secret": wrap("UFJJVkFURQ==")},
            }
            issuers = {"company": {"ca": ca}, "public": {"acme": acme}}
            create(config(tmp_path, "one", addons={"cert_manager": {"issuers": issuers}}))

        graph = run(program)
        secret = without_secret_marks(graph.node("one-cert-manager-secret-public").inputs["stringData"])
        assert secret == {"tsig-secret-key": "UFJJVkFURQ=="}
        pair = without_secret_marks(graph.node("one-cert-manager-secret-company").inputs["stringData"])
        assert pair["tls.key"] == key
        for node in graph.nodes.values():
            texts = [*node.plain_texts()]
            assert not [text for text in texts if key in text or "UFJJVkFURQ==" in text], node.name

    @pytest.mark.parametrize("wrap", [lambda text: text, Output.secret])
    def test_secret_of_dns_updates_is_secret(self, tmp_path: Path, wrap: Callable[[str], object]) -> None:
        updates = {"nameserver": "10.0.0.53", "zones": ["a.example"], "key_name": "dns"}
        key = "UFJJVkFURS1UU0lHLUtFWS0wMQ=="

        def program() -> None:
            section = {"rfc2136": {**updates, "secret": wrap(key)}}
            create(config(tmp_path, "one", addons={"external_dns": section}))

        graph = run(program)
        secret = without_secret_marks(graph.node("one-external-dns-key").inputs["stringData"])
        assert secret == {"tsig": f"--rfc2136-tsig-secret={key}"}
        for node in graph.nodes.values():
            assert not [text for text in node.plain_texts() if key in text], node.name

    @pytest.mark.parametrize("wrap", [lambda text: text, Output.secret])
    def test_credentials_of_snapshot_targets_are_secret(
        self, tmp_path: Path, wrap: Callable[[str], object]
    ) -> None:
        token = "sv=2022-11-02&sig=correct%2Fhorse"
        s3 = {"bucket": "etcd", "region": "eu-1", "access_key_id": "key-1"}
        blob = {"account": "backups", "container": "etcd"}

        def program() -> None:
            targets = {
                "s3": {"s3": {**s3, "secret_access_key": wrap(SECRET)}},
                "blob": {"azure_blob": {**blob, "sas_token": wrap(token)}},
            }
            create(config(tmp_path, "one", etcd={"snapshots": {"recipients": [RECIPIENT], "to": targets}}))

        graph = run(program)
        payload = base64.b64decode(graph.node("one-cp-1-etcd").text("stdin")).decode()
        assert f"RCLONE_CONFIG_TARGET_SECRET_ACCESS_KEY={SECRET}\n" in payload
        url = f"https://backups.blob.core.windows.net/etcd?{token}"
        assert f"RCLONE_CONFIG_TARGET_SAS_URL='{url}'\n" in payload
        for node in graph.nodes.values():
            assert not [text for text in node.plain_texts() if "horse" in text], node.name

    def test_an_output_elsewhere_is_an_error_that_names_the_path(self, tmp_path: Path) -> None:
        def program() -> None:
            hosts = [Output.from_input("w-1")]
            create(config(tmp_path, "one") | {"pools": {"workers": {"hosts": hosts}}})

        message = r"^one\.pools\.workers\.hosts\[0\]: is an output of a resource, "
        with pytest.raises(RunError, match=message):
            run(program)

    def test_wrong_arguments_name_the_component_and_the_path(self, tmp_path: Path) -> None:
        with pytest.raises(RunError, match=r"^one\.envronment: unknown key; did you mean environment\?$"):
            run(lambda: create(config(tmp_path, "one", envronment="lab")))

    def test_relative_files_start_at_the_directory(self, tmp_path: Path) -> None:
        directory = tmp_path / "files"
        arguments: dict[str, Any] = config(directory, "one") | {"directory": str(directory)}
        arguments["metal"]["ssh"] = {"private_key_file": "key", "known_hosts_file": "known_hosts"}
        graph = run(lambda: create(arguments))
        assert graph.node("one-w-1-node").connection()["hostKey"] == "ssh-ed25519 AAAAw-1"


class TestOutputs:
    def test_outputs_are_those_of_the_program(self, tmp_path: Path, deploy: Deploy) -> None:
        def program() -> None:
            cluster = create(config(tmp_path, "one"))
            for name in ("kubeconfig", "endpoint_url", "ca", "members", "nodes"):
                pulumi.export(name, getattr(cluster, name))

        outputs = run(program).outputs
        expected = deploy(config(tmp_path, "one")).outputs
        assert cast(Json, outputs["kubeconfig"]).keys() == cast(Json, expected["kubeconfig"]).keys()
        assert {key: outputs[key] for key in ("endpoint_url", "members", "nodes")} == {
            "endpoint_url": "https://10.89.0.11:6443",
            "members": {"cp-1": "10.89.0.11"},
            "nodes": {"control-plane": ["cp-1"], "workers": ["w-1"]},
        }
        assert outputs["ca"] == "certificate one-cluster-pki-kubernetes-ca"


class TestTransforms:
    def test_a_transform_applies_to_one_pool(self, tmp_path: Path) -> None:
        def transform(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
            return None

        graph = run(lambda: create(config(tmp_path, "one"), workers=[transform]))
        seen = {node.name: node.transforms for node in graph.of_type(":NodePool")}
        assert seen == {"one-cluster-pool-workers": 1, "one-cluster-pool-control-plane": 0}

    def test_an_unknown_pool_is_an_error(self, tmp_path: Path) -> None:
        message = "pool_transforms: no such pool: gpu; the pools are control-plane, workers"
        with pytest.raises(RunError, match=message):
            run(lambda: create(config(tmp_path, "one"), gpu=[]))
