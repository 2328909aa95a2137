"""mutmut in a copy of the checkout. mutmut changes functions, and runs the tests that reach each change.

mutmut has its own Python environment in the cache. This environment also finds the packages of the project.
"""

from __future__ import annotations

import ast
import fnmatch
import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from pathlib import Path

from testkit.cluster import CHECKOUT, cache
from testkit.copy import clean_checkout
from testkit.process import run

_REQUIREMENTS = CHECKOUT / "setup/mutation-requirements.txt"
_SUPPORTED_DECORATORS = ("staticmethod", "classmethod")
"""Decorators of functions that mutmut changes although they are decorated."""
_PLUGINS = ("xdist.plugin", "pytest_timeout", "_hypothesis_pytestplugin")
"""The pytest plugins that the tests need. The search for other plugins would take most of a mutant's time."""
_PRELOADED = (
    *("pytest", "hypothesis.strategies", "jsonschema", *_PLUGINS),
    *("automation.stacks.plans", "nodeconfig", "policy.rules.table", "redaction.redactor", "testkit.bundles"),
)
"""Modules that are imported once for all mutants. They import all packages that mutmut changes."""
_PRELOAD_FILE = "mutmut-preload.txt"
_CACHES = ("cache", "lru_cache")
"""Decorators that are removed, because a result from before the change would hide the change."""


@dataclass(frozen=True, slots=True)
class Target:
    """What mutmut changes and runs.

    `files` are patterns of the changed files, all in one top-level package. `tests` are arguments of pytest.
    `sample` has patterns of names of mutants; mutmut tests the mutants that match one of them.
    """

    files: tuple[str, ...]
    tests: tuple[str, ...]
    sample: tuple[str, ...] = ()

    @property
    def package(self) -> str:
        """The top-level package of the changed files."""
        return self.files[0].partition("/")[0]


