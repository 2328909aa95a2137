"""Lab test of a pull request on a real cluster: opened, changed, commented and merged."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from testkit import forges
from testkit.cluster import Cluster
from testkit.process import CommandResult, run
from testkit.pull_request import PullRequest

pytestmark = pytest.mark.release

_SECONDS = 120


def test_pull_request_from_opening_to_merge(cluster: Cluster, tmp_path: Path) -> None:
    with forges.serve_forges() as server, cluster.temporary_settings({}):
        request = _create_pull_request(cluster, server, tmp_path)
        assert "no changes" in request.push()

        cluster.merge_settings({"pools": {"workers": {"kubelet": {"max_pods": 97}}}})
        opened = request.push()
        assert '"maxPods": 97' in opened
        assert all(host in opened for host in cluster.workers)
        stale = Path(shutil.copy(request.plan, tmp_path / "stale.json"))

        cluster.merge_settings({"pools": {"workers": {"kubelet": {"max_pods": 98}}}})
        changed = request.push()
        assert '"maxPods": 98' in changed
        assert '"maxPods": 97' not in changed

        assert request.merge(stale, check=False).code == 1, "the plan of another change was applied"
        assert _pod_capacity(cluster) == {"110"}, "the refused plan changed something"
        request.merge()
        assert _pod_capacity(cluster) == {"98"}
        assert "no changes" in request.push()
        assert len(server.comments) == 1


def _create_pull_request(cluster: Cluster, server: forges.ForgeServer, directory: Path) -> PullRequest:
    def comment(*words: str, check: bool = True) -> CommandResult:
        environment = {**cluster.environment, "GITHUB_TOKEN": forges.TOKEN}
        argv = [str(cluster.checkout / "kubewright"), *words]
        result = run(argv, timeout=_SECONDS, check=check, env=environment, cwd=Path(os.sep))
        cluster.outputs.append(result.text)
        return result

    return PullRequest(cluster.name, cluster.command, comment, server, directory)


def _pod_capacity(cluster: Cluster) -> set[str]:
    return {cluster.get("node", name)["status"]["capacity"]["pods"] for name in cluster.workers}
