"""Helm charts in local files, and the arguments of helm that select a chart."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab.plugins.runtime.errors import InvalidInput

from .helm import Helm, write_repository

_OCI = "oci://"
_LAB_CHARTS = "KUBEWRIGHT_LAB_CHARTS"
"""Environment variable with a directory of charts that replace charts of repositories with the same name."""


@dataclass(frozen=True)
class LocalChart:
    """A Helm chart in a local directory or archive. `version` is the version in Chart.yaml.

    Only a new version of a chart updates a release. Files are not compared, because the official plugin no
    longer has a checksum of charts (pulumi/pulumi-kubernetes#2672).
    """

    version: str


def find_local_chart(chart: str) -> LocalChart | None:
    """Return the local chart at a path, or None for the name or URL of a remote chart.

    The path is relative to the Pulumi program. Raise InvalidInput if the path does not exist or is not a
    chart.
    """
    path = Path(chart).expanduser()
    if chart.startswith(_OCI) or not path.exists():
        if chart.startswith(("./", "../", "/", "~")):
            raise InvalidInput(
                "chart", f"there is no chart at {chart} (paths are relative to the Pulumi program)"
            )
        return None
    try:
        chart_metadata = yaml.safe_load(_chart_yaml(path))
        version = str(chart_metadata["version"])
    except (OSError, KeyError, TypeError, tarfile.TarError, yaml.YAMLError):
        raise InvalidInput(
            "chart", f"{chart} is not a Helm chart: no readable Chart.yaml with a version"
        ) from None
    return LocalChart(version)


def _chart_yaml(path: Path) -> bytes:
    if path.is_dir():
        return (path / "Chart.yaml").read_bytes()
    with tarfile.open(path) as archive:
        for member in archive:
            if member.name.count("/") == 1 and member.name.endswith("/Chart.yaml"):
                content = archive.extractfile(member)
                if content is not None:
                    return content.read()
    raise KeyError("Chart.yaml")


def source_arguments(helm: Helm, inputs: Mapping[str, Any], directory: Path, secrets: list[str]) -> list[str]:
    """Return the arguments of helm for the chart, its version and its repository.

    Log in to a registry that needs a password.

    Args:
        helm: runs `helm registry login` and `helm repo update`.
        inputs: the inputs of the release, without `Secret` wrappers.
        directory: the workspace, in which credentials are stored.
        secrets: the texts to mask in errors.
    """
    chart, options = str(inputs["chart"]), inputs.get("repositoryOpts") or {}
    arguments = ["--version", str(inputs["version"])] if inputs.get("version") else []
    if inputs.get("devel") and not inputs.get("version"):
        arguments.append("--devel")
    if inputs.get("verify"):
        arguments.append("--verify")
        arguments += ["--keyring", str(inputs["keyring"])] if inputs.get("keyring") else []
    if chart.startswith(_OCI):
        if options.get("password"):
            _log_in(helm, chart, options, directory, secrets)
        for key, flag in (("caFile", "--ca-file"), ("certFile", "--cert-file"), ("keyFile", "--key-file")):
            arguments += [flag, str(options[key])] if options.get(key) else []
        return [chart, *arguments]
    if (stand_in := _lab_chart(chart)) is not None:
        return [str(stand_in), *arguments]
    if options.get("repo") and not Path(chart).expanduser().exists():
        write_repository(directory, options)
        helm.run(["repo", "update"], directory=directory, secrets=secrets)
        return [f"chart/{chart}", *arguments]
    # For a local chart, the version only repeats the version in its files.
    return [str(Path(chart).expanduser()) if Path(chart).expanduser().exists() else chart, *arguments]


def _lab_chart(chart: str) -> Path | None:
    """Return the lab's chart for the name of a repository's chart; None if the lab has no such chart.

    Labs on an emulated cloud have no access to repositories, and their cloud has no real controllers.
    """
    directory = os.environ.get(_LAB_CHARTS)
    path = Path(directory or "/nonexistent") / chart
    return path if "/" not in chart and path.is_dir() else None


def _log_in(helm: Helm, chart: str, options: Mapping[str, Any], directory: Path, secrets: list[str]) -> None:
    host = chart.removeprefix(_OCI).split("/", 1)[0]
    (directory / "registry.json").write_text("{}", encoding="utf-8")
    arguments = [
        "registry",
        "login",
        host,
        "--username",
        str(options.get("username") or ""),
        "--password-stdin",
    ]
    for key, flag in (("caFile", "--ca-file"), ("certFile", "--cert-file"), ("keyFile", "--key-file")):
        arguments += [flag, str(options[key])] if options.get(key) else []
    helm.run(arguments, directory=directory, secrets=secrets, stdin=str(options["password"]))
