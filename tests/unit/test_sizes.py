"""Files have at most 300 lines, and functions at most 50."""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 50
SUFFIXES = (".py", ".sh", ".j2")

EXEMPT_FILES = {
    "package/arguments.py": "generated from the settings (package/generate.py)",
    "tests/unit/nodeconfig/deliveries/e084926-node.sh": "recorded data: a delivery of an earlier commit",
}
"""Files with more lines, and why."""

EXEMPT_FUNCTIONS: dict[str, str] = {}
"""Functions with more lines, as `path:name`, and why."""


@cache
def sources() -> dict[str, str]:
    """Return the texts of all programs and templates of the checkout."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    paths = [path for path in listed if path.endswith(SUFFIXES) and (ROOT / path).is_file()]
    return {path: (ROOT / path).read_text() for path in paths}


def long_functions(path: str, text: str) -> set[str]:
    """Return the functions of a file that are too long, as `path:name`."""
    return {
        f"{path}:{node.name}"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > MAX_FUNCTION_LINES
    }


def test_only_exempt_files_are_longer_than_the_limit() -> None:
    too_long = {path for path, text in sources().items() if len(text.splitlines()) > MAX_FILE_LINES}
    assert too_long == set(EXEMPT_FILES)


def test_only_exempt_functions_are_longer_than_the_limit() -> None:
    python = {path: text for path, text in sources().items() if path.endswith(".py")}
    too_long = set().union(*(long_functions(path, text) for path, text in python.items()))
    assert too_long == set(EXEMPT_FUNCTIONS)
