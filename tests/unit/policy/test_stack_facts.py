"""Tests of the facts that policy rules read from settings."""

from __future__ import annotations

import pytest

from policy.stack_facts import read_facts
from tests.unit.settings.support import ONE_HOST, TWO_WORKERS, with_edits
from tests.unit.settings.wrong_snapshots import RECIPIENT, S3

DIGEST = "sha256:" + "0" * 64


def test_charts_in_the_checkout_and_with_digests_are_pinned() -> None:
    releases = {
        "path": {"chart": "./charts/web@1"},
        "digest": {"chart": f"oci://registry.example/web@{DIGEST}"},
        "both": {"chart": f"oci://registry.example/web@{DIGEST}", "version": "1.0.0"},
        "tag": {"chart": "oci://registry.example/web", "version": "1.0.0"},
        "repository": {"chart": "web", "repository": "https://charts.example", "version": "1.0.0"},
    }
    facts = read_facts(with_edits(TWO_WORKERS, {"helm_releases": releases}))
    assert facts.unpinned_charts == ("helm_releases.tag.chart", "helm_releases.repository.chart")


def test_chart_of_cilium_counts_like_other_charts() -> None:
    with_cilium = with_edits(TWO_WORKERS, {"network.cni": "cilium"})
    assert read_facts(with_cilium).unpinned_charts == ("network.cilium.chart",)
    for chart in ("./charts/cilium", f"oci://registry.example/cilium@{DIGEST}"):
        pinned = with_edits(with_cilium, {"network.cilium": {"chart": chart}})
        assert read_facts(pinned).unpinned_charts == ()


@pytest.mark.parametrize(
    ("snapshots", "copied"),
    [
        ({}, False),
        ({"copy_to": "/mnt/backup"}, True),
        ({"recipients": [RECIPIENT], "to": {"offsite": {"s3": S3}}}, True),
    ],
)
def test_copies_and_targets_count_as_copies_of_snapshots(snapshots: dict[str, object], copied: bool) -> None:
    assert read_facts(with_edits(ONE_HOST, {"etcd.snapshots": snapshots})).snapshots_copied is copied
