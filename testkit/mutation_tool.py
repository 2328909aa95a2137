"""A copy of the checkout in which mutmut runs.

mutmut changes the functions of one package and runs the tests that reach the changed function. It has its
own Python environment in the cache, which also contains the packages of the environment of the project.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Sequence
from itertools import chain

_KEPT_DECORATORS = ("staticmethod", "classmethod")
"""The decorators of functions that mutmut changes although they are decorated."""

_PLUGINS = ("xdist.plugin", "pytest_timeout", "_hypothesis_pytestplugin")
"""The pytest plugins that the tests need. The search for all plugins would take most of the time of a mutant."""


def apply_decorators_as_calls(source: str) -> str:
    """Return the source with calls in place of the decorators of functions.

    mutmut skips decorated functions. `@rule()` above a function `f` becomes `f = rule()(f)` below the
    function, which has the same effect.
    """
    lines = source.splitlines()
    for function in reversed(list(_decorated_functions(ast.parse(source)))):
        indent = " " * function.col_offset
        call = function.name
        for decorator in reversed(function.decorator_list):
            call = f"({ast.unparse(decorator)})({call})"
        assert function.end_lineno is not None
        lines.insert(function.end_lineno, f"{indent}{function.name} = {call}")
        del lines[function.decorator_list[0].lineno - 1 : function.lineno - 1]
    return "\n".join(lines) + "\n"


def _decorated_functions(module: ast.Module) -> Iterator[ast.FunctionDef]:
    """Yield the decorated functions and methods of a module that mutmut skips, in the order of their lines."""
    classes = (node.body for node in module.body if isinstance(node, ast.ClassDef))
    functions = [
        node
        for node in chain(module.body, *classes)
        if isinstance(node, ast.FunctionDef) and node.decorator_list and not _mutmut_supports(node)
    ]
    yield from sorted(functions, key=lambda node: node.lineno)


def _mutmut_supports(function: ast.FunctionDef) -> bool:
    names = [ast.unparse(decorator) for decorator in function.decorator_list]
    return len(names) == 1 and names[0] in _KEPT_DECORATORS


def configuration(package: str, files: Sequence[str], tests: Sequence[str], top_level: Sequence[str]) -> str:
    """Return the section of pyproject.toml that configures mutmut.

    `package` is the top-level package, `files` are patterns of the files to change. `tests` are the
    arguments that select tests. `top_level` are the names of all files and directories of the checkout.
    """
    values: dict[str, object] = {
        "source_paths": [package],
        "only_mutate": list(files),
        "also_copy": [name for name in top_level if name != package],
        "pytest_add_cli_args_test_selection": list(tests),
        "pytest_add_cli_args": ["-p", "no:cacheprovider", *chain(*(("-p", name) for name in _PLUGINS))],
        # Seconds are of wall time, and the machine can be busy.
        "timeout_constant": 10.0,
        # The copy is made for one run, so results of earlier runs do not exist.
        "use_git_change_detection": False,
        "track_dependencies": False,
    }
    lines = (f"{key} = {json.dumps(value)}" for key, value in values.items())
    return "\n".join(["", "[tool.mutmut]", *lines, ""])
