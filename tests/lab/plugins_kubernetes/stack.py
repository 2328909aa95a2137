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

from tests.lab.plugins_kubernetes.cluster import binary

_HEAD = """
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
class Run:
    """The exit code and the output of a run of the engine."""

    code: int
    text: str


class Stack:
    """A stack for tests of the plugin. `home` is a PULUMI_HOME with the plugin installed."""

    def __init__(self, directory: Path, home: Path, kubeconfig: str) -> None:
        self.directory = directory
        self._home = home
        (directory / "state").mkdir()
        (directory / "kubeconfig").write_text(kubeconfig)
        (directory / "Pulumi.yaml").write_text("name: plugin-test\nruntime: python\n")
        self.configure()
        self.program("")
        assert self.run("stack", "init", "test").code == 0

    def configure(self, **provider: object) -> None:
        """Set the provider's arguments."""
        settings = {"enable_config_map_mutable": True, "enable_secret_mutable": True, **provider}
        (self.directory / "provider.json").write_text(json.dumps(settings))

    def program(self, text: str) -> None:
        """Set the program. The text follows a head that defines the provider `cluster` and the options
        `on`.
        """
        (self.directory / "__main__.py").write_text(_HEAD + textwrap.dedent(text))

    def run(self, *arguments: str) -> Run:
        """Run the engine and return its exit code and output."""
        tools = os.pathsep.join(
            [str(Path(sys.executable).parent), str(Path(binary("pulumi")).parent), os.environ["PATH"]]
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
            [binary("pulumi"), *arguments, "--non-interactive", "--color=never"],
            cwd=self.directory,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return Run(process.returncode, process.stdout + process.stderr)

    def up(self, *arguments: str, fails: bool = False) -> str:
        """Run `pulumi up` and return the engine's output."""
        result = self.run("up", "--yes", "--skip-preview", "--stack=test", *arguments)
        assert (result.code != 0) == fails, result.text
        return result.text

    def preview(self, *arguments: str, fails: bool = False) -> str:
        """Run `pulumi preview` and return the engine's output."""
        result = self.run("preview", "--diff", "--stack=test", *arguments)
        assert (result.code != 0) == fails, result.text
        return result.text

    def changes(self) -> dict[str, int]:
        """Return the number of resources for each previewed operation, without unchanged resources."""
        result = self.run("preview", "--json", "--stack=test")
        assert result.code == 0, result.text
        summary: dict[str, int] = json.loads(result.text[result.text.index("{") :])["changeSummary"]
        return {operation: count for operation, count in summary.items() if operation != "same"}

    def state(self) -> dict[str, Any]:
        """Return the exported state with encrypted secrets."""
        result = self.run("stack", "export", "--stack=test")
        exported: dict[str, Any] = json.loads(result.text)
        return exported

    def destroy(self, *arguments: str, fails: bool = False) -> str:
        """Run `pulumi destroy` and return the engine's output."""
        result = self.run("destroy", "--yes", "--skip-preview", "--stack=test", *arguments)
        assert (result.code != 0) == fails, result.text
        return result.text
