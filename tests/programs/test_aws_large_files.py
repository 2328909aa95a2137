"""Tests of large files in the emulated S3, which has binaries of machines (`artifacts.store: own`)."""

from __future__ import annotations

import copy
import gc
import importlib
import io
from pathlib import Path

import boto3
import pytest
from moto.s3.models import FakeKey

from providers.aws.artifacts import ArtifactStore
from testkit.emulated_aws import REGION, emulated_aws

BUCKET = "example"
SIZE = 110 * 1024**2
"""Larger than any binary of a machine."""


def test_a_large_file_is_stored_completely(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBEWRIGHT_STATE", str(tmp_path))
    content = b"0123456789abcdef" * (SIZE // 16)
    with emulated_aws(tmp_path) as variables:
        s3 = boto3.client(
            "s3",
            region_name=REGION,
            endpoint_url=variables["AWS_ENDPOINT_URL"],
            aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        )
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        store = ArtifactStore(s3, BUCKET)
        store.upload(f"kubelet/1.0/{'a' * 64}", io.BytesIO(content))
        assert store.keys() == {f"kubelet/1.0/{'a' * 64}"}
        stored = s3.get_object(Bucket=BUCKET, Key=f"artifacts/kubelet/1.0/{'a' * 64}")["Body"]
        assert stored.read() == content


def test_lists_of_versions_copy_no_content() -> None:
    """The copies of moto filled the disk: each list of versions copied every object of the bucket."""
    importlib.import_module("lab.cloud.aws.api")
    key = FakeKey("kubelet", b"content", account_id="123456789012", region_name=REGION)
    copied = copy.deepcopy(key)
    copied.name = "another"
    assert key.name == "kubelet"
    assert copied._value_buffer is key._value_buffer
    assert copied.value == b"content"
    del copied
    gc.collect()
    assert key.value == b"content"
