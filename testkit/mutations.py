"""Mutations: small mistakes in the code, each with the tests that must fail because of it.

`tests/mutations/` has one patch for each mutation, and `table.yaml` with the cost of each mistake and the
tests. `make test-mutations` applies each patch to a private copy of the checkout and runs its tests there.
"""

from __future__ import annotations

import os
import re
import sys
import textwrap
import time
from argparse import ArgumentParser
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

from formats.documents import parse_yaml
from testkit.cluster import CHECKOUT
from testkit.copy import clean_checkout
from testkit.process import CommandFailed, CommandResult, run

DIRECTORY = Path("tests/mutations")
"""The directory of the patches and of the table, relative to the checkout."""
DOCUMENT = Path("docs/mutations.md")
"""The document that `document` generates, relative to the checkout."""

_MAX_JOBS = 4
_SECONDS_PER_MUTATION = 300
_TESTS_PASSED, _TESTS_FAILED = 0, 1  # exit codes of pytest
_WIDTH = 118

_INTRODUCTION = """\
# Mutations

A mutation is a small mistake in the code that would cost users data, keys or availability.
`tests/mutations/` has a patch for each mutation. `make test-mutations` applies each patch to a private copy
of the checkout and runs the tests that must fail. The target fails when such a test passes, is skipped or
cannot run, and when a patch does not apply.

`tests/mutations/table.yaml` lists the mutations. `$PY -m testkit.mutations --document` generates this
document from the table. `$PY` is the Python interpreter that
`setup/environment --dev` prints.

When you change code that a patch contains, make the same mistake in the new code and replace the patch. When
you remove such code, remove its patch and its entry in the table.
"""


@dataclass(frozen=True, slots=True)
class Mutation:
    """A mistake in the code.

    `name` is the name of the patch without `.patch`. `cost` is a sentence that says what the mistake would
    cost users. `tests` are the pytest node ids, without parameters, of the tests that must fail.
    """

    name: str
    cost: str
    tests: tuple[str, ...]

    @property
    def patch(self) -> Path:
        """The path of the patch, relative to the checkout."""
        return DIRECTORY / f"{self.name}.patch"


def parse_table(text: str) -> list[Mutation]:
    """Return the mutations of a table. Raise ValueError for an entry without a cost or without tests."""
    entries = parse_yaml(text)
    if not isinstance(entries, dict):
        raise ValueError("the table is not a mapping")
    return [_mutation(str(name), entry) for name, entry in entries.items()]


def _mutation(name: str, entry: object) -> Mutation:
    if not isinstance(entry, dict) or entry.keys() != {"cost", "must_fail"}:
        raise ValueError(f"{name}: needs exactly the keys cost and must_fail")
    cost, tests = entry["cost"], entry["must_fail"]
    if not isinstance(cost, str) or not isinstance(tests, list) or not tests:
        raise ValueError(f"{name}: cost must be a sentence, and must_fail a list with at least one test")
    return Mutation(name, cost, tuple(map(str, tests)))


def changed_file(patch: str) -> str:
    """Return the file that a patch changes. Raise ValueError unless it changes exactly one."""
    files = re.findall(r"^\+\+\+ b/(\S+)$", patch, re.MULTILINE)
    if len(files) != 1:
        raise ValueError(f"a patch must change exactly one file, not {len(files)}")
    return str(files[0])


def parse_outcomes(junit_xml: str) -> dict[str, set[str]]:
    """Return the outcomes of tests by their node ids without parameters.

    `junit_xml` is a report of pytest in the format `xunit1`. Outcomes are `passed`, `failed`, `skipped`, and
    `error` for a failed preparation.
    """
    names = {"failure": "failed", "error": "error", "skipped": "skipped"}
    outcomes: dict[str, set[str]] = {}
    for case in ElementTree.fromstring(junit_xml).iter("testcase"):
        file = case.get("file", "")
        module = file.removesuffix(".py").replace("/", ".")
        classes = case.get("classname", "").removeprefix(module).strip(".")
        parts = [file, *filter(None, classes.split(".")), case.get("name", "").partition("[")[0]]
        found = {names[child.tag] for child in case if child.tag in names}
        outcomes.setdefault("::".join(parts), set()).update(found or {"passed"})
    return outcomes


def survival_reason(tests: Iterable[str], exit_code: int, outcomes: Mapping[str, Collection[str]]) -> str:
    """Return why a mutation counts as not found; empty if every one of its tests failed."""
    if exit_code not in (_TESTS_FAILED, _TESTS_PASSED):
        return f"pytest could not run the tests (exit code {exit_code})"
    wrong = []
    for test in tests:
        found = set(outcomes.get(test, ()))
        if "failed" not in found or found & {"error", "skipped"}:
            wrong.append(f"{test}: {' and '.join(sorted(found)) or 'did not run'}")
    return "; ".join(wrong)


def tests_that_do_not_pass(tests: Iterable[str], outcomes: Mapping[str, Collection[str]]) -> list[str]:
    """Return a line for each test that did not pass on the unchanged code."""
    return [
        f"{test}: {' and '.join(sorted(outcomes.get(test, ()))) or 'did not run'}"
        for test in sorted(set(tests))
        if set(outcomes.get(test, ())) != {"passed"}
    ]


def document(mutations: Iterable[Mutation], files: Mapping[str, str]) -> str:
    """Return the document about the mutations.

    `files` maps the name of a mutation to the file that it changes.
    """
    by_file: dict[str, list[Mutation]] = {}
    for mutation in mutations:
        by_file.setdefault(files[mutation.name], []).append(mutation)
    sections = [
        f"## {file}\n\n" + "\n".join(_item(mutation) for mutation in by_file[file])
        for file in sorted(by_file)
    ]
    return "\n".join([_INTRODUCTION, *(f"{section}\n" for section in sections)])


