"""Lab tests of the encryption of objects: what `encryption` shows, and stages that `up` refuses."""

from __future__ import annotations

import pytest

from testkit.cluster import Cluster


def key_stage(stage: str) -> dict[str, object]:
    return {"certificates": {"encryption": {"generation": 2, "stage": stage}}}


def test_objects_are_counted_by_key(cluster: Cluster) -> None:
    result = cluster.command("encryption")
    assert "key1" in result.stdout
    assert "all objects are encrypted as the stack file describes" in result.stdout


@pytest.mark.parametrize("stage", ["sign", "done"])
def test_a_skipped_stage_is_refused_before_anything_changes(cluster: Cluster, stage: str) -> None:
    with cluster.edited_stack_file(key_stage(stage)):
        refused = cluster.command("up", check=False)
    assert refused.code != 0
    assert "certificates.encryption: requested is that API servers write objects of key2" in refused.text
    assert "on cp-1 they write objects of key1 and can read objects of key1;" in refused.text
