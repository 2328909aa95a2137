"""Conversion of the arguments of `KubernetesCluster` to the settings of a cluster and Pulumi inputs."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pulumi import Input, Output

from components.inputs import Inputs, with_inputs
from components.inputs import Path as InputPath
from settings.cluster import PROVIDER_SECTIONS
from settings.problem import Problem, SettingsError, format_path

_FILE_SECTIONS = ("artifacts", "registries", "helm_releases", *PROVIDER_SECTIONS)
"""Sections that contain names of files."""
_PLACEHOLDER = "[input]"
"""The value that settings contain at the path of an input."""


def split_inputs(arguments: Mapping[str, Any]) -> tuple[dict[str, Any], dict[InputPath, Input[Any]]]:
    """Return the arguments as plain settings, and the Pulumi inputs among them by their paths.

    Passwords of registries are always secret inputs. Raise SettingsError for an input at any other path than
    values of Helm releases and passwords of registries, because the settings determine which resources exist.
    """
    inputs: dict[InputPath, Input[Any]] = {}
    plain = _split(arguments, (), inputs)
    problems = [
        Problem(
            format_path(path),
            "",
            "is an output of a resource; give a plain value, which is known in previews",
        )
        for path in inputs
        if not _may_be_input(path)
    ]
    if problems:
        raise SettingsError(problems)
    for name, registry in (plain.get("registries") or {}).items():
        path = ("registries", name, "password")
        if isinstance(registry, Mapping) and "password" in registry:
            inputs[path] = Output.secret(inputs.get(path, registry["password"]))
    return plain, inputs


def absolute_paths(plain: Mapping[str, Any], directory: Path) -> dict[str, Any]:
    """Return the settings with absolute names of files and charts; relative names start at `directory`."""

    def convert(value: Any, key: str) -> Any:  # noqa: ANN401 - JSON
        if isinstance(value, Mapping):
            return {name: item if name == "values" else convert(item, name) for name, item in value.items()}
        is_file = isinstance(value, str) and (key.endswith("_file") or key == "index")
        is_chart = key == "chart" and str(value).startswith(("./", "../"))
        # `~` and variables begin absolute names.
        return str(directory / value) if is_chart or (is_file and value[:1] not in "~$") else value

    return {key: convert(value, "") if key in _FILE_SECTIONS else value for key, value in plain.items()}


def recorded_inputs(plain: Mapping[str, Any], inputs: Inputs) -> dict[str, Any]:
    """Return the arguments for the state of the component, with secrets as secret inputs."""
    recorded: dict[str, Any] = with_inputs(plain, inputs)
    return recorded


def _may_be_input(path: InputPath) -> bool:
    return (path[:1] == ("helm_releases",) and path[2:3] == ("values",)) or (
        path[:1] == ("registries",) and path[2:] == ("password",)
    )


def _split(value: Any, path: InputPath, inputs: dict[InputPath, Input[Any]]) -> Any:  # noqa: ANN401 - JSON
    """Return a value as JSON with a placeholder for each input, and add the inputs to `inputs`."""
    if isinstance(value, Output | Awaitable):
        inputs[path] = value
        return _PLACEHOLDER
    if isinstance(value, Mapping):
        return {
            str(key): _split(item, (*path, str(key)), inputs)
            for key, item in value.items()
            if item is not None or _may_be_input(path)
        }
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_split(item, (*path, position), inputs) for position, item in enumerate(value)]
    # Programs in other languages send all numbers as floating-point numbers.
    return int(value) if isinstance(value, float) and value.is_integer() else value
