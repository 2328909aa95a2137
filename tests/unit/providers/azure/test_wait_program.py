"""The commands `leave` and `publish` of the wait program of Azure, and its exit codes."""

from __future__ import annotations

import threading
import time

import pytest

from providers.azure.wait import leave_cluster, main
from providers.cloud.digests import content_digest
from providers.cloud.polling import Polling, WaitError
from tests.unit.providers.azure.fake_azure import TOKEN, FakeAzure, FakeCredential

SHORT_WAIT = Polling(limit=0.3, interval=0.05)
MACHINE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/cp-1"


class TestLeaveCluster:
    LEAVE, LEFT = "members/etcd/e-1/leave", "status/members/etcd/e-1/left"

    def test_waits_for_the_report_and_deletes_both_objects(self, cloud: FakeAzure) -> None:
        cloud.report(self.LEFT, "an old report")

        def member() -> None:
            while f"/general/{self.LEAVE}" not in cloud.blobs:
                time.sleep(0.02)
            cloud.report(self.LEFT, "left")

        threading.Thread(target=member, daemon=True).start()
        polling = Polling(limit=20, interval=0.05)
        leave_cluster(cloud.objects(), self.LEAVE, cloud.statuses(), self.LEFT, polling)
        assert cloud.blobs == {}

    def test_the_request_is_deleted_after_the_time_limit(self, cloud: FakeAzure) -> None:
        with pytest.raises(WaitError, match="has not left"):
            leave_cluster(cloud.objects(), self.LEAVE, cloud.statuses(), self.LEFT, SHORT_WAIT)
        assert cloud.blobs == {}

    def test_a_member_without_a_machine_is_skipped(
        self, cloud: FakeAzure, capsys: pytest.CaptureFixture[str]
    ) -> None:
        run = TestMain().run
        machine = ("--management", cloud.url, "--machine", MACHINE)
        objects = f"{cloud.url}/general"
        assert run(cloud, *machine, "leave", objects, self.LEAVE, self.LEFT) == 0
        assert "no machine that could leave" in capsys.readouterr().err
        cloud.responses[MACHINE] = {"properties": {}}
        assert run(cloud, *machine, "leave", objects, self.LEAVE, self.LEFT) == 1


class TestConfigs:
    """Objects under keys with their digest."""

    PREFIX = "pools/general"

    def put_config(self, cloud: FakeAzure, text: str) -> str:
        contents = [text, "payload"]
        for part, content in zip(("sh", "payload"), contents, strict=True):
            cloud.objects().put(f"{self.PREFIX}/node.{part}", content)
        return content_digest(contents)

    def publish(self, cloud: FakeAzure, digest: str) -> int:
        """Run the command line that publishes the config."""
        return TestMain().run(cloud, "publish", digest, f"{cloud.url}/general", self.PREFIX, "node")

    def test_a_config_is_published_under_its_digest(self, cloud: FakeAzure) -> None:
        digest = self.put_config(cloud, "one\n")
        assert self.publish(cloud, digest) == 0
        assert cloud.blobs[f"/general/{self.PREFIX}/{digest}/node.sh"] == b"one\n"
        assert cloud.blobs[f"/general/{self.PREFIX}/{digest}/node.payload"] == b"payload"

    def test_objects_with_another_digest_are_not_published(
        self, cloud: FakeAzure, capsys: pytest.CaptureFixture[str]
    ) -> None:
        before = self.put_config(cloud, "one\n")
        self.put_config(cloud, "two\n")
        assert self.publish(cloud, before) == 1
        assert "are not those of this update" in capsys.readouterr().err
        assert len(cloud.blobs) == 2

    def test_the_current_and_the_last_config_are_kept_after_a_wait(self, cloud: FakeAzure) -> None:
        for digest in ("a", "c", "b"):
            cloud.objects().put(f"{self.PREFIX}/{digest}/node.sh", digest)
        cloud.objects().put(f"{self.PREFIX}/node.sh", "current")
        cloud.report("status/a", "c")
        words = ["--old-objects", f"{cloud.url}/general", self.PREFIX, "gate", "c", "status/a"]
        assert TestMain().run(cloud, *words) == 0
        assert set(cloud.blobs) == {
            f"/general/{self.PREFIX}/c/node.sh",
            f"/general/{self.PREFIX}/b/node.sh",
            f"/general/{self.PREFIX}/node.sh",
            "/general-status/status/a",
        }


class TestMain:
    def run(self, cloud: FakeAzure, *words: str) -> int:
        common = ["--statuses", f"{cloud.url}/general-status", "--seconds", "0.2", "--ca-file", cloud.ca_file]
        return main([*common, *words], lambda *_: FakeCredential())

    def test_success_is_exit_code_0(self, cloud: FakeAzure) -> None:
        cloud.report("status/a", "new")
        assert self.run(cloud, "gate", "new", "status/a") == 0

    def test_failure_is_one_line_and_exit_code_1(
        self, cloud: FakeAzure, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert self.run(cloud, "gate", "new", "status/a") == 1
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert TOKEN not in error
