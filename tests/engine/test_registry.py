"""Tests of the registry with the real program of distribution, crane and containerd on loopback, and of its
objects on a real API server.
"""

from __future__ import annotations

import base64
import json
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components.addons.distribution_config import READER_FILE
from nodeconfig.containerd import hosts_toml
from nodeconfig.host_paths import CA
from testkit.containerd import run_containerd
from testkit.distribution import LoopbackRegistry, make_image
from testkit.registry_client import RegistryClient
from testkit.snapshot_stores import Stores, serve_stores
from testkit.token_service import serve_tokens
from tests.unit.components.conftest import Deploy, deploy
from tests.unit.components.graph import Graph, cluster_config, without_secret_marks
from tests.unit.settings.wrong_distribution import PASSWORD, TOKEN, settings
from topology.model import Registry

__all__ = ["deploy"]

OTHER = "another-good-password"
USERS = {"alice": {"password": PASSWORD}, "robot": {"password": OTHER}}
COLLECTION: dict[str, Any] = {"garbage_collection": {}}
ALICE = {"user": "alice", "password": PASSWORD}

pytestmark = [pytest.mark.release, pytest.mark.timeout(3600)]  # the programs are built


def prepared(deploy: Deploy, directory: Path, **edits: object) -> LoopbackRegistry:
    """Return a registry whose files and variables are those of the pods of a cluster."""
    (directory / "cluster").mkdir()
    config: Any = cluster_config(directory / "cluster", workers=1)
    graph: Graph = deploy(config | {"addons": {"registry": settings(**COLLECTION) | edits}})
    registry = LoopbackRegistry(directory)
    registry.write_settings(without_secret_marks(graph.node("registry-settings").inputs["data"]))
    for node in graph.nodes.values():
        if node.name == "registry-users":
            registry.write("/etc/registry/users/htpasswd", _data(graph, node.name)["htpasswd"])
    registry.environment = _data(graph, "registry-secrets")
    return registry


def _data(graph: Graph, name: str) -> dict[str, str]:
    data: dict[str, str] = without_secret_marks(graph.node(name).inputs["stringData"])
    return data


def push(registry: LoopbackRegistry, directory: Path, name: str, **login: str) -> tuple[str, set[str]]:
    """Push a new image. Return its digest, and the digests of all of its blobs."""
    layout, digest, blobs = make_image(directory / "layouts", name)
    pushed = registry.crane("push", str(layout), f"{registry.host}/team/{name}:1", **(login or ALICE))
    assert pushed.returncode == 0, pushed.stderr
    return digest, {digest, *blobs}


def pulled(registry: LoopbackRegistry, name: str, **login: str) -> subprocess.CompletedProcess[str]:
    """Read all layers of an image."""
    target = str(registry.directory / f"pulled-{name}.tar")
    return registry.crane("pull", f"{registry.host}/team/{name}:1", target, **(login or ALICE))


