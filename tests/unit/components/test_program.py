"""Tests of the complete program on mocks: resources, their order, and secrets."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from automation.operations.cis.policies import SYSTEM_NAMESPACES
from components.addons.digests import text_digest
from tests.unit.components.graph import PRIVATE_PREFIX, Graph, Json, Node, cluster_config

Deploy = Callable[[Json], Graph]
COMMAND = "command:remote:Command"


@pytest.fixture(scope="module")
def cluster(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """Return a cluster with one control plane, two workers, a Helm release, and permissions."""
    return deploy(
        cluster_config(
            tmp_path_factory.mktemp("cluster"),
            workers=2,
            helm_releases={"hello": {"chart": "./lab/charts/hello"}},
            access={
                "namespaces": {"team": {"quota": {"pods": "10"}, "limits": {"default": {"cpu": "1"}}}},
                "roles": {
                    "look": {"namespace": "team", "rules": [{"resources": ["pods"], "verbs": ["get"]}]}
                },
                "bindings": {"lookers": {"namespace": "team", "role": "look", "groups": ["dev"]}},
            },
        )
    )


def commands(graph: Graph) -> list[Node]:
    return graph.of_type(COMMAND)


class TestResources:
    def test_a_host_has_one_command_for_each_role(self, cluster: Graph) -> None:
        hosts = {node.name for node in commands(cluster) if node.name.startswith(("cp-", "w-"))}
        assert hosts == {"cp-1-etcd", "cp-1-control-plane", "cp-1-node", "w-1-node", "w-2-node"}

    def test_every_component_has_its_type(self, cluster: Graph) -> None:
        kinds = {
            node.type.split(":")[-1] for node in cluster.nodes.values() if "kubewright:index" in node.type
        }
        assert kinds >= {"Cluster", "Pki", "Etcd", "ControlPlane", "NodePool", "Cni", "Bootstrap", "CoreDns"}

    def test_names_are_unique_for_their_type(self, cluster: Graph) -> None:
        assert len(cluster.names) == len(cluster.nodes)

    def test_every_resource_below_the_top_has_a_component(self, cluster: Graph) -> None:
        top_level = {node.name for node in cluster.nodes.values() if node.parent.endswith("kubewright-test")}
        add_ons = {"coredns", "metrics-server", "default-accounts", "access", "helm"}
        assert top_level == {"cluster", "kubernetes", *add_ons}

    def test_default_service_accounts_of_the_system_give_pods_no_token(self, cluster: Graph) -> None:
        accounts = [
            (cast(Json, node.inputs["metadata"]), node.inputs["automountServiceAccountToken"])
            for node in cluster.of_type("kubernetes:core/v1:ServiceAccount")
            if node.name.startswith("default-accounts-")
        ]
        assert {metadata["namespace"] for metadata, _ in accounts} == set(SYSTEM_NAMESPACES)
        assert all(metadata["name"] == "default" and mount is False for metadata, mount in accounts)

    def test_a_third_worker_adds_two_resources_and_changes_no_other_host(
        self, deploy: Deploy, tmp_path: Path
    ) -> None:
        one, two, three = (deploy(cluster_config(tmp_path, workers=count)) for count in (1, 2, 3))
        assert three.names - two.names == {
            (COMMAND, "w-3-node"),
            ("kubernetes:core/v1:Secret", "cluster-join-tokens-node-w-3"),
        }
        assert two.names < three.names
        # The second worker also changes no objects in the cluster.
        for name in ("coredns-deployment", "metrics-server-deployment"):
            assert one.node(name).inputs == two.node(name).inputs
        for node in commands(two):
            if node.name != "cluster-pool-workers-labels":
                assert node.inputs == three.node(node.name).inputs, node.name

    def test_a_single_machine_is_a_whole_cluster(self, deploy: Deploy, tmp_path: Path) -> None:
        single = deploy(cluster_config(tmp_path, workers=0))
        hosts = {node.name for node in commands(single)} - {
            "cluster-pool-control-plane-labels",
            "cluster-farewell",
        }
        assert hosts == {"cp-1-etcd", "cp-1-control-plane", "cp-1-node"}
        assert replicas(single, "coredns-deployment") == 1

    def test_three_control_planes_have_the_same_resources(self, deploy: Deploy, tmp_path: Path) -> None:
        three = deploy(cluster_config(tmp_path, workers=2, control_planes=3))
        for member in ("cp-1", "cp-2", "cp-3"):
            before = three.dependencies(three.node(f"{member}-control-plane"))
            assert {"cp-1-etcd", "cp-2-etcd", "cp-3-etcd"} <= before
            # Members of the same kind do not wait for each other, because the first quorum needs them in
            # parallel.
            assert not {name for name in before if name.endswith("-control-plane")} - {member}
        assert replicas(three, "metrics-server-deployment") == 2


class TestOrder:
    def test_roles_of_a_host_are_delivered_one_after_another(self, cluster: Graph) -> None:
        assert "cp-1-etcd" in cluster.dependencies(cluster.node("cp-1-control-plane"))
        assert "cp-1-control-plane" in cluster.dependencies(cluster.node("cp-1-node"))

    @pytest.mark.parametrize("node", ["cp-1-node", "w-1-node", "w-2-node"])
    def test_nodes_join_after_their_permissions_exist(self, cluster: Graph, node: str) -> None:
        bootstrap = {
            item.name
            for item in cluster.nodes.values()
            if item.name.startswith(("cluster-bootstrap-", "cluster-cni-"))
        }
        assert len(bootstrap) > 8
        assert bootstrap <= cluster.dependencies(cluster.node(node))

    def test_a_host_gets_its_own_token_and_waits_for_no_other(self, cluster: Graph) -> None:
        """A dependency of each node on each token would be quadratic."""
        tokens = {}
        for node in commands(cluster):
            if node.name.endswith("-node"):
                host = node.name.removesuffix("-node")
                files = payload_files(node)
                tokens[host] = next(text for name, text in files.items() if name.endswith("/bootstrap.token"))
                assert not [name for name in cluster.dependencies(node) if "join-tokens" in name]
        assert len(set(tokens.values())) == len(tokens) == 3
        for host, token in tokens.items():
            data = cluster.node(f"cluster-join-tokens-node-{host}").value("stringData")
            assert isinstance(data, dict)
            assert f"{data['token-id']}.{data['token-secret']}" == token
            assert data["auth-extra-groups"] == f"system:bootstrappers:kubewright:node:{host}"

    def test_only_the_approver_approves_first_certificates(self, cluster: Graph) -> None:
        bindings = [node for node in cluster.nodes.values() if node.type.endswith(":ClusterRoleBinding")]
        roles = {str(node.value("roleRef")): node.name for node in bindings}
        assert not [name for role, name in roles.items() if role.endswith(":nodeclient'}")], roles
        rules = str(cluster.node("cluster-bootstrap-node-self-service-role").value("rules"))
        assert "delete" not in rules
        assert "patch" not in str(cluster.node("cluster-cni-flannel-role").value("rules"))

    def test_no_worker_waits_for_another(self, cluster: Graph) -> None:
        assert "w-1-node" not in cluster.dependencies(cluster.node("w-2-node"))
        assert "w-2-node" not in cluster.dependencies(cluster.node("w-1-node"))

    def test_the_connection_waits_for_the_control_plane(self, cluster: Graph) -> None:
        assert "cp-1-control-plane" in cluster.dependencies(cluster.node("kubernetes"))

    def test_add_ons_do_not_wait_for_workers(self, cluster: Graph) -> None:
        for name in ("metrics-server-deployment", "helm-hello"):
            assert not {
                before for before in cluster.dependencies(cluster.node(name)) if before.startswith("w-")
            }

    def test_the_deletion_marker_is_deleted_before_the_nodes(self, cluster: Graph) -> None:
        assert {"cp-1-node", "w-1-node", "w-2-node"} <= cluster.dependencies(cluster.node("cluster-farewell"))

    def test_objects_are_deleted_with_etcd(self, cluster: Graph) -> None:
        etcd = cluster.node("cluster-etcd").urn
        objects = [node for node in cluster.nodes.values() if node.type.startswith("kubernetes:")]
        assert len(objects) > 25
        assert {node.name for node in objects if node.deleted_with != etcd} == set()

    def test_members_and_pools_have_rolling_limits(self, cluster: Graph) -> None:
        hooks = {
            name: cluster.node(name).hooks["before_update"] for name in ("cp-1-etcd", "w-1-node", "w-2-node")
        }
        assert hooks["w-1-node"] == hooks["w-2-node"] != hooks["cp-1-etcd"]


class TestSecrets:
    def test_nothing_private_is_in_a_plain_input(self, cluster: Graph) -> None:
        for node in cluster.nodes.values():
            leaks = [text for text in node.plain_texts() if PRIVATE_PREFIX in text]
            assert not leaks, f"{node.type} {node.name}"

    def test_derived_secrets_are_in_no_plain_input(self, cluster: Graph) -> None:
        files = {name: content for node in commands(cluster) for name, content in payload_files(node).items()}
        token = next(content for name, content in files.items() if "bootstrap" in name)
        key = next(content for name, content in files.items() if name.endswith("encryption.yaml"))
        secret_texts = [token.split(".")[1].strip()[:16], key.split("secret: ")[1].split()[0]]
        assert all(len(secret_text) >= 16 for secret_text in secret_texts)
        for node in cluster.nodes.values():
            for text in node.plain_texts():
                assert not [secret_text for secret_text in secret_texts if secret_text in text], node.name

    def test_commands_get_secrets_only_by_stdin(self, cluster: Graph) -> None:
        for node in commands(cluster):
            assert PRIVATE_PREFIX not in node.text("create")
            if "stdin" in node.inputs:
                assert node.is_secret("stdin"), node.name

    def test_a_worker_gets_no_private_key(self, cluster: Graph) -> None:
        for name, content in payload_files(cluster.node("w-1-node")).items():
            assert "-ca-key" not in content, name
            assert not name.endswith("ca.key")

    def test_the_only_shared_key_of_workers_is_that_of_kube_proxy(self, cluster: Graph) -> None:
        keys = {name for name in payload_files(cluster.node("w-1-node")) if name.endswith(".key")}
        assert keys == {"secrets/etc/kubernetes/pki/kube-proxy.key"}

    def test_metrics_server_verifies_kubelets_with_their_authority(self, cluster: Graph) -> None:
        secret = cluster.node("metrics-server-certificate").value("stringData")
        assert isinstance(secret, dict)
        expected = "certificate cluster-pki-kubernetes-cacertificate cluster-pki-kubelet-serving-ca"
        assert secret["kubelet-serving-ca.crt"] == expected
        spec = json.dumps(cluster.node("metrics-server-deployment").value("spec"))
        assert "--kubelet-certificate-authority=/etc/metrics-server/tls/kubelet-serving-ca.crt" in spec
        # Another authority restarts metrics-server, and previews show the digest.
        assert f'"kubewright.dev/kubelet-ca-digest": "{text_digest(expected)}"' in spec

    def test_the_kubeconfig_is_a_secret_output(self, cluster: Graph) -> None:
        kubeconfig = cluster.outputs["kubeconfig"]
        assert isinstance(kubeconfig, dict)
        content = json.loads(kubeconfig["value"])
        assert content["clusters"][0]["cluster"]["server"] == "https://10.89.0.11:6443"
        assert cluster.outputs["endpoint"] == "https://10.89.0.11:6443"

    def test_the_public_certificate_is_no_secret(self, cluster: Graph) -> None:
        spec = cluster.node("metrics-server-api").value("spec")
        assert isinstance(spec, dict)
        assert base64.b64decode(spec["caBundle"]).decode() == "certificate cluster-pki-kubernetes-ca"
        assert "insecureSkipTLSVerify" not in spec


class TestCommands:
    def test_every_connection_is_verified_and_bounded(self, cluster: Graph) -> None:
        assert len(commands(cluster)) == 8
        for node in commands(cluster):
            connection = node.connection()
            assert str(connection["hostKey"]).startswith("ssh-ed25519 AAAA"), node.name
            assert connection["dialErrorLimit"] == 2
            assert connection["perDialTimeout"] == 10
            assert connection["privateKey"] == f"{PRIVATE_PREFIX}ssh-key\n"

    def test_every_command_has_timeouts(self, cluster: Graph) -> None:
        for node in commands(cluster):
            assert node.timeouts == {"create": "60m", "update": "60m", "delete": "60m"}, node.name

    def test_commands_are_quiet_and_keep_no_old_output(self, cluster: Graph) -> None:
        for node in commands(cluster):
            assert node.inputs["logging"] == "none", node.name
            assert node.inputs["addPreviousOutputInEnv"] is False
            assert "update" not in node.inputs
            assert "triggers" not in node.inputs

    def test_deleting_a_command_resets_its_host(self, cluster: Graph) -> None:
        assert "reset node leave" in cluster.node("w-1-node").text("delete")
        assert "reset etcd" in cluster.node("cp-1-etcd").text("delete")

    def test_each_host_gets_its_own_key(self, cluster: Graph) -> None:
        assert cluster.node("w-1-node").connection()["hostKey"] == "ssh-ed25519 AAAAw-1"
        assert cluster.node("w-2-node").connection()["hostKey"] == "ssh-ed25519 AAAAw-2"


def replicas(graph: Graph, name: str) -> object:
    spec = graph.node(name).value("spec")
    assert isinstance(spec, dict)
    return spec["replicas"]


def payload_files(node: Node) -> dict[str, str]:
    """Return the files in the payload of a command."""
    if "stdin" not in node.inputs:
        return {}
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(node.text("stdin")))) as archive:
        members = {member.name: archive.extractfile(member) for member in archive.getmembers()}
        return {name: file.read().decode() for name, file in members.items() if file is not None}
