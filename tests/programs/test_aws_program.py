"""Tests of the stand-in for AWS with all AWS resources of the program, in an emulated account."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping

import pytest

from lab.cloud.aws.remaining import remaining_resources
from testkit.emulated_aws import emulated_aws
from tests.programs.aws_plugins import EmulatedPlugins
from tests.programs.emulated_plugins import Created
from tests.unit.components.graph import Json
from tests.unit.providers.aws.program import with_pod_roles
from tests.unit.providers.program import ExampleStack, section


def with_pod_roles_and_copies(cluster: Json) -> None:
    """Edit the settings so that pods have roles and file storage, and snapshots are copied to another
    region.
    """
    with_pod_roles(cluster)
    section(cluster, "aws")["file_storage"] = {}
    section(cluster, "aws")["snapshot_copies"] = {"region": "eu-west-1"}


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """Return the environment variables of the deployer of an emulated account."""
    state = tmp_path_factory.mktemp("emulated")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBEWRIGHT_STATE", str(state))
        with emulated_aws(state) as found:
            yield found


@pytest.fixture(scope="module")
def plugins(variables: Mapping[str, str]) -> EmulatedPlugins:
    """Return the plugins after a run of the program that created all resources of the example stack."""
    plugins = EmulatedPlugins(variables)
    ExampleStack("aws-example", lambda: plugins).graph(with_pod_roles_and_copies)
    return plugins


@pytest.mark.timeout(900)
def test_program_creates_all_resources_and_deletes_them(
    plugins: EmulatedPlugins, variables: Mapping[str, str]
) -> None:
    """Test that every resource can be read, is unchanged by the same inputs, and that nothing remains."""
    assert len(plugins.created) > 100
    for created in plugins.created:
        assert plugins.read(created), f"{created.urn} does not exist"
        diff = plugins.provider.diff(created.urn, created.state, created.inputs, created.inputs, [])
        assert not asyncio.run(diff).changes, created.urn
    before = remaining_resources(variables)
    assert {"s3 kubewright-aws-example-123456789012-eu-central-1", "iam aws-example-etcd-eu-central-1"} & {
        *before
    }
    for created in reversed(plugins.created):
        asyncio.run(plugins.provider.delete(created.urn, created.identity, created.state, timeout=0))
    assert remaining_resources(variables) == []
    assert not any(plugins.read(created) for created in plugins.created if _is_group(created))


def _is_group(created: Created) -> bool:
    return "autoscaling/group" in created.urn