@pytest.fixture(scope="module")
def registry(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> LoopbackRegistry:
    return prepared(deploy, tmp_path_factory.mktemp("registry"), users=USERS)


def test_users_push_and_pull_with_their_passwords(registry: LoopbackRegistry, tmp_path: Path) -> None:
    with registry.serve():
        push(registry, tmp_path, "web")
        assert pulled(registry, "web", user="robot", password=OTHER).returncode == 0
        for login in ({"user": "alice", "password": OTHER}, {"user": "mallory", "password": PASSWORD}):
            refused = pulled(registry, "web", **login)
            assert refused.returncode != 0
            assert "UNAUTHORIZED" in refused.stderr
        refused = registry.crane("pull", f"{registry.host}/team/web:1", str(tmp_path / "x.tar"))
        assert "UNAUTHORIZED" in refused.stderr


def test_client_at_another_address_follows_the_answers(registry: LoopbackRegistry, tmp_path: Path) -> None:
    """Clients reach the registry by an address of a service, of a node or of a load balancer."""
    layout, digest, _ = make_image(tmp_path, "outside")

    def client(password: str) -> RegistryClient:
        ca_file = registry.directory / "ca.crt"
        name = "localhost"
        return RegistryClient(
            "127.0.0.1", registry.port, name=name, ca_file=ca_file, user="alice", password=password
        )

    with registry.serve():
        assert client(PASSWORD).push(layout, "team/outside", "1") == digest
        assert client(PASSWORD).has("team/outside", "1")
        assert client(OTHER).request("GET", "/v2/").status == 401
        client(PASSWORD).delete("team/outside", digest)
        assert not client(PASSWORD).has("team/outside", "1")


def test_changed_passwords_need_no_restart(
    registry: LoopbackRegistry, deploy: Deploy, tmp_path: Path
) -> None:
    with registry.serve():
        push(registry, tmp_path, "rotated")
        changed = prepared(deploy, tmp_path, users={"alice": {"password": "a-new-password-of-alice"}})
        users = registry.directory / "users/htpasswd"
        before = users.read_text()
        users.write_text((changed.directory / "users/htpasswd").read_text())
        try:
            assert pulled(registry, "rotated").returncode != 0
            new = {"user": "alice", "password": "a-new-password-of-alice"}
            assert pulled(registry, "rotated", **new).returncode == 0
        finally:
            users.write_text(before)


def test_read_only_pods_serve_and_accept_nothing(registry: LoopbackRegistry, tmp_path: Path) -> None:
    with registry.serve():
        push(registry, tmp_path, "readable")
    with registry.serve(READER_FILE):
        assert pulled(registry, "readable").returncode == 0
        layout, _, _ = make_image(tmp_path, "refused")
        refused = registry.crane("push", str(layout), f"{registry.host}/team/refused:1", **ALICE)
        assert refused.returncode != 0
        assert "405" in refused.stderr


def test_collection_removes_deleted_images_and_keeps_others(
    registry: LoopbackRegistry, tmp_path: Path
) -> None:
    with registry.serve():
        digest, deleted = push(registry, tmp_path, "deleted")
        _, kept = push(registry, tmp_path, "kept")
        result = registry.crane("delete", f"{registry.host}/team/deleted@{digest}", **ALICE)
        assert result.returncode == 0, result.stderr
        assert deleted - {digest} <= registry.blobs(), "a deletion alone frees nothing"
    with registry.serve(READER_FILE):
        collected = registry.collect()
        assert collected.returncode == 0, collected.stderr
        assert pulled(registry, "kept").returncode == 0, "pods serve while garbage is collected"
    assert not deleted & registry.blobs()
    assert kept <= registry.blobs()
    with registry.serve():
        assert pulled(registry, "kept").returncode == 0
        assert pulled(registry, "deleted").returncode != 0
        push(registry, tmp_path / "again", "deleted")
        assert pulled(registry, "deleted").returncode == 0, "a collected image can be pushed again"


def test_collection_of_untagged_images_keeps_those_of_an_index(
    registry: LoopbackRegistry, tmp_path: Path
) -> None:
    with registry.serve():
        for name in ("first", "second"):
            push(registry, tmp_path, name)
        _, untagged = push(registry, tmp_path, "moved")
        layout, _, _ = make_image(tmp_path, "moved-again")
        moved = registry.crane("push", str(layout), f"{registry.host}/team/moved:1", **ALICE)
        assert moved.returncode == 0, moved.stderr
        images = [f"--manifest={registry.host}/team/{name}:1" for name in ("first", "second")]
        index = registry.crane(
            "index", "append", *images, f"--tag={registry.host}/team/index:1", "--docker-empty-base", **ALICE
        )
        assert index.returncode == 0, index.stderr
    assert registry.collect("--delete-untagged").returncode == 0
    assert not untagged & registry.blobs()
    with registry.serve():
        platforms = registry.crane(
            "pull", "--format=oci", f"{registry.host}/team/index:1", str(tmp_path / "i"), **ALICE
        )
        assert platforms.returncode == 0, platforms.stderr


def test_containerd_pulls_by_the_file_of_nodes(registry: LoopbackRegistry, tmp_path: Path) -> None:
    """The name of the image is not the address of the registry, as on nodes."""
    login = "Basic " + base64.b64encode(f"alice:{PASSWORD}".encode()).decode()
    name = "registry.corp.example"
    mirror = Registry(name, f"https://{registry.host}", "", "", cluster_ca=True)
    text = hosts_toml(mirror, login).replace(CA, str(registry.directory / "ca.crt"))
    assert tomllib.loads(text)["ca"] == str(registry.directory / "ca.crt")
    with registry.serve(), run_containerd(tmp_path / "containerd") as node:
        push(registry, tmp_path, "pulled")
        node.write_hosts(name, text)
        result = node.pull(f"{name}/team/pulled:1")
        assert result.returncode == 0, result.stderr
        assert f"{name}/team/pulled:1" in node.images()
        wrong = hosts_toml(mirror, login[:-8] + "AAAAAAA=").replace(CA, str(registry.directory / "ca.crt"))
        node.write_hosts(name, wrong)
        refused = node.pull(f"{name}/team/rotated:1")
        assert refused.returncode != 0
        assert "authorization failed" in refused.stderr
        node.write_hosts(name, hosts_toml(replace(mirror, cluster_ca=False), login))
        assert "certificate signed by unknown authority" in node.pull(f"{name}/team/web:1").stderr


def test_users_of_a_token_service_have_their_permissions(deploy: Deploy, tmp_path: Path) -> None:
    tokens = {
        "writer": ("a-password-of-writer", ["pull", "push"]),
        "reader": ("a-password-of-reader", ["pull"]),
    }
    (tmp_path / "service").mkdir()
    with serve_tokens(tmp_path / "service", issuer=TOKEN["issuer"], users=tokens) as service:
        # crane refuses addresses of private networks.
        url = service.url.replace("127.0.0.1", "localhost")
        section = TOKEN | {"url": url, "certificate": service.certificate}
        registry = prepared(deploy, tmp_path, users={}, token=section)
        authorities = registry.directory / "ca.crt"
        authorities.write_text(authorities.read_text() + service.ca_file.read_text())
        writer = {"user": "writer", "password": "a-password-of-writer"}
        reader = {"user": "reader", "password": "a-password-of-reader"}
        with registry.serve():
            push(registry, tmp_path, "web", **writer)
            assert pulled(registry, "web", **reader).returncode == 0
            layout, _, _ = make_image(tmp_path, "refused")
            refused = registry.crane("push", str(layout), f"{registry.host}/team/refused:1", **reader)
            assert refused.returncode != 0
            assert "UNAUTHORIZED" in refused.stderr or "DENIED" in refused.stderr
            wrong = pulled(registry, "web", user="reader", password="another-password")
            assert wrong.returncode != 0
            assert service.audiences == {TOKEN["service"]}
            with run_containerd(tmp_path / "containerd") as node:
                mirror = Registry(registry.host, f"https://{registry.host}", "", "", cluster_ca=True)
                node.write_hosts(
                    f"127.0.0.1_{registry.port}_",
                    hosts_toml(mirror).replace(CA, str(registry.directory / "ca.crt")),
                )
                image = f"{registry.host}/team/web:1"
                assert "401 Unauthorized" in node.pull(image).stderr
                allowed = node.pull(image, user="reader", password="a-password-of-reader")
                assert allowed.returncode == 0, allowed.stderr


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    with serve_stores(tmp_path_factory.mktemp("stores")) as running:
        yield running


def test_images_are_in_a_bucket(stores: Stores, deploy: Deploy, tmp_path: Path) -> None:
    """S3 is emulated by moto. No emulation of Blob Storage here knows keys of accounts."""
    section = stores.targets()["s3"]["s3"]
    registry = prepared(
        deploy, tmp_path, users=USERS, storage={"s3": section, "prefix": "images"}, replicas=2
    )
    authority = {"SSL_CERT_FILE": str(registry.directory / "settings/store-ca.crt")}
    registry.environment = {**registry.environment, **authority}
    with registry.serve():
        digest, deleted = push(registry, tmp_path, "deleted")
        _, kept = push(registry, tmp_path, "kept")
        assert pulled(registry, "kept").returncode == 0
        assert registry.crane("delete", f"{registry.host}/team/deleted@{digest}", **ALICE).returncode == 0
    collected = registry.collect()
    assert collected.returncode == 0, collected.stderr
    data = {key for key in stores.objects if key.startswith("images/docker/registry/v2/blobs/")}
    assert all(any(item.partition(":")[2] in key for key in data) for item in kept)
    assert not any(item.partition(":")[2] in key for item in deleted for key in data)
    with registry.serve():
        assert pulled(registry, "kept").returncode == 0


def test_messages_of_the_program_have_no_passwords(registry: LoopbackRegistry, tmp_path: Path) -> None:
    with registry.serve():
        push(registry, tmp_path, "logged")
        pulled(registry, "logged", user="alice", password="a-wrong-password")
    logs = "".join(path.read_text() for path in registry.directory.glob("*.log"))
    lines = [json.loads(line) for line in logs.splitlines() if line.startswith("{")]
    assert lines
    for text in (PASSWORD, "a-wrong-password", "$2b$"):
        assert text not in logs
