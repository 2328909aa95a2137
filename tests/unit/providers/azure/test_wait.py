"""The wait program of Azure, against a local server with the blob API and the management API."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from formats.notices import FAILURE
from providers.azure.wait import wait_for_member, wait_for_pool, wait_for_statuses
from providers.cloud import polling
from providers.cloud.polling import Polling, WaitError
from tests.unit.providers.azure.fake_azure import SCALE_SET, FakeAzure

SHORT_WAIT = Polling(limit=0.3, interval=0.05)


class TestWaitForStatuses:
    def test_returns_when_every_status_is_the_digest(self, cloud: FakeAzure) -> None:
        cloud.report("status/a", "new")
        timer = threading.Timer(0.15, lambda: cloud.report("status/b", "new"))
        timer.start()
        wait_for_statuses(cloud.statuses(), ["status/a", "status/b"], "new", Polling(limit=20, interval=0.05))
        assert ("GET", "/general-status/status/b") in cloud.requests

    def test_error_names_an_old_status(self, cloud: FakeAzure) -> None:
        cloud.report("status/a", "old")
        with pytest.raises(WaitError, match="not healthy yet: status/a"):
            wait_for_statuses(cloud.statuses(), ["status/a"], "new", SHORT_WAIT)

    def test_error_has_the_last_failure_of_a_machine(
        self, cloud: FakeAzure, capsys: pytest.CaptureFixture[str]
    ) -> None:
        cloud.report("status/cp-1/error", "2026-11-21T10:00:00Z: etcd: no disk\na line of the journal")
        with pytest.raises(WaitError, match="cp-1: etcd: no disk; look at the machine's boot"):
            wait_for_statuses(cloud.statuses(), ["status/cp-1/etcd"], "new", SHORT_WAIT)
        lines = capsys.readouterr().err.splitlines()
        assert lines == [
            f"{FAILURE}cp-1: 2026-11-21T10:00:00Z: etcd: no disk",
            f"{FAILURE}cp-1: a line of the journal",
        ]


class TestWaitForMember:
    MACHINE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/cp-1"

    def wait(self, cloud: FakeAzure, created: str) -> None:
        cloud.responses[self.MACHINE] = {"properties": {"timeCreated": created}}
        wait_for_member(cloud.statuses(), cloud.groups(), self.MACHINE, ["status/a"], "same", SHORT_WAIT)

    def test_the_status_of_the_old_machine_does_not_count(self, cloud: FakeAzure) -> None:
        # All blobs of the server were written at 10:00.
        cloud.report("status/a", "same")
        with pytest.raises(WaitError, match="not healthy yet: status/a"):
            self.wait(cloud, "2026-11-20T10:00:01.0000001+00:00")
        self.wait(cloud, "2026-11-20T10:00:00.9876543+00:00")
        self.wait(cloud, "2026-11-19T10:00:00+00:00")

    def test_the_failure_of_the_old_machine_does_not_count(self, cloud: FakeAzure) -> None:
        cloud.report("status/error", "10:00: etcd: no disk")
        with pytest.raises(WaitError, match=r"not healthy yet: status/a \(no progress for 0 s\); look at"):
            self.wait(cloud, "2026-11-20T10:00:01+00:00")

    def test_a_new_status_must_be_the_digest(self, cloud: FakeAzure) -> None:
        cloud.report("status/a", "other")
        with pytest.raises(WaitError, match="not healthy yet"):
            self.wait(cloud, "2026-11-19T10:00:00+00:00")


class TestWaitForPool:
    def wait(self, cloud: FakeAzure, times: Polling = SHORT_WAIT) -> None:
        wait_for_pool(
            cloud.statuses(), cloud.groups(), [SCALE_SET], "status/pools/general", "node", "new", times
        )

    def wait_while(
        self, cloud: FakeAzure, monkeypatch: pytest.MonkeyPatch, progress: Callable[[int], None], steps: int
    ) -> None:
        """Wait by a clock on which a step of `progress` follows each pause of a second."""
        seconds, limit = 0, 2

        def pause(_: float) -> None:
            nonlocal seconds
            progress(seconds)
            seconds += 1

        monkeypatch.setattr(polling, "time", SimpleNamespace(monotonic=lambda: seconds, sleep=pause))
        self.wait(cloud, Polling(limit=limit, interval=1))
        assert seconds == steps > limit

    def test_reads_all_pages_of_nodes(self, cloud: FakeAzure) -> None:
        cloud.set_nodes(["general-1-000000", "general-1-000001"], 2)
        cloud.report("status/pools/general/general-1-000000/node", "new")
        with pytest.raises(WaitError, match="general-1-000001/node"):
            self.wait(cloud)
        cloud.report("status/pools/general/general-1-000001/node", "new")
        self.wait(cloud)

    def test_a_node_with_an_older_model_is_not_ready(self, cloud: FakeAzure) -> None:
        cloud.set_nodes(["general-1-000000"], 1)
        cloud.report("status/pools/general/general-1-000000/node", "new")
        (machine,) = cast(Any, cloud.responses[f"{SCALE_SET}/virtualMachines"])["value"]
        machine["properties"]["latestModelApplied"] = False
        with pytest.raises(WaitError, match="not replaced yet: general-1-000000"):
            self.wait(cloud)
        machine["properties"]["latestModelApplied"] = True
        self.wait(cloud)

    def test_error_counts_missing_nodes(self, cloud: FakeAzure) -> None:
        cloud.set_nodes(["general-1-000000"], 2)
        cloud.report("status/pools/general/general-1-000000/node", "new")
        with pytest.raises(WaitError, match="general-1: 1 of 2 nodes exist"):
            self.wait(cloud)

    def test_time_limit_starts_again_with_each_healthy_node(
        self, cloud: FakeAzure, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        nodes = [f"general-1-{number:06}" for number in range(8)]
        cloud.set_nodes(nodes, len(nodes))

        def report(step: int) -> None:
            cloud.report(f"status/pools/general/{nodes[step]}/node", "new")

        self.wait_while(cloud, monkeypatch, report, len(nodes))

    def test_statuses_of_nodes_that_no_longer_exist_are_deleted(self, cloud: FakeAzure) -> None:
        cloud.set_nodes(["general-1-000001"], 1)
        for node in ("general-1-000000", "general-1-000001"):
            cloud.report(f"status/pools/general/{node}/node", "new")
        cloud.report("status/pools/generals/general-1-000000/node", "new")
        self.wait(cloud)
        assert set(cloud.blobs) == {
            "/general-status/status/pools/general/general-1-000001/node",
            "/general-status/status/pools/generals/general-1-000000/node",
        }

    @staticmethod
    def upgrade(code: str, started: str, reason: str = "") -> Mapping[str, object]:
        """Return an upgrade as the API describes it (RollingUpgradeStatusInfo)."""
        error = {"error": {"message": reason}} if reason else {}
        return {"runningStatus": {"code": code, "startTime": started}, **error}

    @contextmanager
    def changed_upgrade(self, cloud: FakeAzure, upgrade: Mapping[str, object]) -> Iterator[None]:
        """Change the latest upgrade of the scale set while the wait in the block reads it a second time."""
        latest = f"{SCALE_SET}/rollingUpgrades/latest"
        reads = cloud.requests.count(("GET", latest))
        ended = threading.Event()

        def change() -> None:
            while cloud.requests.count(("GET", latest)) < reads + 2:
                if ended.wait(0.02):
                    return
            cloud.responses[latest] = {"properties": upgrade}

        thread = threading.Thread(target=change)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def test_a_failing_upgrade_ends_the_wait_with_its_reason(self, cloud: FakeAzure) -> None:
        cloud.set_nodes(["general-1-000000"], 1, self.upgrade("RollingForward", "2026-11-20T10:00:00Z"))
        failed = self.upgrade("Faulted", "2026-11-20T10:00:00Z", "too many unhealthy")
        reason = pytest.raises(WaitError, match=r"general-1: .*too many unhealthy")
        with self.changed_upgrade(cloud, failed), reason:
            self.wait(cloud, Polling(limit=60, interval=0.05))

    def test_time_limit_starts_again_whenever_the_upgrade_progresses(
        self, cloud: FakeAzure, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A pool of hundreds of nodes changes for hours, in batches of minutes."""
        latest = f"{SCALE_SET}/rollingUpgrades/latest"
        cloud.set_nodes(["general-1-000000"], 1, self.upgrade("RollingForward", "2026-11-20T10:00:00Z"))

        def progress(step: int) -> None:
            upgrade = self.upgrade("RollingForward", "2026-11-20T10:00:00Z")
            numbers = {"progress": {"successfulInstanceCount": step + 1}}
            cloud.responses[latest] = {"properties": {**upgrade, **numbers}}
            if step == 8:
                cloud.report("status/pools/general/general-1-000000/node", "new")

        self.wait_while(cloud, monkeypatch, progress, 9)

    def test_upgrade_without_progress_ends_the_wait(self, cloud: FakeAzure) -> None:
        cloud.set_nodes(["general-1-000000"], 1, self.upgrade("RollingForward", "2026-11-20T10:00:00Z"))
        with pytest.raises(WaitError, match=r"not healthy yet: .* \(no progress for 0 s\)"):
            self.wait(cloud)

    def test_only_the_new_upgrade_ends_the_wait(self, cloud: FakeAzure) -> None:
        """Azure starts an upgrade some time after the change of the scale set."""
        cloud.set_nodes(
            ["general-1-000000"], 1, self.upgrade("Faulted", "2026-11-19T10:00:00Z", "the old reason")
        )
        with pytest.raises(WaitError, match="not healthy yet"):
            self.wait(cloud)
        new = self.upgrade("Faulted", "2026-11-20T10:00:00Z", "the new reason")
        with self.changed_upgrade(cloud, new), pytest.raises(WaitError, match="the new reason"):
            self.wait(cloud, Polling(limit=60, interval=0.05))

    def test_an_old_failure_counts_when_no_other_upgrade_starts(self, cloud: FakeAzure) -> None:
        cloud.set_nodes(
            ["general-1-000000"], 1, self.upgrade("Faulted", "2026-11-20T10:00:00Z", "it was this")
        )
        start = time.monotonic()
        with pytest.raises(WaitError, match="it was this"):
            self.wait(cloud, Polling(limit=60, interval=0.05, stale_after=0.3))
        assert 0.3 <= time.monotonic() - start < 30

    def test_an_old_failure_does_not_matter_when_all_nodes_are_healthy(self, cloud: FakeAzure) -> None:
        cloud.set_nodes(["general-1-000000"], 1, {"runningStatus": {"code": "Faulted"}})
        cloud.report("status/pools/general/general-1-000000/node", "new")
        self.wait(cloud)

    def test_the_token_is_not_sent_to_another_host(self, cloud: FakeAzure) -> None:
        cloud.set_nodes(["a"], 1)
        cloud.responses[f"{SCALE_SET}/virtualMachines"] = {
            "value": [],
            "nextLink": "https://elsewhere.test/x",
        }
        with pytest.raises(WaitError, match="another host"):
            self.wait(cloud)
