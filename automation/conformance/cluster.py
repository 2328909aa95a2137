"""Access to the cluster under test with kubectl: its version, and namespaces of interrupted runs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from automation.errors import UserError

_LABEL = "e2e-run"
"""Label that e2e.test sets on each of its namespaces."""
_REQUEST_TIMEOUT = "20s"
_DELETE_TIMEOUT = 600.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster, as the administrator's kubeconfig of the stack describes it."""

    kubectl: Path
    kubeconfig: Path

    def version(self) -> str:
        """Return the version of the API server without `v`. Raise UserError if the server refuses the request
        or does not answer.
        """
        values = json.loads(self._run("get", "--raw", "/version"))
        return str(values["gitVersion"]).removeprefix("v").partition("+")[0]

    def delete_namespaces(self) -> list[str]:
        """Delete the namespaces of earlier runs, wait for their end, and return their names."""
        names = [
            line.removeprefix("namespace/")
            for line in self._run("get", "namespaces", f"--selector={_LABEL}", "--output=name").split()
        ]
        if names:
            self._run("delete", "namespace", "--wait=true", *names, timeout=_DELETE_TIMEOUT)
        return names

    def _run(self, *arguments: str, timeout: float = 60.0) -> str:
        command = [str(self.kubectl), f"--kubeconfig={self.kubeconfig}"]
        if timeout <= 60:
            command.append(f"--request-timeout={_REQUEST_TIMEOUT}")
        try:
            result = subprocess.run(
                [*command, *arguments], capture_output=True, text=True, check=False, timeout=timeout
            )
        except subprocess.TimeoutExpired:
            raise UserError(
                f"kubectl {arguments[0]}: no answer from the cluster in {timeout:.0f} s"
            ) from None
        if result.returncode != 0:
            raise UserError(
                f"the cluster refuses the kubeconfig {self.kubeconfig}, or does not answer: "
                f"{last_line(result.stderr)}; run `kubewright status`"
            )
        return result.stdout


def last_line(text: str) -> str:
    """Return the last line of a program's messages."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no message")


def listed_specs(program: Path) -> Sequence[str]:
    """Return the output of `e2e.test --list-tests`. Raise UserError if the program fails."""
    try:
        result = subprocess.run(
            [str(program), "--list-tests"], capture_output=True, text=True, check=False, timeout=300
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError(f"{program}: does not list its specs: {error}") from None
    if result.returncode != 0:
        raise UserError(f"{program}: does not list its specs: {last_line(result.stderr)}")
    return result.stdout.splitlines()