def _item(mutation: Mutation) -> str:
    paths = (test.split("::") for test in mutation.tests)
    tests = " and ".join(f"`{parts[-1]}` in `{parts[0]}`" for parts in paths)
    lines = [f"- **{mutation.name}**: {mutation.cost}", f"Found by {tests}."]
    return "\n".join(
        textwrap.fill(
            line,
            _WIDTH,
            initial_indent="" if number == 0 else "  ",
            subsequent_indent="  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for number, line in enumerate(lines)
    )


def load_mutations() -> list[Mutation]:
    """Return the mutations of the checkout."""
    return parse_table((CHECKOUT / DIRECTORY / "table.yaml").read_text())


def current_document() -> str:
    """Return the document that the table and the patches of the checkout generate."""
    mutations = load_mutations()
    files = {item.name: changed_file((CHECKOUT / item.patch).read_text()) for item in mutations}
    return document(mutations, files)


class _Copy:
    """A private copy of the checkout in which tests run."""

    def __init__(self, directory: Path) -> None:
        self._checkout = clean_checkout(directory / "checkout")
        self._report = directory / "report.xml"
        self._environment = {"PYTHONPYCACHEPREFIX": str(directory / "pycache")}

    def run_tests(
        self, tests: Iterable[str], timeout: float, *options: str
    ) -> tuple[int, dict[str, set[str]]]:
        """Run tests and return the exit code and the outcomes. Raise CommandFailed on a time-out."""
        self._report.unlink(missing_ok=True)
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *options]
        command += ["-o", "junit_family=xunit1", f"--junitxml={self._report}", *sorted(set(tests))]
        result = run(command, timeout=timeout, check=False, env=self._environment, cwd=self._checkout)
        xml = self._report.read_text() if self._report.exists() else "<testsuites/>"
        return result.code, parse_outcomes(xml)

    def test(self, mutation: Mutation, timeout: float) -> str:
        """Return why a mutation was not found; empty if its tests failed."""
        if timeout <= 0:
            return "not tested, because the time limit of the whole run is over"
        applied = self._apply(mutation)
        if applied.code:
            return f"the patch does not apply: {applied.stderr.strip()}"
        # Python must not store compiled files of changed sources.
        self._environment["PYTHONDONTWRITEBYTECODE"] = "1"
        try:
            return survival_reason(mutation.tests, *self.run_tests(mutation.tests, timeout))
        except CommandFailed:
            return f"the tests did not end within {timeout:.0f} s"
        finally:
            self._apply(mutation, "--reverse")

    def _apply(self, mutation: Mutation, *options: str) -> CommandResult:
        command = ["git", "apply", *options, str(mutation.patch)]
        return run(command, timeout=30, check=False, cwd=self._checkout)


def try_mutations(mutations: Sequence[Mutation], directory: Path, minutes: float, jobs: int) -> int:
    """Test mutations in copies of the checkout below `directory`, and print a line for each.

    Return the number of mutations that were not found. Raise CommandFailed when the tests do not end on the
    unchanged code, and SystemExit when they do not pass.
    """
    deadline = time.monotonic() + 60 * minutes
    copies: SimpleQueue[_Copy] = SimpleQueue()
    first = _Copy(directory / "1")
    copies.put(first)
    tests = {test for mutation in mutations for test in mutation.tests}
    print(f"{len(tests)} tests on the unchanged code", flush=True)
    _, outcomes = first.run_tests(tests, 60 * minutes, "-n", str(jobs), "--dist", "loadfile")
    if failures := tests_that_do_not_pass(tests, outcomes):
        raise SystemExit("these tests do not pass on the unchanged code:\n" + "\n".join(failures))
    for number in range(2, jobs + 1):
        copies.put(_Copy(directory / str(number)))

    def test(mutation: Mutation) -> bool:
        copy, start = copies.get(), time.monotonic()
        try:
            reason = copy.test(mutation, min(_SECONDS_PER_MUTATION, deadline - start))
        finally:
            copies.put(copy)
        result = f"NOT FOUND  {mutation.name}: {reason}" if reason else f"found      {mutation.name}"
        print(f"{result} ({time.monotonic() - start:.0f} s)", flush=True)
        return not reason

    with ThreadPoolExecutor(max_workers=jobs) as pool:
        return list(pool.map(test, mutations)).count(False)


def main(arguments: Sequence[str]) -> int:
    """Run the program. Return 0 when all mutations were found."""
    parser = ArgumentParser(prog="testkit.mutations", description=__doc__)
    parser.add_argument("names", nargs="*", help="names of mutations; by default all")
    parser.add_argument("--document", action="store_true", help=f"write {DOCUMENT} and test nothing")
    parser.add_argument("--minutes", type=float, default=40, help="time limit of the whole run")
    parser.add_argument("--jobs", type=int, default=min(_MAX_JOBS, os.cpu_count() or 1))
    options = parser.parse_args(arguments)
    if options.document:
        (CHECKOUT / DOCUMENT).write_text(current_document())
        return 0
    mutations = [item for item in load_mutations() if not options.names or item.name in options.names]
    if unknown := set(options.names) - {item.name for item in mutations}:
        parser.error(f"not in the table: {', '.join(sorted(unknown))}")
    with TemporaryDirectory(prefix="kubewright-mutations.") as directory:
        missed = try_mutations(mutations, Path(directory), options.minutes, options.jobs)
    print(f"{len(mutations) - missed} of {len(mutations)} mutations were found")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
