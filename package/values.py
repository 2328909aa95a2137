"""Converts the arguments of `KubernetesCluster` to plain settings and Pulumi inputs."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pulumi import Input, Output

from components.inputs import Inputs, with_inputs
from components.inputs import Path as InputPath
from settings.cluster import PROVIDER_SECTIONS
from settings.problem import Problem, SettingsError, format_path

_FILE_SECTIONS = ("api", "artifacts", "registries", "helm_releases", *PROVIDER_SECTIONS)
"""Sections with names of files."""
_SECRETS = (
    (("registries",), ("password",)),
    (("api", "authorization_webhooks"), ("kubeconfig",)),
    (("addons", "cert_manager", "issuers"), ("ca", "private_key")),
    (("addons", "cert_manager", "issuers"), ("acme", "rfc2136", "secret")),
    (("addons", "external_dns"), ("secret",)),
    (("addons", "ingress"), ("private_key",)),
    (("addons", "load_balancer", "peers"), ("password",)),
)
"""Sections whose entries have a secret, and the path of the secret in each entry."""
_PLACEHOLDER = "[input]"
"""The placeholder in the settings at the path of an input."""


def split_inputs(arguments: Mapping[str, Any]) -> tuple[dict[str, Any], dict[InputPath, Input[Any]]]:
    """Return the arguments as plain settings, and the Pulumi inputs in the arguments by their paths.

    Only values of Helm releases, passwords of registries and of BGP peers, kubeconfigs of authorization
    webhooks, private keys of certificates and secrets of TSIG keys can be inputs. Raise SettingsError for an
    input at another path, because all other settings determine which resources exist. Except for values of
    Helm releases, they always become secret inputs.
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
    for path, value in _secret_settings(plain):
        inputs[path] = Output.secret(inputs.get(path, value))
    return plain, inputs


def _secret_settings(plain: Mapping[str, Any]) -> Iterator[tuple[InputPath, Any]]:
    """Yield the paths and values of the settings that are always secret inputs."""
    for section, keys in _SECRETS:
        entries = _value_at(plain, section)
        for name in entries if isinstance(entries, Mapping) else ():
            parent = _value_at(entries, (name, *keys[:-1]))
            if isinstance(parent, Mapping) and keys[-1] in parent:
                yield (*section, name, *keys), parent[keys[-1]]


def _value_at(value: Any, path: InputPath) -> Any:  # noqa: ANN401 - JSON
    """Return the value at a path; None if it is missing."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def absolute_paths(plain: Mapping[str, Any], directory: Path) -> dict[str, Any]:
    """Return the settings with absolute paths of files and charts. Relative paths start at `directory`."""

    def convert(value: Any, key: str) -> Any:  # noqa: ANN401 - JSON
        if isinstance(value, Mapping):
            return {name: item if name == "values" else convert(item, name) for name, item in value.items()}
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
    is_secret = any(
        path[: len(section)] == section and path[len(section) + 1 :] == keys for section, keys in _SECRETS
    )
    return is_secret or (path[:1] == ("helm_releases",) and path[2:3] == ("values",))


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
