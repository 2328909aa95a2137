"""Converts the arguments of `KubernetesCluster` to plain settings and Pulumi inputs."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pulumi import Input, Output

from components.inputs import Inputs, with_inputs
from components.inputs import Path as InputPath
from settings.cluster import PROVIDER_SECTIONS
from settings.problem import Problem, SettingsError, format_path
from settings.secret_paths import HELM_VALUES, SECRET_SETTINGS, matches, matching_values

_FILE_SECTIONS = (
    *("addons", "api", "artifacts", "etcd", "helm_releases", "network", "registries", "storage"),
    *PROVIDER_SECTIONS,
)
"""Sections with names of files or charts."""
_PLACEHOLDER = "[input]"
"""The placeholder in the settings at the path of an input."""


def split_inputs(arguments: Mapping[str, Any]) -> tuple[dict[str, Any], dict[InputPath, Input[Any]]]:
    """Return the arguments as plain settings, and the Pulumi inputs in the arguments by their paths.

    Only values of Helm releases and the settings in `SECRET_SETTINGS` can be inputs. Raise SettingsError for
    an input at another path, because all other settings determine which resources exist. The settings in
    `SECRET_SETTINGS` always become secret inputs.
    """
    inputs: dict[InputPath, Input[Any]] = {}
    plain = _split(arguments, (), inputs)
    problems = [
        Problem(
            format_path(path),
            "",
            "is an output of a resource, whose value is not known in a preview; give a plain value",
        )
        for path in inputs
        if not _can_be_input(path)
    ]
    if problems:
        raise SettingsError(problems)
    for pattern in SECRET_SETTINGS:
        for path, value in matching_values(plain, pattern):
            inputs[path] = Output.secret(inputs.get(path, value))
    return plain, inputs


def absolute_paths(plain: Mapping[str, Any], directory: Path) -> dict[str, Any]:
    """Return the settings with absolute paths of files and charts. Relative paths start at `directory`."""

    def convert(value: Any, key: str) -> Any:  # noqa: ANN401 - JSON
        if isinstance(value, Mapping):
            return {name: item if name == "values" else convert(item, name) for name, item in value.items()}
        if key == "values_files" and isinstance(value, list):
            return [convert(item, "values_file") for item in value]
        is_file = isinstance(value, str) and (key.endswith("_file") or key == "index")
        is_chart = key == "chart" and str(value).startswith(("./", "../"))
        # A path that begins with `~` or a variable is absolute.
        return str(directory / value) if is_chart or (is_file and value[:1] not in "~$") else value

    return {key: convert(value, "") if key in _FILE_SECTIONS else value for key, value in plain.items()}


def recorded_inputs(plain: Mapping[str, Any], inputs: Inputs) -> dict[str, Any]:
    """Return the arguments that the state records for the component, with secrets as secret inputs."""
    recorded: dict[str, Any] = with_inputs(plain, inputs)
    return recorded


def _can_be_input(path: InputPath) -> bool:
    is_helm_value = matches(path[: len(HELM_VALUES)], HELM_VALUES)
    return is_helm_value or any(matches(path, pattern) for pattern in SECRET_SETTINGS)


def _split(value: Any, path: InputPath, inputs: dict[InputPath, Input[Any]]) -> Any:  # noqa: ANN401 - JSON
    """Return a value as JSON with a placeholder for each input. Add each input to `inputs` by its path."""
    if isinstance(value, Output | Awaitable):
        inputs[path] = value
        return _PLACEHOLDER
    if isinstance(value, Mapping):
        return {
            str(key): _split(item, (*path, str(key)), inputs)
            for key, item in value.items()
            if item is not None or _can_be_input(path)
        }
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_split(item, (*path, position), inputs) for position, item in enumerate(value)]
    # Programs in other languages send all numbers as floating-point numbers.
    return int(value) if isinstance(value, float) and value.is_integer() else value
