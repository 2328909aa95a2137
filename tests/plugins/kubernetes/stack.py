"""A Pulumi stack in a separate directory, for the real engine with the stand-in plugin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testkit.control_plane import binary_path

_PROGRAM_HEAD = """
import json, os, pathlib
import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

here = pathlib.Path(__file__).parent
cluster = k8s.Provider(
    "cluster",
    kubeconfig=pulumi.Output.secret((here / "kubeconfig").read_text()),
    cluster_identifier="loopback",
    **json.loads((here / "provider.json").read_text()),
)
on = ResourceOptions(provider=cluster)
"""


@dataclass(frozen=True)
class EngineResult:
    """The exit code and the output of one run of the command `pulumi`."""

    exit_code: int
    output: str


class PluginStack:
    """A Pulumi stack for tests of the stand-in plugin. `pulumi_home` is a PULUMI_HOME with the plugin
    installed.
    """

    def __init__(self, directory: Path, pulumi_home: Path, kubeconfig: str) -> None:
        self.directory = directory
        self._home = pulumi_home
        (directory / "state").mkdir()
        (directory / "kubeconfig").write_text(kubeconfig)
        (directory / "Pulumi.yaml").write_text("name: plugin-test\nruntime: python\n")
        self.set_provider_arguments()
        self.write_program("")
        assert self.run("stack", "init", "test").exit_code == 0

    def set_provider_arguments(self, **provider: object) -> None:
        """Set the arguments of the Kubernetes provider in the program."""
        settings = {"enable_config_map_mutable": True, "enable_secret_mutable": True, **provider}
        (self.directory / "provider.json").write_text(json.dumps(settings))

    def write_program(self, text: str) -> None:
        """Write the Pulumi program. `text` follows a head that defines the provider `cluster` and the
        resource options `on`.
        """
        (self.directory / "__main__.py").write_text(_PROGRAM_HEAD + textwrap.dedent(text))

    def run(self, *arguments: str) -> EngineResult:
        """Run the command `pulumi` with these arguments."""
        tools = os.pathsep.join(
            [str(Path(sys.executable).parent), str(Path(binary_path("pulumi")).parent), os.environ["PATH"]]
        )
        environment = {
            **os.environ,
            "PATH": tools,
            "PULUMI_HOME": str(self._home),
            "PULUMI_BACKEND_URL": f"file://{self.directory}/state",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        process = subprocess.run(
            [binary_path("pulumi"), *arguments, "--non-interactive", "--color=never"],
            cwd=self.directory,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return EngineResult(process.returncode, process.stdout + process.stderr)

    def up(self, *arguments: str, fails: bool = False) -> str:
        """Run `pulumi up` and return its output. With `fails`, assert that the command fails."""
        result = self.run("up", "--yes", "--skip-preview", "--stack=test", *arguments)
        assert (result.exit_code != 0) == fails, result.output
        return result.output

    def preview(self, *arguments: str, fails: bool = False) -> str:
        """Run `pulumi preview` and return its output. With `fails`, assert that the command fails."""
        result = self.run("preview", "--diff", "--stack=test", *arguments)
        assert (result.exit_code != 0) == fails, result.output
        return result.output

    def planned_operations(self) -> dict[str, int]:
        """Run a preview. Return the number of resources by operation, such as `update`, without unchanged
        resources.
        """
        result = self.run("preview", "--json", "--stack=test")
        assert result.exit_code == 0, result.output
        summary: dict[str, int] = json.loads(result.output[result.output.index("{") :])["changeSummary"]
        return {operation: count for operation, count in summary.items() if operation != "same"}

    def exported_state(self) -> dict[str, Any]:
        """Return the exported state of the stack, with encrypted secrets."""
        result = self.run("stack", "export", "--stack=test")
        exported: dict[str, Any] = json.loads(result.output)
        return exported

    def destroy(self, *arguments: str, fails: bool = False) -> str:
        """Run `pulumi destroy` and return its output. With `fails`, assert that the command fails."""
        result = self.run("destroy", "--yes", "--skip-preview", "--stack=test", *arguments)
        assert (result.exit_code != 0) == fails, result.output
        return result.output
