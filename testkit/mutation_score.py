"""The mutation score: the share of small changes of the code that tests notice.

`make mutation-score` lets mutmut change the packages in `tests/mutations/score/packages.yaml`, and records
the results in `results.yaml` and in docs/mutation-score.md. `survivors.yaml` has the changes that no test
notices, with the reasons why they need no test.
"""

from __future__ import annotations

import os
import sys
import textwrap
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from formats.documents import parse_yaml
from testkit.cluster import CHECKOUT
from testkit.mutation_tool import Mutmut, Target, create_environment
from testkit.process import run

DIRECTORY = Path("tests/mutations/score")
"""The directory of the tables, relative to the checkout."""
DOCUMENT = Path("docs/mutation-score.md")
"""The document that `document` generates, relative to the checkout."""
REQUIRED = 85
"""The score in percent that every package must have."""
_REQUIRED_KEYS = frozenset(("files", "tests"))
_SAMPLE_KEYS = frozenset(("one_of", "first"))

_NUMBERS = 1000
"""More mutants than any function has. mutmut numbers the mutants of a function from 1."""
_WIDTH = 118
_CODE: Mapping[str, Any] = {"subsequent_indent": "    ", "break_long_words": False, "break_on_hyphens": False}
_KILLED = ("killed", "timeout", "check was interrupted by user")
"""States of killed mutants. mutmut reports an interruption when pytest cannot import the test modules."""
_NOT_TESTED = ("not checked", "skipped")

_INTRODUCTION = f"""\
# Mutation score

[mutmut](https://mutmut.readthedocs.io) makes small changes, *mutants*, in the functions of the packages that
decide what a cluster is, and runs their unit tests for each mutant. A test that fails *kills* the mutant. The
score is the share of killed mutants. `make mutation-score` tests all packages, and fails when the score of a
package is below {REQUIRED} %. `make mutation-score PACKAGE=redaction` tests one package.

mutmut changes operators, numbers, texts, arguments and conditions in functions. It does not change tables
and patterns outside of functions, classes, type annotations, docstrings or f-strings. For tables, see
[mutations.md](mutations.md). A mutant that runs into the time limit counts as killed, and a mutant that no
test reaches counts as a survivor. Code that runs only during an import cannot be killed.
"""


@dataclass(frozen=True, slots=True)
class Package:
    """A package whose functions mutmut changes.

    The sample has the mutants of each function with the numbers `first`, `first + one_of` and so on.
    """

    name: str
    files: tuple[str, ...]
    tests: tuple[str, ...]
    one_of: int = 1
    first: int = 1

    @property
    def target(self) -> Target:
        """What mutmut changes and runs."""
        numbers = range(self.first, _NUMBERS, self.one_of) if self.one_of > 1 else ()
        return Target(self.files, self.tests, tuple(f"*__mutmut_{number}" for number in numbers))


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a package at a commit. `mutants` is the number of all mutants, `tested` of the sample.

    `one_of` and `first` are the sample, as in `Package`.
    """

    commit: str
    mutants: int
    tested: int
    killed: int
    one_of: int = 1
    first: int = 1

    @property
    def score(self) -> float:
        """The share of killed mutants in percent."""
        return 100 * self.killed / self.tested


@dataclass(frozen=True, slots=True)
class Reviewed:
    """Survivors of one file that need no test, for a reason. `changes` have the form of `Mutmut.change`."""

    file: str
    reason: str
    changes: tuple[str, ...]


def parse_packages(text: str) -> list[Package]:
    """Return the packages of a table. Raise ValueError for an entry with other keys or a wrong sample."""
    packages = []
    for name, entry in _mapping(text).items():
        if not isinstance(entry, dict) or not _REQUIRED_KEYS <= entry.keys() <= _REQUIRED_KEYS | _SAMPLE_KEYS:
            raise ValueError(f"{name}: needs the keys files and tests, and may have one_of and first")
        sample = {key: entry[key] for key in _SAMPLE_KEYS & entry.keys()}
        package = Package(name, tuple(entry["files"]), tuple(entry["tests"]), **sample)
        if not 1 <= package.first <= package.one_of:
            raise ValueError(f"{name}: first must be between 1 and one_of")
        packages.append(package)
    return packages


def parse_results(text: str) -> dict[str, Result]:
    """Return the recorded results by package."""
    return {name: Result(**entry) for name, entry in _mapping(text).items()}


def parse_survivors(text: str) -> list[Reviewed]:
    """Return the reviewed survivors. Raise ValueError for an entry without a reason or without survivors."""
    reviewed = []
    for file, entries in _mapping(text).items():
        for entry in entries:
            if entry.keys() != {"reason", "survivors"} or not entry["reason"] or not entry["survivors"]:
                raise ValueError(f"{file}: each entry needs a reason and survivors")
            reviewed.append(Reviewed(file, entry["reason"], tuple(entry["survivors"])))
    return reviewed


def _mapping(text: str) -> dict[str, Any]:
    entries = parse_yaml(text)
    if not isinstance(entries, dict):
        raise ValueError("the table is not a mapping")
    return {str(key): value for key, value in entries.items()}


def count(states: Mapping[str, str], commit: str, package: Package) -> Result:
    """Return the result of a package from the states of its mutants. Mutants outside the sample were not
    tested.
    """
    counts = Counter(states.values())
    tested = len(states) - sum(counts[state] for state in _NOT_TESTED)
    killed = sum(counts[state] for state in _KILLED)
    return Result(commit, len(states), tested, killed, package.one_of, package.first)


def survivors(states: Mapping[str, str]) -> list[str]:
    """Return the names of the tested mutants that were not killed."""
    return [name for name, state in states.items() if state not in (*_KILLED, *_NOT_TESTED)]


def document(packages: Iterable[Package], results: Mapping[str, Result], reviewed: Iterable[Reviewed]) -> str:
    """Return the document about the mutation score."""
    rows = [
        "| package | mutants | sample | tested | killed | score | commit |",
        "|---|---|---|---|---|---|---|",
        *(_row(package, results[package.name]) for package in packages if package.name in results),
    ]
    by_file: dict[str, list[Reviewed]] = {}
    for each in reviewed:
        by_file.setdefault(each.file, []).append(each)
    sections = [
        f"### {file}\n\n" + "\n".join(_item(each) for each in by_file[file]) + "\n"
        for file in sorted(by_file)
    ]
    return "\n".join([_INTRODUCTION, *rows, "", _SURVIVORS, *sections])


_SURVIVORS = """\
*Sample* has the numbers of the tested mutants: mutmut numbers the mutants of each function from 1, and
`5, 35, 65, …` are the fifth mutant of every function and every 30th after it.

