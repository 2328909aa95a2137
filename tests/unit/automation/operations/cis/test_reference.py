"""Tests of the generated files: docs/cis.md and the configuration of kube-bench."""

from __future__ import annotations

import yaml

from automation.operations.cis import kube_bench, reference
from automation.operations.cis.judges import matching_files
from automation.operations.cis.table import checks
from testkit.bundles import cluster
from tests.unit.automation.operations.cis.conftest import delivered_facts

KNOWN_TO_KUBE_BENCH = {"1.1.9", "1.1.13", "1.1.20", "1.1.21"}
"""Checks of modes whose paths are a part of kube-bench."""
GENERATE = "run `python -m automation.operations.cis.reference`"


def test_document_is_up_to_date() -> None:
    assert reference.DOCUMENT.read_text() == reference.document(), GENERATE


def test_document_has_every_check() -> None:
    text = reference.document()
    for check in checks():
        assert f"- **{check.id}** {check.title}." in text


def test_configuration_of_kube_bench_is_up_to_date() -> None:
    assert kube_bench.FILE.read_text() == kube_bench.text(), GENERATE


def test_paths_of_kube_bench_are_on_hosts() -> None:
    facts = delivered_facts(cluster()).values()
    assert kube_bench.paths()
    for path in kube_bench.paths():
        assert any(matching_files(path, host.files) for host in facts), path


def test_kube_bench_looks_at_the_files_of_the_table() -> None:
    paths = kube_bench.paths()
    for check in checks():
        if check.mode and check.id not in KNOWN_TO_KUBE_BENCH:
            assert check.files[0] in paths, check.id


def test_components_of_kube_bench_have_a_section() -> None:
    document = yaml.safe_load(kube_bench.text())
    targets = {target for targets in document["target_mapping"].values() for target in targets}
    for target in targets:
        assert set(document[target]["components"]) <= document[target].keys(), target
