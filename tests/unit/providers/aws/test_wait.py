"""The wait program of AWS, against moto's S3, EC2 and Auto Scaling.

Moto has no instance refreshes: `autoscaling` simulates their two calls on the machines of moto's groups.
"""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from formats.notices import FAILURE
from providers.aws.wait import leave_cluster, main, wait_for_pool, wait_for_statuses
from providers.aws.wait_clients import MachineGroups, StatusStore
from providers.cloud.digests import content_digest
from providers.cloud.polling import WaitError
from tests.unit.providers.aws.autoscaling import (
    BUCKET,
    GROUP,
    LONG_WAIT,
    NEW_DIGEST,
    OLD_DIGEST,
    REGION,
    SHORT_WAIT,
    STATUS_KEYS,
    RefreshSimulator,
    create_group,
    write_statuses,
)


class TestWaitForStatuses:
    def test_returns_when_every_role_is_healthy(self, statuses: StatusStore) -> None:
        write_statuses(statuses, STATUS_KEYS, NEW_DIGEST)
        wait_for_statuses(statuses, STATUS_KEYS, NEW_DIGEST, SHORT_WAIT)

    def test_error_names_the_missing_role(self, statuses: StatusStore) -> None:
        write_statuses(statuses, STATUS_KEYS[:1], NEW_DIGEST)
        with pytest.raises(WaitError, match=r"not healthy yet: status/.*/node \(no progress"):
            wait_for_statuses(statuses, STATUS_KEYS, NEW_DIGEST, SHORT_WAIT)

    def test_an_older_status_does_not_count(self, statuses: StatusStore) -> None:
        write_statuses(statuses, STATUS_KEYS, OLD_DIGEST)
        with pytest.raises(WaitError):
            wait_for_statuses(statuses, STATUS_KEYS, NEW_DIGEST, SHORT_WAIT)

    def test_a_later_status_ends_the_wait(self, statuses: StatusStore) -> None:
        class LateStatusStore(StatusStore):
            reads = 0

            def status(self, key: str) -> str:
                LateStatusStore.reads += 1
                if LateStatusStore.reads == 4:
                    write_statuses(self, STATUS_KEYS, NEW_DIGEST)
                return super().status(key)

        wait_for_statuses(LateStatusStore(statuses.s3, statuses.bucket), STATUS_KEYS, NEW_DIGEST, LONG_WAIT)
        assert LateStatusStore.reads >= 4

    def test_an_error_of_the_store_is_raised(self, statuses: StatusStore) -> None:
        with pytest.raises(ClientError):
            wait_for_statuses(replace(statuses, bucket="not-ours"), STATUS_KEYS, NEW_DIGEST, SHORT_WAIT)


