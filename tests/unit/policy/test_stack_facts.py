"""Tests of the facts that policy rules read from settings."""

from __future__ import annotations

from policy.stack_facts import read_facts
from tests.unit.settings.support import TWO_WORKERS, with_edits

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
    assert facts.unpinned_charts == ("tag", "repository")
