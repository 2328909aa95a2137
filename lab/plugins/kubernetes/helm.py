"""Runs the helm binary.

Kubeconfig, values and passwords are passed in private files or through standard input, never as arguments.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab.plugins.runtime.errors import PluginError

from .kubeconfig import Access

_POLL_SECONDS = 0.5
_ERROR_CHARACTERS = 1500
# The same text as `redaction.MASK`, which an installed plugin cannot import: it contains only its own code.
MASK = "[secret]"


class HelmError(PluginError):
    """The error of a failed helm command. The text is the end of its output with secrets masked."""


def mask_secrets(text: str, secrets: Sequence[str]) -> str:
    """Replace all secrets of four characters or more in a text by `MASK`."""
    for secret in sorted({item.strip() for item in secrets if len(item.strip()) >= 4}, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


class Helm:
    """Runner of the helm binary for one cluster.

    Args:
        access: the cluster and the user; None for commands that need no cluster.
        settings: the provider input helmReleaseSettings.
        cancelled: an event that ends running commands.
    """

    def __init__(
        self, access: Access | None, settings: Mapping[str, Any], cancelled: threading.Event
    ) -> None:
        self._access = access
        self._settings = settings
        self._cancelled = cancelled

    @contextmanager
    def workspace(self, values: Mapping[str, Any] | None = None) -> Iterator[Path]:
        """Create a private temporary directory for helm commands, and remove it at the end of the block.

        The directory contains `kubeconfig` and, if `values` is not None, `values.json`.
        """
        with tempfile.TemporaryDirectory(prefix="pulumi-helm-") as name:
            directory = Path(name)
            if self._access is not None:
                _write_private_json(directory / "kubeconfig", self._access.to_kubeconfig())
            if values is not None:
                _write_private_json(directory / "values.json", values)
            yield directory

    def run(
        self,
        arguments: Sequence[str],
        *,
        directory: Path,
        secrets: Sequence[str] = (),
        stdin: str = "",
        timeout: float = 120.0,
    ) -> str:
        """Run helm and return its output.

        Args:
            arguments: the arguments of helm. They must not contain secrets.
            directory: the directory that `workspace` created.
            secrets: the texts to mask in errors.
            stdin: the standard input, for example a password.
            timeout: the maximum duration in seconds.

        Raises:
            HelmError: helm is not installed, failed, was canceled, or exceeded the timeout.
        """
        binary = shutil.which("helm")
        if binary is None:
            raise HelmError("helm is not on PATH; install helm 3 to use helm.sh/v3:Release with this plugin")
        process = subprocess.Popen(
            [binary, *arguments],
            env=self._helm_environment(directory),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        output, errors = self._wait_for_exit(process, stdin, timeout, arguments[0])
        if process.returncode != 0:
            raise HelmError(_error_reason(mask_secrets(errors or output, secrets)))
        return output

    def _wait_for_exit(
        self, process: subprocess.Popen[str], stdin: str, timeout: float, verb: str
    ) -> tuple[str, str]:
        waited, text = 0.0, stdin or None
        while True:
            try:
                return process.communicate(input=text, timeout=_POLL_SECONDS)
            except subprocess.TimeoutExpired:
                waited, text = waited + _POLL_SECONDS, None
            if self._cancelled.is_set() or waited >= timeout:
                # On SIGTERM helm records the release as failed, so that it does not stay in "pending".
                process.terminate()
                try:
                    process.wait(timeout=10)
                except subprocess.TimeoutExpired:
                    process.kill()
                process.communicate()
                why = "was stopped" if self._cancelled.is_set() else f"did not end within {timeout:.0f} s"
                raise HelmError(f"helm {verb} {why}")

    def _helm_environment(self, directory: Path) -> dict[str, str]:
        environment = {**os.environ, "KUBECONFIG": str(directory / "kubeconfig"), "HELM_NAMESPACE": ""}
        names = {
            "driver": "HELM_DRIVER",
            "pluginsPath": "HELM_PLUGINS",
            "registryConfigPath": "HELM_REGISTRY_CONFIG",
            "repositoryCache": "HELM_REPOSITORY_CACHE",
            "repositoryConfigPath": "HELM_REPOSITORY_CONFIG",
        }
        # The official plugin reads this variable, and not that of Helm.
        if path := environment.get("PULUMI_K8S_HELM_REGISTRY_CONFIG_PATH"):
            environment["HELM_REGISTRY_CONFIG"] = path
        environment |= {
            variable: str(self._settings[key]) for key, variable in names.items() if self._settings.get(key)
        }
        if (directory / "repositories.yaml").exists():
            environment["HELM_REPOSITORY_CONFIG"] = str(directory / "repositories.yaml")
            environment["HELM_REPOSITORY_CACHE"] = str(directory / "cache")
        if (directory / "registry.json").exists():
            environment["HELM_REGISTRY_CONFIG"] = str(directory / "registry.json")
        return environment


def _write_private_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON that only the current user can read; helm and kubectl read JSON as YAML."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file)


def write_repository(directory: Path, options: Mapping[str, Any]) -> None:
    """Write a repository list with one repository `chart` and its credentials into a workspace."""
    entry = {
        "name": "chart",
        "url": str(options["repo"]),
        "username": str(options.get("username") or ""),
        "password": str(options.get("password") or ""),
        "caFile": str(options.get("caFile") or ""),
        "certFile": str(options.get("certFile") or ""),
        "keyFile": str(options.get("keyFile") or ""),
    }
    _write_private_json(directory / "repositories.yaml", {"apiVersion": "", "repositories": [entry]})


def _error_reason(text: str) -> str:
    """Return the error output of helm on one line, without warnings, and shortened to its end."""
    lines = [
        line.strip()
        for line in text.splitlines()
        if line.strip() and not line.startswith(("WARNING", "W0", "I0"))
    ]
    reason = " ".join(lines).removeprefix("Error: ") or "helm failed without output"
    return reason if len(reason) <= _ERROR_CHARACTERS else "… " + reason[-_ERROR_CHARACTERS:]
