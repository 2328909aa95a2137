"""Tests of the table of mutations, and of how `make test-mutations` judges them."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from testkit import mutations
from testkit.mutations import Mutation, load_mutations

ROOT = Path(__file__).resolve().parents[2]
MUTATIONS = load_mutations()
PATCHES = ROOT / mutations.DIRECTORY

# Places where a mistake costs data, keys or availability. Each has a mutation.
DANGEROUS_FILES = {
    *(
        f"nodeconfig/host/{name}.sh"
        for name in (
            "blank-disk",
            "disks",
            "etcd-defragment",
            "etcd-member",
            "etcd-membership",
            "etcd-snapshot",
            "etcd-record",
            "etcd-snapshot-targets",
            "guard",
            "health",
            "host",
            "machine-tokens",
            "new-host",
            "node",
            "node-labels",
            "prelude",
            "service",
        )
    ),
    *(
        f"automation/operations/{name}"
        for name in (
            *("cis/command.py", "copies.py", "drift.py", "field_managers.py", "replace.py"),
            *("restore.py", "restore.sh", "snapshot.py", "snapshot_copies.py"),
        )
    ),
    *(f"artifacts/modules/kubelet-csr-approver-1.4.0/{name}.go" for name in ("inventory", "join", "policy")),
    "automation/cli/recovery.py",
    "automation/operations/encrypted_objects.py",
    "automation/stacks/plans.py",
    "automation/stacks/preflight/encryption.py",
    "automation/stacks/preflight/upgrade.py",
    "components/addons/collector_config.py",
    "components/addons/distribution.py",
    "components/addons/distribution_collection.py",
    "components/addons/ingress_gateway.py",
    "components/addons/local_storage.py",
    "components/addons/loki_config.py",
    "components/bcrypt.py",
    "components/derived_secrets.py",
    "components/pki.py",
    "components/refused_changes.py",
    "nodeconfig/api_policies.py",
    "nodeconfig/apiserver.py",
    "nodeconfig/authentication.py",
    "nodeconfig/encryption.py",
    "nodeconfig/render.py",
    "policy/rules/public_ranges.py",
    "providers/aws/addon_permissions.py",
    "providers/aws/leftovers.py",
    "providers/aws/permissions.py",
    "providers/aws/policies.py",
    "providers/azure/boot.sh",
    "providers/azure/boot_joins.py",
    "providers/azure/firewall.py",
    "providers/azure/members.py",
    "providers/azure/permissions.py",
    "providers/cloud/boot-lifecycle.sh",
    "providers/cloud/boot-member.sh",
    "providers/cloud/boot-pool.sh",
    "providers/metal/provider.py",
    "providers/rolling.py",
    "topology/encryption.py",
    "topology/encryption_stages.py",
    "topology/firewall_rules.py",
    "topology/transitions.py",
}


def patch_text(mutation: Mutation) -> str:
    return (ROOT / mutation.patch).read_text()


def defined_tests(path: Path) -> Iterator[str]:
    """Yield the tests that a file defines, as in node ids: `name` or `Class::name`."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.ClassDef):
            yield from (
                f"{node.name}::{item.name}" for item in node.body if isinstance(item, ast.FunctionDef)
            )


def test_every_patch_is_in_the_table() -> None:
    assert sorted(path.stem for path in PATCHES.glob("*.patch")) == sorted(item.name for item in MUTATIONS)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda item: item.name)
def test_patch_applies_and_its_tests_exist(mutation: Mutation) -> None:
    command = ["git", "apply", "--check", str(mutation.patch)]
    applied = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert applied.returncode == 0, f"make the same mistake in the new code: {applied.stderr}"
    for test in mutation.tests:
        file, _, name = test.partition("::")
        assert name in defined_tests(ROOT / file), f"{test}: no such test"


def test_every_dangerous_file_has_a_mutation() -> None:
    assert {mutations.changed_file(patch_text(item)) for item in MUTATIONS} == DANGEROUS_FILES


def test_document_is_generated_from_the_table() -> None:
    command = "run `$PY -m testkit.mutations --document`"
    assert (ROOT / mutations.DOCUMENT).read_text() == mutations.current_document(), command


REPORT = """
<testsuites><testsuite>
<testcase classname="tests.a.test_b" file="tests/a/test_b.py" name="test_one[x]"><failure/></testcase>
<testcase classname="tests.a.test_b" file="tests/a/test_b.py" name="test_one[y]"/>
<testcase classname="tests.a.test_b.TestC" file="tests/a/test_b.py" name="test_two"><error/></testcase>
<testcase classname="tests.a.test_b" file="tests/a/test_b.py" name="test_three"><skipped/></testcase>
</testsuite></testsuites>
"""
ONE, TWO, THREE = (f"tests/a/test_b.py::{name}" for name in ("test_one", "TestC::test_two", "test_three"))


def test_outcomes_are_read_by_node_id() -> None:
    assert mutations.parse_outcomes(REPORT) == {
        ONE: {"failed", "passed"},
        TWO: {"error"},
        THREE: {"skipped"},
    }


@pytest.mark.parametrize(
    ("tests", "exit_code", "reason"),
    [
        ([ONE], 1, ""),
        ([ONE, TWO], 1, f"{TWO}: error"),
        ([THREE], 0, f"{THREE}: skipped"),
        ([ONE, "tests/a/test_b.py::test_four"], 1, "tests/a/test_b.py::test_four: did not run"),
        ([ONE], 2, "pytest could not run the tests (exit code 2)"),
        ([ONE], 4, "pytest could not run the tests (exit code 4)"),
    ],
)
def test_only_a_failed_test_finds_a_mutation(tests: list[str], exit_code: int, reason: str) -> None:
    assert mutations.survival_reason(tests, exit_code, mutations.parse_outcomes(REPORT)) == reason


def test_passed_test_does_not_find_a_mutation() -> None:
    assert mutations.survival_reason([ONE], 0, {ONE: {"passed"}}) == f"{ONE}: passed"


def test_tests_must_pass_on_the_unchanged_code() -> None:
    outcomes = {ONE: {"passed"}, TWO: {"passed", "skipped"}}
    assert mutations.tests_that_do_not_pass([ONE, TWO, THREE], outcomes) == [
        f"{TWO}: passed and skipped",
        f"{THREE}: did not run",
    ]


@pytest.mark.parametrize("text", ["[]", "a: {cost: x}", "a: {cost: x, must_fail: []}", "a: {must_fail: [b]}"])
def test_incomplete_entry_of_the_table_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"the table|needs exactly|at least one test"):
        mutations.parse_table(text)


def test_patch_of_several_files_is_an_error() -> None:
    with pytest.raises(ValueError, match="exactly one file"):
        mutations.changed_file("+++ b/one\n+++ b/two\n")