A sample is a fair estimate only if no tests were written for the survivors of the same mutants. After you
write such tests, change `first` in `tests/mutations/score/packages.yaml`. The next run then tests other
mutants.

In earlier samples of other mutants, three packages had lower scores: `settings/rules` 84 %, `topology` 83 %
and `redaction` 83 %. Then tests were written for the survivors of these samples.

## Survivors that need no test

These changes survive, and a test of them would be wrong or useless. Each line has the function and the
changed code. `tests/mutations/score/survivors.yaml` lists them for `make mutation-score`, which prints all
other survivors. Write a test for such a survivor, or add it with its reason to the list and run
`$PY -m testkit.mutation_score --document`. `$PY` is the Python interpreter that `setup/environment` prints.
"""


def _row(package: Package, result: Result) -> str:
    numbers = range(result.first, _NUMBERS, result.one_of)
    more = ", …" if len(numbers) > 3 else ""
    sample = "all" if result.one_of == 1 else ", ".join(map(str, numbers[:3])) + more
    cells = (
        f"`{package.name}`",
        f"{result.mutants:,}",
        sample,
        f"{result.tested:,}",
        f"{result.killed:,}",
        f"{result.score:.0f} %",
        result.commit,
    )
    return f"| {' | '.join(cells)} |"


def _item(reviewed: Reviewed) -> str:
    reason = textwrap.fill(reviewed.reason, _WIDTH, initial_indent="- ", subsequent_indent="  ")
    code = [line for change in reviewed.changes for line in textwrap.wrap(change, _WIDTH - 6, **_CODE)]
    return "\n".join([reason, "", "  ```", *(f"  {line}" for line in code), "  ```"])


def current_document() -> str:
    """Return the document that the tables of the checkout generate."""
    texts = (_read(name) for name in ("packages", "results", "survivors"))
    packages, results, reviewed = texts
    return document(parse_packages(packages), parse_results(results), parse_survivors(reviewed))


def _read(name: str) -> str:
    return (CHECKOUT / DIRECTORY / f"{name}.yaml").read_text()


def measure(package: Package, programs: Path, jobs: int, known: set[tuple[str, str]]) -> Result:
    """Test the mutants of a package. Print its score and the survivors that are not in `known`.

    `known` has pairs of file and change.
    """
    commit = run(["git", "rev-parse", "--short=10", "HEAD"], timeout=30, cwd=CHECKOUT).stdout.strip()
    with TemporaryDirectory(prefix="kubewright-score.") as directory:
        mutmut = Mutmut(programs, Path(directory), package.target)
        mutmut.run(jobs)
        states = mutmut.results()
        result = count(states, commit, package)
        print(f"{package.name}: {result.killed} of {result.tested} killed, {result.score:.0f} %", flush=True)
        for file, change in map(mutmut.change, survivors(states)):
            if (file, change) not in known:
                print(f"  {file}: {change}", flush=True)
    return result


def main(arguments: Sequence[str]) -> int:
    """Run the program. Return 0 when every measured package has at least the required score."""
    parser = ArgumentParser(prog="testkit.mutation_score", description=__doc__)
    parser.add_argument("names", nargs="*", help="names of packages; by default all")
    parser.add_argument("--document", action="store_true", help=f"write {DOCUMENT} and test nothing")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(arguments)
    packages = {package.name: package for package in parse_packages(_read("packages"))}
    if unknown := set(options.names) - packages.keys():
        parser.error(f"not in the table: {', '.join(sorted(unknown))}")
    low = []
    if not options.document:
        reviewed = parse_survivors(_read("survivors"))
        known = {(each.file, change) for each in reviewed for change in each.changes}
        programs = create_environment()
        for name in options.names or packages:
            result = measure(packages[name], programs, options.jobs, known)
            results = parse_results(_read("results")) | {name: result}
            entries = {each: asdict(results[each]) for each in packages if each in results}
            (CHECKOUT / DIRECTORY / "results.yaml").write_text(yaml.safe_dump(entries, sort_keys=False))
            low += [name] if result.score < REQUIRED else []
    (CHECKOUT / DOCUMENT).write_text(current_document())
    if low:
        print(f"below {REQUIRED} %: {', '.join(low)}; write tests for the survivors above")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
