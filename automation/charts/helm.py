"""Runs Helm's own client to download and render charts.

Credentials and values are passed in private files and never as arguments.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from artifacts.errors import ArtifactError
from automation.charts.requests import ChartRequest
from redaction.redactor import Redactor
from settings.charts import is_oci_reference, is_path
from settings.registry_logins import HELM_VARIABLE, login_document, registry_of

_TIMEOUT_SECONDS = 300
_MAX_CHARACTERS = 600


@dataclass(frozen=True)
class Helm:
    """Helm with a private directory for its files. `checkout` is the directory of relative paths."""

    program: Path
    directory: Path
    checkout: Path
    redactor: Redactor

    @classmethod
    @contextmanager
    def start(cls, program: Path, checkout: Path, redactor: Redactor) -> Iterator[Helm]:
        """Yield Helm with an empty directory, which is removed at the end of the block."""
        with TemporaryDirectory(prefix="kubewright-helm-") as name:
            yield cls(program, Path(name), checkout, redactor)

    def pull(self, request: ChartRequest) -> Path:
        """Download the archive of a chart and return its path. Raise ArtifactError."""
        target = self.directory / "pulled" / request.setting
        target.mkdir(parents=True, exist_ok=True)
        version = ["--version", request.version] if request.version else []
        if is_oci_reference(request.chart):
            logins = {registry_of(request.chart): request.login} if request.login else {}
            self._write("registry.json", login_document(logins, {}))
            arguments = ["pull", request.chart, *version, "--destination", str(target)]
            variables = {HELM_VARIABLE: str(self.directory / "registry.json")} if logins else {}
            self._run(request, arguments, variables)
        else:
            self._write("repositories.yaml", _repositories(request, self.checkout))
            self._run(request, ["repo", "update"])
            arguments = ["pull", f"chart/{request.chart}", *version, "--destination", str(target)]
            self._run(request, arguments)
        (archive,) = target.glob("*.tgz")
        return archive

    def render(self, request: ChartRequest, chart: Path, kubernetes: str) -> str:
        """Return the objects of a release, with its hooks and without its tests. Raise ArtifactError."""
        self._write("values.json", request.values)
        arguments = ["template", request.release, str(chart), "--namespace", request.namespace]
        arguments += ["--values", str(self.directory / "values.json"), "--kube-version", kubernetes]
        arguments += ["--skip-tests", *(["--dependency-update"] if request.updates_dependencies else [])]
        return self._run(request, arguments)

    def local_chart(self, request: ChartRequest) -> Path | None:
        """Return the path of a chart in the checkout; None for a chart to download."""
        return self.checkout / request.chart if is_path(request.chart) else None

    def _write(self, name: str, content: Mapping[str, object]) -> None:
        """Write a file that only this user can read; Helm reads JSON as YAML."""
        file = self.directory / name
        file.touch(mode=0o600)
        file.write_text(json.dumps(content))

    def _run(
        self, request: ChartRequest, arguments: Sequence[str], more: Mapping[str, str] | None = None
    ) -> str:
        variables = {
            "HELM_CACHE_HOME": str(self.directory / "cache"),
            "HELM_REPOSITORY_CONFIG": str(self.directory / "repositories.yaml"),
            "HELM_REPOSITORY_CACHE": str(self.directory / "cache"),
            **(more or {}),
        }
        result = subprocess.run(
            [str(self.program), *arguments],
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
        if result.returncode != 0:
            reason = " ".join(self.redactor.redact(result.stderr).split()).removeprefix("Error: ")
            verb = "does not render" if arguments[0] == "template" else "cannot be downloaded"
            raise ArtifactError(
                f"{request.setting}: chart {request.chart} {verb}: {reason[:_MAX_CHARACTERS]}"
            )
        return result.stdout


def _repositories(request: ChartRequest, checkout: Path) -> dict[str, object]:
    """Return the list of repositories of Helm with the repository of a chart."""
    login = request.login
    entry = {
        "name": "chart",
        "url": request.repository,
        "username": login.username if login else "",
        "password": login.password if login else "",
        "caFile": str(checkout / request.ca_file) if request.ca_file else "",
    }
    return {"apiVersion": "", "repositories": [entry]}
