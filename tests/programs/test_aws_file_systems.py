"""Tests of the stand-in for EFS: changes in place, and what the service refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from lab.plugins.runtime.errors import PluginError
from testkit.emulated_aws import emulated_aws
from tests.programs.aws_plugins import EmulatedPlugins
from tests.programs.emulated_plugins import Created

FILE_SYSTEM, POLICY = "aws:efs/fileSystem:FileSystem", "aws:efs/fileSystemPolicy:FileSystemPolicy"


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedPlugins]:
    state = tmp_path_factory.mktemp("emulated")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBEWRIGHT_STATE", str(state))
        with emulated_aws(state) as variables:
            yield EmulatedPlugins(variables)


def update(plugins: EmulatedPlugins, created: Created, **changes: Any) -> Mapping[str, Any]:  # noqa: ANN401
    changed = {**created.inputs, **changes}
    call = plugins.provider.update(
        created.urn, created.state, created.inputs, changed, preview=False, timeout=0
    )
    return asyncio.run(call)


def delete(plugins: EmulatedPlugins, created: Created) -> None:
    asyncio.run(plugins.provider.delete(created.urn, created.identity, created.state, timeout=0))


def file_system(plugins: EmulatedPlugins, identity: str) -> Any:  # noqa: ANN401 - JSON
    client = plugins.provider._account.client("efs")  # type: ignore[union-attr]
    (found,) = client.describe_file_systems(FileSystemId=identity)["FileSystems"]
    return found


def test_throughput_and_tags_change_in_place(plugins: EmulatedPlugins) -> None:
    tags = {"Name": "c-files", "kubewright:cluster": "c", "old": "1"}
    inputs = {"encrypted": True, "throughputMode": "elastic", "tags": tags}
    created = plugins.create(FILE_SYSTEM, "files", inputs)
    assert created.state["dnsName"] == f"{created.identity}.efs.eu-central-1.amazonaws.com"
    update(plugins, created, throughputMode="bursting", tags={"Name": "c-files", "new": "2"})
    found = file_system(plugins, created.identity)
    assert found["ThroughputMode"] == "bursting"
    assert found["Encrypted"] is True
    assert {tag["Key"]: tag["Value"] for tag in found["Tags"]} == {"Name": "c-files", "new": "2"}
    delete(plugins, created)


def test_encryption_cannot_change_in_place(plugins: EmulatedPlugins) -> None:
    created = plugins.create(FILE_SYSTEM, "plain", {"encrypted": False})
    changed = {**created.inputs, "encrypted": True}
    diff = asyncio.run(plugins.provider.diff(created.urn, created.state, created.inputs, changed, []))
    assert "encrypted" in diff.replaces
    delete(plugins, created)


def test_policy_is_written_and_deleted(plugins: EmulatedPlugins) -> None:
    system = plugins.create(FILE_SYSTEM, "with-policy", {"encrypted": True})
    client = plugins.provider._account.client("efs")  # type: ignore[union-attr]
    policy = plugins.create(POLICY, "policy", {"fileSystemId": system.identity, "policy": '{"a":1}'})
    update(plugins, policy, policy='{"a":2}')
    assert client.describe_file_system_policy(FileSystemId=system.identity)["Policy"] == '{"a":2}'
    delete(plugins, policy)
    with pytest.raises(client.exceptions.PolicyNotFound):
        client.describe_file_system_policy(FileSystemId=system.identity)
    delete(plugins, system)


def test_policy_of_an_unknown_file_system_is_refused(plugins: EmulatedPlugins) -> None:
    inputs = {"fileSystemId": "fs-01234567", "policy": "{}"}
    with pytest.raises(PluginError, match="FileSystemNotFound"):
        plugins.create(POLICY, "lost", inputs)