class TestWaitForPool:
    def test_every_machine_must_be_a_healthy_node(self, statuses: StatusStore, groups: MachineGroups) -> None:
        machines = create_group("test-pool", 3)
        prefix = "status/pools/general"
        write_statuses(statuses, [f"{prefix}/{machine}/node" for machine in machines[:2]], NEW_DIGEST)
        with pytest.raises(WaitError, match=f"not healthy yet: {prefix}/{machines[2]}/node"):
            wait_for_pool(statuses, groups, ["test-pool"], "1", prefix, "node", NEW_DIGEST, SHORT_WAIT)
        write_statuses(statuses, [f"{prefix}/{machines[2]}/node"], NEW_DIGEST)
        wait_for_pool(statuses, groups, ["test-pool"], "1", prefix, "node", NEW_DIGEST, SHORT_WAIT)

    def test_machines_of_an_older_template_are_not_ready(
        self, statuses: StatusStore, groups: MachineGroups
    ) -> None:
        machines = create_group("test-pool", 2)
        write_statuses(statuses, [f"p/{machine}/node" for machine in machines], NEW_DIGEST)
        with pytest.raises(WaitError, match="not replaced yet"):
            wait_for_pool(statuses, groups, ["test-pool"], "2", "p", "node", NEW_DIGEST, SHORT_WAIT)

    def test_an_empty_pool_is_ready(self, statuses: StatusStore, groups: MachineGroups) -> None:
        create_group("test-pool", 0)
        wait_for_pool(statuses, groups, ["test-pool"], "1", "p", "node", NEW_DIGEST, SHORT_WAIT)

    def test_a_failed_refresh_matters_only_while_machines_are_not_ready(
        self, statuses: StatusStore, groups: MachineGroups, simulator: RefreshSimulator
    ) -> None:
        machines = create_group("test-pool", 1)
        simulator.refreshes = [{"Status": "Failed", "AutoScalingGroupName": "test-pool"}]
        with pytest.raises(WaitError, match="ended"):
            wait_for_pool(statuses, groups, ["test-pool"], "1", "p", "node", NEW_DIGEST, SHORT_WAIT)
        write_statuses(statuses, [f"p/{machines[0]}/node"], NEW_DIGEST)
        wait_for_pool(statuses, groups, ["test-pool"], "1", "p", "node", NEW_DIGEST, SHORT_WAIT)

    def test_error_names_a_missing_group(self, statuses: StatusStore, groups: MachineGroups) -> None:
        with pytest.raises(WaitError, match="there is no Auto Scaling group nowhere"):
            wait_for_pool(statuses, groups, ["nowhere"], "1", "p", "node", NEW_DIGEST, SHORT_WAIT)

    def test_all_zones_of_a_pool_must_be_healthy(self, statuses: StatusStore, groups: MachineGroups) -> None:
        first, second = create_group("test-pool", 1), create_group("test-pool-zone-2", 1)
        names = ["test-pool", "test-pool-zone-2"]
        write_statuses(statuses, [f"p/{first[0]}/node"], NEW_DIGEST)
        with pytest.raises(WaitError, match=f"^not healthy yet: p/{second[0]}/node"):
            wait_for_pool(statuses, groups, names, "1", "p", "node", NEW_DIGEST, SHORT_WAIT)
        write_statuses(statuses, [f"p/{second[0]}/node"], NEW_DIGEST)
        wait_for_pool(statuses, groups, names, "1", "p", "node", NEW_DIGEST, SHORT_WAIT)

    def test_statuses_of_machines_that_no_longer_exist_are_deleted(
        self, statuses: StatusStore, groups: MachineGroups
    ) -> None:
        machines = create_group("test-pool", 1)
        write_statuses(statuses, [f"p/{machine}/node" for machine in (*machines, "i-gone")], NEW_DIGEST)
        wait_for_pool(statuses, groups, ["test-pool"], "1", "p", "node", NEW_DIGEST, SHORT_WAIT)
        listed = statuses.s3.list_objects_v2(Bucket=BUCKET)["Contents"]
        assert [item["Key"] for item in listed] == [f"p/{machines[0]}/node"]

    def test_error_has_the_last_failure_of_a_machine(
        self, statuses: StatusStore, groups: MachineGroups, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (machine,) = create_group("test-pool", 1)
        failure = "2026-11-21T10:00:00Z: node: no disk\na line of the journal\n"
        statuses.put(f"p/{machine}/error", failure)
        with pytest.raises(WaitError, match=f"{machine}: node: no disk; look at its console"):
            wait_for_pool(statuses, groups, ["test-pool"], "1", "p", "node", NEW_DIGEST, SHORT_WAIT)
        lines = capsys.readouterr().err.splitlines()
        assert lines == [f"{FAILURE}{machine}: {line}" for line in failure.splitlines()]


class TestConfigs:
    """Objects under keys with their digest."""

    PREFIX = "pools/general"

    def put_config(self, statuses: StatusStore, text: str) -> str:
        contents = [text, "payload"]
        for part, content in zip(("sh", "payload"), contents, strict=True):
            statuses.put(f"{self.PREFIX}/node.{part}", content)
        return content_digest(contents)

    def publish(self, digest: str) -> list[str]:
        """Return the command line that publishes the config."""
        common = [*TestMain.COMMAND[:4], "--digest", digest, "--bucket", BUCKET]
        return [*common, "publish", self.PREFIX, "node"]

    def keys(self, statuses: StatusStore) -> set[str]:
        return {item["Key"] for item in statuses.s3.list_objects_v2(Bucket=BUCKET)["Contents"]}

    def test_a_config_is_published_under_its_digest(self, statuses: StatusStore) -> None:
        digest = self.put_config(statuses, "one\n")
        assert main(self.publish(digest)) == 0
        assert statuses.text(f"{self.PREFIX}/{digest}/node.sh") == "one\n"
        assert statuses.text(f"{self.PREFIX}/{digest}/node.payload") == "payload"

    def test_objects_with_another_digest_are_not_published(
        self, statuses: StatusStore, capsys: pytest.CaptureFixture[str]
    ) -> None:
        before = self.put_config(statuses, "one\n")
        self.put_config(statuses, "two\n")
        assert main(self.publish(before)) == 1
        assert "are not those of this update" in capsys.readouterr().err
        assert len(self.keys(statuses)) == 2

    def test_the_current_and_the_last_config_are_kept(self, statuses: StatusStore) -> None:
        for number, digest in enumerate(("a" * 64, "b" * 64, "c" * 64)):
            statuses.put(f"{self.PREFIX}/{digest}/node.sh", str(number))
            time.sleep(1.1)
        statuses.put(f"{self.PREFIX}/node.sh", "current")
        statuses.delete_old_objects(self.PREFIX, "c" * 64)
        assert self.keys(statuses) == {
            f"{self.PREFIX}/{'b' * 64}/node.sh",
            f"{self.PREFIX}/{'c' * 64}/node.sh",
            f"{self.PREFIX}/node.sh",
        }


class TestLeaveCluster:
    LEAVE, LEFT = "members/cp-1/leave", "status/cp-1/left"

    def test_writes_the_request_and_waits_for_the_report(
        self, statuses: StatusStore, groups: MachineGroups
    ) -> None:
        create_group(GROUP, 1)

        class LeavingMemberStore(StatusStore):
            def status(self, key: str) -> str:
                requested = self.s3.list_objects_v2(Bucket=BUCKET, Prefix="members/")["KeyCount"]
                return OLD_DIGEST if requested else ""

        store = LeavingMemberStore(statuses.s3, statuses.bucket)
        leave_cluster(store, groups, GROUP, self.LEAVE, self.LEFT, SHORT_WAIT)
        # A later member with the same name finds no request.
        assert statuses.s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0

    def test_an_old_report_does_not_count(self, statuses: StatusStore, groups: MachineGroups) -> None:
        create_group(GROUP, 1)
        write_statuses(statuses, [self.LEFT], OLD_DIGEST)
        with pytest.raises(WaitError, match="has not left the cluster yet"):
            leave_cluster(statuses, groups, GROUP, self.LEAVE, self.LEFT, SHORT_WAIT)

    def test_a_group_without_machines_is_skipped(
        self, statuses: StatusStore, groups: MachineGroups, capsys: pytest.CaptureFixture[str]
    ) -> None:
        leave_cluster(statuses, groups, "gone", self.LEAVE, self.LEFT, SHORT_WAIT)
        assert "no machine that could leave" in capsys.readouterr().err


class TestMain:
    COMMAND = ("--region", REGION, "--seconds", "0", "--digest", NEW_DIGEST)

    def test_failure_is_one_line_and_exit_code_1(
        self, statuses: StatusStore, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main([*self.COMMAND, "--bucket", BUCKET, "gate", *STATUS_KEYS]) == 1
        error = capsys.readouterr().err
        assert error.startswith("error: not healthy yet")
        assert error.count("\n") == 1

    def test_success_is_exit_code_0(self, statuses: StatusStore) -> None:
        write_statuses(statuses, STATUS_KEYS, NEW_DIGEST)
        assert main([*self.COMMAND, "--bucket", BUCKET, "gate", *STATUS_KEYS]) == 0

    def test_a_missing_bucket_is_one_line(self, account: None, capsys: pytest.CaptureFixture[str]) -> None:
        assert main([*self.COMMAND, "--bucket", "nowhere", "gate", "k"]) == 1
        assert "NoSuchBucket" in capsys.readouterr().err
