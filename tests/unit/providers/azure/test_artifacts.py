"""Tests of files in the cluster's own store on Azure: resources, permissions, and their upload."""

from __future__ import annotations

import io
from hashlib import sha256
from pathlib import Path

import pytest

from providers.azure import artifacts
from providers.azure.artifacts import ArtifactStore
from providers.azure.permissions import BLOB_READER
from providers.cloud.artifacts import FILES_VARIABLE, StoredFile, files_text, parse_files
from tests.unit.components.graph import Graph, Json
from tests.unit.providers.azure.fake_azure import TOKEN, FakeAzure, FakeCredential
from tests.unit.providers.azure.program import graph, nested_value, with_all_features
from tests.unit.providers.program import with_own_store

COMMAND, CONTAINER = "azure-store-files", "azure-store-artifacts"


def with_everything(cluster: Json) -> None:
    with_all_features(cluster)
    with_own_store(cluster)


@pytest.fixture(scope="module", params=[with_own_store, with_everything], ids=["example", "everything"])
def own_store(request: pytest.FixtureRequest) -> Graph:
    """Return the resources of the example with files in its own store."""
    return graph(request.param)


def files_in_preview(resources: Graph) -> str:
    return str(nested_value(resources.node(COMMAND).inputs, "environment", FILES_VARIABLE))


def test_preview_shows_the_files_as_data(own_store: Graph) -> None:
    lines = files_in_preview(own_store).splitlines()
    assert any(line.startswith("artifact kubelet 1.36.") for line in lines)
    assert all(len(line.split()[3]) == 64 for line in lines)


def test_the_store_gets_exactly_the_files_that_machines_fetch(own_store: Graph) -> None:
    texts = [node.text("stdin") for node in own_store.of_type(":Command") if node.name.endswith(".sh")]
    fetched = set()
    for line in "".join(texts).splitlines():
        match line.split():
            case ["program", url, digest] | ["artifact", _, url, digest, *_]:
                fetched.add(f"{url}/{digest}")
    assert fetched == {f"store:{file.key}" for file in parse_files(files_in_preview(own_store))}


def test_machines_wait_for_their_files(own_store: Graph) -> None:
    machines = [*own_store.of_type(":VirtualMachine"), *own_store.of_type(":VirtualMachineScaleSet")]
    assert len(machines) >= 6
    for machine in machines:
        assert COMMAND in own_store.dependencies(machine)
    assert {CONTAINER, "azure-store-versions"} <= own_store.dependencies(own_store.node(COMMAND))
    assert own_store.node(CONTAINER).inputs["containerName"] == "artifacts"


def test_every_identity_reads_the_container_and_cannot_write_it(own_store: Graph) -> None:
    assignments = own_store.of_type(":RoleAssignment")
    of_files = [node for node in assignments if node.inputs["scope"] == f"{CONTAINER}-id"]
    identities = own_store.of_type(":UserAssignedIdentity")
    assert {node.name for node in of_files} == {f"{identity.name}-fetches" for identity in identities}
    for node in of_files:
        assert node.text("roleDefinitionId").endswith(BLOB_READER)


def test_cluster_with_a_mirror_has_neither_files_nor_permission() -> None:
    resources = graph()
    assert COMMAND not in {node.name for node in resources.nodes.values()}
    assert not [n for n in resources.of_type(":RoleAssignment") if n.name.endswith("-fetches")]


class TestProgram:
    @pytest.fixture
    def kubelet(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StoredFile:
        """Return a file of the mirror of this machine, which the command must upload."""
        content = b"the kubelet"
        path = tmp_path / "mirror/files/kubelet/1.0/kubelet"
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        file = StoredFile("kubelet", "1.0", sha256(content).hexdigest())
        monkeypatch.setenv("KUBEWRIGHT_CACHE", str(tmp_path))
        monkeypatch.setenv(FILES_VARIABLE, files_text([file]))
        return file

    def run(self, cloud: FakeAzure) -> int:
        words = ["--ca-file", cloud.ca_file, "--seconds", "0.3", f"{cloud.url}/artifacts"]
        return artifacts.main(words, lambda *_: FakeCredential())

    def test_files_are_written_with_a_token(self, cloud: FakeAzure, kubelet: StoredFile) -> None:
        assert self.run(cloud) == 0
        assert cloud.blobs == {f"/artifacts/{kubelet.key}": b"the kubelet"}
        assert cloud.authorizations == {f"Bearer {TOKEN}"}
        cloud.requests.clear()
        assert self.run(cloud) == 0
        assert [method for method, _ in cloud.requests] == ["GET"]

    def test_a_large_file_is_one_request(self, cloud: FakeAzure) -> None:
        """An interrupted upload of several blocks could leave a blob without content."""
        content = bytes(65 * 1024**2)
        store = ArtifactStore(f"{cloud.url}/artifacts", FakeCredential(), cloud.ca_file, 0.3)
        store.upload("a/1/b", io.BytesIO(content))
        assert cloud.requests == [("PUT", "/artifacts/a/1/b")]
        assert cloud.blobs["/artifacts/a/1/b"] == content

    def test_error_is_one_line(
        self, cloud: FakeAzure, kubelet: StoredFile, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "mirror/files/kubelet/1.0/kubelet").unlink()
        assert self.run(cloud) == 1
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert "files/kubelet/1.0/kubelet: No such file or directory; run `kubewright mirror`" in error

    def test_error_names_the_role_that_the_deployer_needs(
        self, cloud: FakeAzure, kubelet: StoredFile, capsys: pytest.CaptureFixture[str]
    ) -> None:
        cloud.denied = True
        assert self.run(cloud) == 1
        assert "Storage Blob Data Contributor" in capsys.readouterr().err
