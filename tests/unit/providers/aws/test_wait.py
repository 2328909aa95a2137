"""The wait program of AWS, against moto's S3, EC2 and Auto Scaling.

Moto has no instance refreshes: `autoscaling` simulates their two calls on the machines of moto's groups.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from providers.aws.wait import leave_cluster, main, wait_for_pool, wait_for_statuses
from providers.aws.wait_clients import MachineGroups, StatusStore
from providers.cloud.polling import WaitError
from tests.unit.providers.aws.autoscaling import (
    BUCKET,
    GROUP,
    KEYS,
    NEW,
    OLD,
    QUICK,
    REGION,
    SLOW,
    Refreshing,
    group,
    report,
)


class TestWaitForStatuses:
    def test_returns_when_every_role_is_healthy(self, statuses: StatusStore) -> None:
        report(statuses, KEYS, NEW)
        wait_for_statuses(statuses, KEYS, NEW, QUICK)

    def test_error_names_the_missing_role(self, statuses: StatusStore) -> None:
        report(statuses, KEYS[:1], NEW)
        with pytest.raises(WaitError, match=r"not healthy yet: status/.*/node \(waited"):
            wait_for_statuses(statuses, KEYS, NEW, QUICK)

    def test_an_older_status_does_not_count(self, statuses: StatusStore) -> None:
        report(statuses, KEYS, OLD)
        with pytest.raises(WaitError):
            wait_for_statuses(statuses, KEYS, NEW, QUICK)

    def test_a_later_status_ends_the_wait(self, statuses: StatusStore) -> None:
        class Later(StatusStore):
            reads = 0

            def status(self, key: str) -> str:
                Later.reads += 1
                if Later.reads == 4:
                    report(self, KEYS, NEW)
                return super().status(key)

        wait_for_statuses(Later(statuses.s3, statuses.bucket), KEYS, NEW, SLOW)
        assert Later.reads >= 4

    def test_an_error_of_the_store_is_raised(self, statuses: StatusStore) -> None:
        with pytest.raises(ClientError):
            wait_for_statuses(replace(statuses, bucket="not-ours"), KEYS, NEW, QUICK)


class TestWaitForPool:
    def test_every_machine_must_be_a_healthy_node(self, statuses: StatusStore, groups: MachineGroups) -> None:
        machines = group("test-pool", 3)
        prefix = "status/pools/general"
        report(statuses, [f"{prefix}/{machine}/node" for machine in machines[:2]], NEW)
        with pytest.raises(WaitError, match=f"not healthy yet: {prefix}/{machines[2]}/node"):
            wait_for_pool(statuses, groups, "test-pool", "1", prefix, "node", NEW, QUICK)
        report(statuses, [f"{prefix}/{machines[2]}/node"], NEW)
        wait_for_pool(statuses, groups, "test-pool", "1", prefix, "node", NEW, QUICK)

    def test_machines_of_an_older_template_are_not_ready(
        self, statuses: StatusStore, groups: MachineGroups
    ) -> None:
        machines = group("test-pool", 2)
        report(statuses, [f"p/{machine}/node" for machine in machines], NEW)
        with pytest.raises(WaitError, match="not replaced yet"):
            wait_for_pool(statuses, groups, "test-pool", "2", "p", "node", NEW, QUICK)

    def test_an_empty_pool_is_ready(self, statuses: StatusStore, groups: MachineGroups) -> None:
        group("test-pool", 0)
        wait_for_pool(statuses, groups, "test-pool", "1", "p", "node", NEW, QUICK)

    def test_a_failed_refresh_matters_only_while_machines_are_not_ready(
        self, statuses: StatusStore, groups: MachineGroups, refreshing: Refreshing
    ) -> None:
        machines = group("test-pool", 1)
        refreshing.started = [{"Status": "Failed", "AutoScalingGroupName": "test-pool"}]
        with pytest.raises(WaitError, match="ended"):
            wait_for_pool(statuses, groups, "test-pool", "1", "p", "node", NEW, QUICK)
        report(statuses, [f"p/{machines[0]}/node"], NEW)
        wait_for_pool(statuses, groups, "test-pool", "1", "p", "node", NEW, QUICK)

    def test_error_names_a_missing_group(self, statuses: StatusStore, groups: MachineGroups) -> None:
        with pytest.raises(WaitError, match="there is no Auto Scaling group nowhere"):
            wait_for_pool(statuses, groups, "nowhere", "1", "p", "node", NEW, QUICK)


class TestLeaveCluster:
    LEAVE, LEFT = "members/cp-1/leave", "status/cp-1/left"

    def test_writes_the_request_and_waits_for_the_report(
        self, statuses: StatusStore, groups: MachineGroups
    ) -> None:
        group(GROUP, 1)

        class Leaving(StatusStore):
            def status(self, key: str) -> str:
                requested = self.s3.list_objects_v2(Bucket=BUCKET, Prefix="members/")["KeyCount"]
                return OLD if requested else ""

        store = Leaving(statuses.s3, statuses.bucket)
        leave_cluster(store, groups, GROUP, self.LEAVE, self.LEFT, QUICK)
        # A later member with the same name finds no request.
        assert statuses.s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0

    def test_an_old_report_does_not_count(self, statuses: StatusStore, groups: MachineGroups) -> None:
        group(GROUP, 1)
        report(statuses, [self.LEFT], OLD)
        with pytest.raises(WaitError, match="has not left the cluster yet"):
            leave_cluster(statuses, groups, GROUP, self.LEAVE, self.LEFT, QUICK)

    def test_a_group_without_machines_is_skipped(
        self, statuses: StatusStore, groups: MachineGroups, capsys: pytest.CaptureFixture[str]
    ) -> None:
        leave_cluster(statuses, groups, "gone", self.LEAVE, self.LEFT, QUICK)
        assert "no machine that could leave" in capsys.readouterr().err


class TestMain:
    COMMAND = ("--region", REGION, "--seconds", "0", "--digest", NEW)

    def test_failure_is_one_line_and_exit_code_1(
        self, statuses: StatusStore, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main([*self.COMMAND, "--bucket", BUCKET, "gate", *KEYS]) == 1
        error = capsys.readouterr().err
        assert error.startswith("error: not healthy yet")
        assert error.count("\n") == 1

    def test_success_is_exit_code_0(self, statuses: StatusStore) -> None:
        report(statuses, KEYS, NEW)
        assert main([*self.COMMAND, "--bucket", BUCKET, "gate", *KEYS]) == 0

    def test_a_missing_bucket_is_one_line(self, account: None, capsys: pytest.CaptureFixture[str]) -> None:
        assert main([*self.COMMAND, "--bucket", "nowhere", "gate", "k"]) == 1
        assert "NoSuchBucket" in capsys.readouterr().err
