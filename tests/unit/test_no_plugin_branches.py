"""Tests that the program neither distinguishes official plugins from stand-ins nor imports the lab."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGES = ("settings", "topology", "nodeconfig", "components", "providers")
FORBIDDEN_IMPORTS = {"lab", "automation", "tests", "benchmarks"}
# Words that would reveal the installed plugin: names of stand-ins, their directory, the engine's home
# directory. The word `plugins` without one of these words refers to plugins of Kubernetes and containerd.
INSTALLED_PLUGIN_NAMES = re.compile(
    r"stand.?ins?\b|PULUMI_HOME|\.pulumi\b|pulumi-resource-|plugin_?download|version_ref"
    r"|plugins?_?(version|kind|info|installed)|(command|tls|kubernetes)[-_ ]plugin",
    re.IGNORECASE,
)


def program_files() -> list[Path]:
    """Return the Python files of the Pulumi program: `__main__.py` and the files of `PACKAGES`."""
    files = [CHECKOUT / "__main__.py"]
    files += [path for package in PACKAGES for path in sorted((CHECKOUT / package).rglob("*.py"))]
    return [path for path in files if path.exists()]


def imported_packages(tree: ast.AST) -> set[str]:
    """Return the top-level packages that a module imports, e.g. `lab` for `from lab.plugins import
    install`.
    """
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def code_words(tree: ast.AST) -> list[tuple[int, str]]:
    """Return the names and string constants in the code, without comments and docstrings."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    words = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            words.append((node.lineno, node.id))
        elif isinstance(node, ast.Attribute):
            words.append((node.lineno, node.attr))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            words.append((node.lineno, node.value))
    return words


def names_installed_plugin(word: str) -> bool:
    """Return whether a name or string constant tells which plugin is installed."""
    return bool(INSTALLED_PLUGIN_NAMES.search(word))


def test_checked_packages_exist() -> None:
    packages = {path.relative_to(CHECKOUT).parts[0] for path in program_files()}
    assert packages >= {"__main__.py", *PACKAGES}


@pytest.mark.parametrize("path", program_files(), ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_program_imports_neither_lab_nor_commands(path: Path) -> None:
    assert not imported_packages(ast.parse(path.read_text())) & FORBIDDEN_IMPORTS


@pytest.mark.parametrize("path", program_files(), ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_program_does_not_ask_which_plugin_is_installed(path: Path) -> None:
    plugin_names = [
        (line, word) for line, word in code_words(ast.parse(path.read_text())) if names_installed_plugin(word)
    ]
    assert not plugin_names, f"{path.name}: {plugin_names}"


@pytest.mark.parametrize(
    "word", ["PULUMI_HOME", "pulumi-resource-command", "stand_in", "plugin_version", "stand-in"]
)
def test_scan_finds_questions_about_plugins(word: str) -> None:
    assert names_installed_plugin(word)


@pytest.mark.parametrize("word", ["cni_plugins", "admission_plugins", "enable-admission-plugins"])
def test_scan_accepts_kubernetes_plugins(word: str) -> None:
    assert not names_installed_plugin(word)
