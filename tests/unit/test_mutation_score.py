"""Tests of the tables of `make mutation-score`, of its document, and of how it uses mutmut."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from testkit import mutation_score
from testkit.cluster import CHECKOUT
from testkit.mutation_score import Package, Result, Reviewed
from testkit.mutation_tool import (
    Target,
    apply_decorators_as_calls,
    configuration,
    parse_change,
    parse_results,
)

TABLES = CHECKOUT / mutation_score.DIRECTORY
PACKAGES = mutation_score.parse_packages((TABLES / "packages.yaml").read_text())
RESULTS = mutation_score.parse_results((TABLES / "results.yaml").read_text())
SURVIVORS = mutation_score.parse_survivors((TABLES / "survivors.yaml").read_text())

DECORATED = """\
@rule(needs=("a",))
def check(value):
    return value + 1


@cache
def slow():
    return 1


class Thing:
    @property
    def name(self):
        return "x"

    @classmethod
    def make(cls):
        return cls()
"""
DIFF = """\
--- redaction/redactor.py
+++ redaction/redactor.py
@@ -1,3 +1,3 @@
 def f(a):
-    return a
+    return [
+        None]
"""


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_files_and_tests_of_a_package_exist(package: Package) -> None:
    for pattern in package.files:
        assert list(CHECKOUT.glob(pattern))
        assert pattern.startswith(f"{package.target.package}/")
    for test in package.tests:
        file, _, function = test.removeprefix("--deselect=").partition("::")
        assert function in (CHECKOUT / file).read_text() if function else (CHECKOUT / file).exists()


def test_every_package_has_the_required_score() -> None:
    assert {package.name for package in PACKAGES} == RESULTS.keys()
    assert {
        name: result.score for name, result in RESULTS.items() if result.score < mutation_score.REQUIRED
    } == {}


def test_survivors_name_functions_of_existing_files() -> None:
    for each in SURVIVORS:
        text = (CHECKOUT / each.file).read_text()
        for change in each.changes:
            function = change.partition(":")[0].rpartition(".")[2]
            assert f"def {function}(" in text, f"{each.file} has no function {function}"


def test_the_document_is_up_to_date() -> None:
    assert (CHECKOUT / mutation_score.DOCUMENT).read_text() == mutation_score.current_document()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[]", "not a mapping"),
        ("a: {files: [a/*.py]}", "a: needs the keys files and tests"),
        ("a: {files: [a/*.py], tests: [t], other: 1}", "a: needs the keys files and tests"),
        ("a: {files: [a/*.py], tests: [t], first: 2}", "a: first must be between 1 and one_of"),
    ],
)
def test_wrong_package_is_an_error(text: str, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        mutation_score.parse_packages(text)


@pytest.mark.parametrize(
    "entry", ["{reason: '', survivors: [f]}", "{reason: r, survivors: []}", "{reason: r}"]
)
def test_survivor_needs_a_reason(entry: str) -> None:
    with pytest.raises(ValueError, match=r"a\.py: each entry needs a reason and survivors"):
        mutation_score.parse_survivors(f"a.py: [{entry}]")


def test_score_counts_the_sample_only() -> None:
    states = {"a": "killed", "b": "timeout", "c": "survived", "d": "not checked", "e": "no tests"}
    result = mutation_score.count(states, "1234567", Package("a", ("a/*.py",), ("t",), one_of=5, first=2))
    assert result == Result("1234567", mutants=5, tested=4, killed=2, one_of=5, first=2)
    assert result.score == 50
    assert mutation_score.survivors(states) == ["c", "e"]


def test_sample_has_every_nth_mutant_of_a_function() -> None:
    package = Package("a", ("a/*.py",), ("t",), one_of=30, first=5)
    assert package.target.sample[:3] == ("*__mutmut_5", "*__mutmut_35", "*__mutmut_65")
    assert Package("a", ("a/*.py",), ("t",)).target.sample == ()


def test_document_has_a_row_for_each_package_and_the_reasons() -> None:
    packages = [Package(name, (f"{name}/*.py",), ("t",)) for name in ("a/b", "c", "d")]
    reviewed = [Reviewed("a/b/x.py", "It is equal.", ("f: return None", "g: pass"))]
    results = {
        "a/b": Result("1234567", 1000, 200, 179, one_of=5, first=2),
        "d": Result("1234567", 20, 20, 19),
    }
    text = mutation_score.document(packages, results, reviewed)
    assert "| `a/b` | 1,000 | 2, 7, 12, … | 200 | 179 | 90 % | 1234567 |\n" in text
    assert "| `d` | 20 | all | 20 | 19 | 95 % | 1234567 |\n\n" in text
    assert "### a/b/x.py\n\n- It is equal.\n\n  ```\n  f: return None\n  g: pass\n  ```\n" in text


def test_decorators_become_calls() -> None:
    assert apply_decorators_as_calls(DECORATED) == (
        "def check(value):\n    return value + 1\ncheck = (rule(needs=('a',)))(check)\n\n\n"
        "def slow():\n    return 1\nslow = slow\n\n\n"
        'class Thing:\n    def name(self):\n        return "x"\n    name = (property)(name)\n\n'
        "    @classmethod\n    def make(cls):\n        return cls()\n"
    )


def test_configuration_names_the_changed_files_and_copies_the_rest() -> None:
    target = Target(("policy/rules/*.py",), ("tests/unit/policy",))
    options = tomllib.loads(configuration(target, ["docs", "policy", "tests"]))["tool"]["mutmut"]
    assert options["source_paths"] == ["policy"]
    assert options["only_mutate"] == ["policy/rules/*.py"]
    assert options["also_copy"] == ["docs", "tests"]
    assert options["pytest_add_cli_args_test_selection"] == ["tests/unit/policy"]


def test_output_of_mutmut_is_read() -> None:
    output = "    a.b.x_f__mutmut_1: survived\n    a.b.x_f__mutmut_2: no tests\nother: line\n"
    assert parse_results(output) == {"a.b.x_f__mutmut_1": "survived", "a.b.x_f__mutmut_2": "no tests"}


@pytest.mark.parametrize(
    ("mutant", "name"),
    [
        ("r.x_f__mutmut_1", "f"),
        ("r.x__f__mutmut_12", "_f"),
        ("r.xǁThingǁ__init____mutmut_2", "Thing.__init__"),
    ],
)
def test_change_is_one_line(mutant: str, name: str) -> None:
    assert parse_change(mutant, DIFF) == ("redaction/redactor.py", f"{name}: return [ None]")


def test_change_that_only_removes_code_is_one_line() -> None:
    removed = "\n".join(line for line in DIFF.splitlines() if not line.startswith("+ "))
    assert parse_change("r.x_f__mutmut_1", removed)[1] == "f: without return a"


def test_requirements_are_outside_of_the_environment_of_the_project() -> None:
    assert Path(CHECKOUT / "setup/mutation-requirements.txt").exists()
    assert not list(CHECKOUT.glob("requirements*mut*"))
