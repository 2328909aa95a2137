"""Tests of files in the cluster's own store on AWS: resources, permissions, and their upload."""

from __future__ import annotations

import base64
import io
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import boto3
import pytest

from providers.aws import artifacts
from providers.aws.artifacts import ArtifactStore
from providers.aws.limits import MAX_USER_DATA_BYTES
from providers.cloud.artifacts import FILES_VARIABLE, StoredFile, files_text, parse_files
from tests.unit.components.graph import Graph, Json
from tests.unit.providers.aws.autoscaling import BUCKET, REGION
from tests.unit.providers.aws.program import (
    graph,
    inputs_of,
    launch_templates,
    user_data,
    with_all_features,
    with_dedicated_etcd,
)
from tests.unit.providers.aws.test_permissions import policy_statements
from tests.unit.providers.program import with_own_store

COMMAND = "aws-store-files"
BUCKET_ARN = "arn:aws:s3:::kubewright-aws-example-123456789012-eu-central-1"


def with_store(cluster: Json) -> None:
    with_dedicated_etcd(cluster)
    with_own_store(cluster)


@pytest.fixture(scope="module")
def own_store() -> Graph:
    """Return the resources of the example with files in its own store."""
    return graph(with_store)


def files_in_preview(resources: Graph) -> str:
    return str(cast(dict[str, Any], inputs_of(resources, COMMAND)["environment"])[FILES_VARIABLE])


def test_preview_shows_the_files_as_data(own_store: Graph) -> None:
    lines = files_in_preview(own_store).splitlines()
    assert any(line.startswith("artifact kubelet 1.36.") for line in lines)
    assert all(len(line.split()[3]) == 64 for line in lines)
    assert inputs_of(own_store, COMMAND)["create"] == (
        "exec python3 -m providers.aws.artifacts --region eu-central-1 --bucket "
        "kubewright-aws-example-123456789012-eu-central-1"
    )


def test_the_store_gets_exactly_the_files_that_machines_fetch(own_store: Graph) -> None:
    texts = [node.text("content") for node in own_store.of_type(":BucketObjectv2")]
    fetched = set()
    for line in "".join(texts).splitlines():
        match line.split():
            case ["program", url, digest] | ["artifact", _, url, digest, *_]:
                fetched.add(f"{url}/{digest}")
    assert fetched == {f"store:{file.key}" for file in parse_files(files_in_preview(own_store))}
    names = {file.name for file in parse_files(files_in_preview(own_store))}
    assert {"host-program", "etcd", "kube-apiserver", "kubelet"} <= names
    # Nodes of this cluster have no DNS cache, and AWS has its own load balancer.
    assert not names & {"coredns", "keepalived"}


def test_machines_wait_for_their_files(own_store: Graph) -> None:
    for machine in ("pool-general-group", "cp-1-group", "e-1-group"):
        assert COMMAND in own_store.dependencies(own_store.node(machine))
    before = own_store.dependencies(own_store.node(COMMAND))
    assert {"aws-store-bucket", "aws-store-encryption", "aws-store-policy"} <= before


def test_every_role_reads_only_files_below_the_prefix(own_store: Graph) -> None:
    policies: dict[str, dict[str, dict[str, Any]]] = {}
    for name, statement in policy_statements(own_store):
        if statement["Sid"].startswith("Artifacts"):
            policies.setdefault(name, {})[statement["Sid"]] = statement
    assert sorted(policies) == [
        "aws-identity-control-plane-artifacts",
        "aws-identity-etcd-artifacts",
        "aws-identity-pool-batch-artifacts",
        "aws-identity-pool-general-artifacts",
    ]
    for statements in policies.values():
        assert statements["Artifacts"]["Action"] == ["s3:GetObject"]
        assert statements["Artifacts"]["Resource"] == [f"{BUCKET_ARN}/artifacts/*"]
        assert statements["ArtifactsKey"]["Action"] == ["kms:Decrypt"]
        assert statements["ArtifactsKey"]["Condition"]["StringLike"] == {
            "kms:EncryptionContext:aws:s3:arn": [f"{BUCKET_ARN}/artifacts/*"]
        }


def test_machines_wait_for_their_permission(own_store: Graph) -> None:
    policy = "aws-identity-pool-general-artifacts"
    assert policy in own_store.dependencies(own_store.node("pool-general-group"))


def test_cluster_with_a_mirror_has_neither_files_nor_permission(example_resources: Graph) -> None:
    assert COMMAND not in {node.name for node in example_resources.nodes.values()}
    assert not [s for _, s in policy_statements(example_resources) if s["Sid"].startswith("Artifacts")]


def test_all_features_together_are_within_the_limits() -> None:
    def edit(cluster: Json) -> None:
        with_all_features(cluster)
        with_own_store(cluster)

    for template in launch_templates(graph(edit)):
        assert len(user_data(template).encode()) <= MAX_USER_DATA_BYTES


class TestProgram:
    @pytest.fixture
    def store(self, account: None) -> ArtifactStore:
        s3 = boto3.client("s3", REGION)
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        return ArtifactStore(s3, BUCKET)

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

    def test_files_are_below_the_prefix(self, store: ArtifactStore, kubelet: StoredFile) -> None:
        store.s3.put_object(Bucket=BUCKET, Key="members/etcd/e-1/etcd.sh", Body=b"x")
        assert store.keys() == set()
        assert artifacts.main(["--region", REGION, "--bucket", BUCKET]) == 0
        assert store.keys() == {kubelet.key}
        stored = store.s3.get_object(Bucket=BUCKET, Key=f"artifacts/{kubelet.key}")
        assert stored["Body"].read() == b"the kubelet"

    def test_the_service_compares_the_file_with_its_digest(self, store: ArtifactStore) -> None:
        digest, checksums = sha256(b"x").digest(), []
        store.s3.meta.events.register(
            "before-send.s3.PutObject",
            lambda request, **_: checksums.append(request.headers["x-amz-checksum-sha256"]),
        )
        store.upload(f"kubelet/1.0/{digest.hex()}", io.BytesIO(b"x"))
        assert [base64.b64decode(checksum) for checksum in checksums] == [digest]

    def test_error_is_one_line(
        self, store: ArtifactStore, kubelet: StoredFile, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "mirror/files/kubelet/1.0/kubelet").unlink()
        assert artifacts.main(["--region", REGION, "--bucket", BUCKET]) == 1
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert "files/kubelet/1.0/kubelet: No such file or directory; run `kubewright mirror`" in error

    def test_missing_bucket_is_an_error_of_one_line(
        self, store: ArtifactStore, kubelet: StoredFile, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert artifacts.main(["--region", REGION, "--bucket", "kubewright-none"]) == 1
        assert "NoSuchBucket" in capsys.readouterr().err