def create_environment() -> Path:
    """Return the directory with the programs of mutmut's environment, which is created if it is missing."""
    digest = sha256(_REQUIREMENTS.read_bytes() + sys.prefix.encode()).hexdigest()[:16]
    environment = cache() / "mutation-venv" / digest
    complete = environment / "complete"
    if not complete.exists():
        run([sys.executable, "-m", "venv", "--clear", environment], timeout=300)
        paths = {"base": str(environment), "platbase": str(environment)}
        packages = Path(sysconfig.get_path("purelib", "venv", paths))
        (packages / "project.pth").write_text(sysconfig.get_path("purelib") + "\n")
        pip = [str(environment / "bin/python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
        run([*pip, "install", "-r", _REQUIREMENTS], timeout=900)
        complete.touch()
    return environment / "bin"


class Mutmut:
    """mutmut with a target in a copy of the checkout."""

    def __init__(self, programs: Path, directory: Path, target: Target) -> None:
        self._program = programs / "mutmut"
        self._target = target
        self._copy = clean_checkout(directory / "checkout")
        self._log = directory / "mutmut.log"
        self._environment = {
            "PYTHONPYCACHEPREFIX": str(directory / "pycache"),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        }
        for file in self._copy.rglob("*.py"):
            name = str(file.relative_to(self._copy))
            if any(fnmatch.fnmatch(name, pattern) for pattern in target.files):
                file.write_text(apply_decorators_as_calls(file.read_text()))
        top_level = sorted(path.name for path in self._copy.iterdir() if path.name != ".git")
        (self._copy / _PRELOAD_FILE).write_text("\n".join(_PRELOADED))
        with (self._copy / "pyproject.toml").open("a") as project:
            project.write(configuration(target, top_level))

    def run(self, jobs: int) -> None:
        """Test the mutants. Raise SystemExit when mutmut fails, for instance because a test fails without a
        change.
        """
        command = [str(self._program), "run", "--max-children", str(jobs), *self._target.sample]
        environment = {**os.environ, **self._environment}
        with self._log.open("w") as log:
            process = subprocess.run(
                command, cwd=self._copy, env=environment, stdout=log, stderr=subprocess.STDOUT, check=False
            )
        if process.returncode:
            lines = self._log.read_text().replace("\r", "\n").splitlines()
            raise SystemExit("\n".join([*lines[-30:], f"mutmut failed with exit code {process.returncode}"]))

    def results(self) -> dict[str, str]:
        """Return the state of each mutant, such as `killed` or `survived`, by its name."""
        return parse_results(self._call("results", "--all", "true"))

    def change(self, mutant: str) -> tuple[str, str]:
        """Return the file of a mutant and its change in the form `<function>: <new code>`."""
        return parse_change(mutant, self._call("show", mutant))

    def _call(self, *words: str) -> str:
        command = [str(self._program), *words]
        return run(command, timeout=120, env=self._environment, cwd=self._copy).stdout


def parse_results(output: str) -> dict[str, str]:
    """Return the state of each mutant by its name, from the output of `mutmut results`."""
    lines = (line.strip().partition(": ") for line in output.splitlines())
    return {name: state for name, _, state in lines if "__mutmut_" in name}


def parse_change(mutant: str, diff: str) -> tuple[str, str]:
    """Return the file of a mutant and its change, from the output of `mutmut show`.

    The change is `<function>: <new code>` on one line, or `<function>: without <code>` if the mutant only
    removes code.
    """
    file = next(line[4:] for line in diff.splitlines() if line.startswith("--- "))
    body = [line for line in diff.splitlines() if not line.startswith(("---", "+++"))]
    added, removed = (" ".join(line[1:].strip() for line in body if line[:1] == sign) for sign in "+-")
    function = mutant.rpartition("__mutmut_")[0].rpartition(".")[2].removeprefix("x")
    name = function.removeprefix("_") if function.startswith("_") else ".".join(function.split("ǁ")[1:])
    return file, f"{name}: {added or f'without {removed}'}"


def apply_decorators_as_calls(source: str) -> str:
    """Return the source with calls in place of the decorators of functions.

    mutmut skips decorated functions. `@rule()` above a function `f` becomes `f = rule()(f)` below the
    function, which has the same effect. Caches are removed, because mutmut runs all tests once before it
    tests changes in the same process.
    """
    lines = source.splitlines()
    for function in reversed(list(_decorated_functions(ast.parse(source)))):
        call = function.name
        for decorator in map(ast.unparse, reversed(function.decorator_list)):
            call = call if decorator.partition("(")[0] in _CACHES else f"({decorator})({call})"
        assert function.end_lineno is not None
        lines.insert(function.end_lineno, f"{' ' * function.col_offset}{function.name} = {call}")
        del lines[function.decorator_list[0].lineno - 1 : function.lineno - 1]
    return "\n".join(lines) + "\n"


def _decorated_functions(module: ast.Module) -> Iterator[ast.FunctionDef]:
    """Yield the functions and methods that mutmut skips because of their decorators, by line."""
    classes = (node.body for node in module.body if isinstance(node, ast.ClassDef))
    functions = [node for node in chain(module.body, *classes) if isinstance(node, ast.FunctionDef)]
    for function in sorted(functions, key=lambda node: node.lineno):
        names = [ast.unparse(decorator) for decorator in function.decorator_list]
        if names and not (len(names) == 1 and names[0] in _SUPPORTED_DECORATORS):
            yield function


def configuration(target: Target, top_level: Sequence[str]) -> str:
    """Return the section of pyproject.toml that configures mutmut.

    `top_level` are the names of the files and directories in the checkout.
    """
    values: dict[str, object] = {
        "source_paths": [target.package],
        "only_mutate": list(target.files),
        "also_copy": [name for name in top_level if name != target.package],
        "pytest_add_cli_args_test_selection": list(target.tests),
        "pytest_add_cli_args": ["-p", "no:cacheprovider", *chain(*(("-p", name) for name in _PLUGINS))],
        # Seconds, to which mutmut adds the duration of the tests. It multiplies the sum by 15.
        "timeout_constant": 10.0,
        # Each mutant has a new process that imports the test modules again, because some compute results at
        # import.
        "process_isolation": "forkserver",
        "forkserver_warmup": "import",
        "preload_modules_file": _PRELOAD_FILE,
        # The copy is new, so no results of earlier runs exist.
        "use_git_change_detection": False,
        "track_dependencies": False,
    }
    lines = (f"{key} = {json.dumps(value)}" for key, value in values.items())
    return "\n".join(["", "[tool.mutmut]", *lines, ""])
