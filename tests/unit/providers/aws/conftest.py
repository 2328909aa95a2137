"""Fixtures for tests of AWS: graphs of the program's resources, and clients of moto."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import boto3
import botocore.session
import pytest
from botocore.loaders import Loader, create_loader
from moto import mock_aws

from providers.aws.wait_clients import MachineGroups, StatusStore
from tests.unit.components.graph import Graph
from tests.unit.providers.aws.autoscaling import BUCKET, REGION, RefreshSimulator
from tests.unit.providers.aws.program import graph, with_all_features

if TYPE_CHECKING:
    from types_boto3_autoscaling import AutoScalingClient


@pytest.fixture(scope="module", params=[None, with_all_features], ids=["example", "everything"])
def resources(request: pytest.FixtureRequest) -> Graph:
    return graph(request.param)


@pytest.fixture(scope="module")
def example_resources() -> Graph:
    return graph()


@pytest.fixture(scope="session")
def service_models() -> Loader:
    """Return the loader of the descriptions of services, which keeps what it has read."""
    return create_loader(botocore.session.Session().get_config_variable("data_path"))


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, service_models: Loader) -> Iterator[None]:
    """Start an empty account of moto, without moto's 1,300 images of machines.

    Each test has new sessions, which would read the descriptions of all services again.
    """
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    monkeypatch.setattr(botocore.session, "create_loader", lambda _: service_models)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        yield


@pytest.fixture
def simulator(account: None) -> RefreshSimulator:
    return RefreshSimulator(boto3.client("autoscaling", REGION))


@pytest.fixture
def groups(simulator: RefreshSimulator) -> MachineGroups:
    return MachineGroups(cast("AutoScalingClient", simulator))


@pytest.fixture
def statuses(account: None) -> StatusStore:
    s3 = boto3.client("s3", REGION)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    return StatusStore(s3, BUCKET)
