"""Runs small Pulumi programs with the real engine, with separate plugins and a separate state."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.plugins.install import install
from lab.plugins.official import IGNORE_PATH_VARIABLE

PROJECT = "plugins"
STACK = "test"


def tool(name: str) -> str:
    """Return the path of a program in KUBEWRIGHT_BIN, the cache or PATH; fail the test without it."""
    cache = Path(os.environ.get("KUBEWRIGHT_CACHE", "~/.cache/kubewright")).expanduser()
    directories = [os.environ.get("KUBEWRIGHT_BIN", ""), str(cache / "bin"), os.environ["PATH"], "/usr/sbin"]
    path = shutil.which(name, path=os.pathsep.join(directories))
    assert path, f"{name} not found; set KUBEWRIGHT_BIN to the directory of the built tools"
    return path


@dataclass(frozen=True)
class Program:
    """A Pulumi program in a directory, with a stack. `head` is the first part of every program text."""

    directory: Path
    environment: Mapping[str, str]
    head: str = ""

    def program(self, text: str) -> None:
        """Replace the text of the program, after `head`."""
        (self.directory / "__main__.py").write_text(self.head + text)

    def run(self, *arguments: str, fails: bool = False) -> str:
        """Run the engine and return its output on both streams. With `fails`, the engine must fail."""
        result = subprocess.run(
            [tool("pulumi"), *arguments, "--non-interactive", "--color=never"],
            cwd=self.directory,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        assert (result.returncode != 0) == fails, result.stdout
        return result.stdout

    def up(self, *, fails: bool = False) -> str:
        return self.run("up", "--yes", "--skip-preview", fails=fails)

    def assert_unchanged(self) -> None:
        """Assert that a preview has no changes."""
        self.run("preview", "--expect-no-changes")


def create_stack(
    directory: Path,
    home: Path,
    plugins: Sequence[str],
    *,
    head: str = "",
    variables: Mapping[str, str] | None = None,
) -> Program:
    """Create an empty stack in a directory. Install the plugins in the engine home, which tests can share."""
    install(Path(tool("pulumi")), home, plugins)
    own = {"PULUMI_BACKEND_URL": f"file://{directory}/state", "PULUMI_CONFIG_PASSPHRASE": "test"}
    environment = engine_environment(home, {**own, **(variables or {})})
    (directory / "state").mkdir()
    (directory / "Pulumi.yaml").write_text(f"name: {PROJECT}\nruntime: python\n")
    stack = Program(directory, environment, head)
    stack.program("")
    stack.run("stack", "init", STACK)
    return stack


def engine_environment(home: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables of the engine: those of this process, the engine home and `variables`.

    PATH begins with the Python of this process, because the language host of the lab ignores `virtualenv` in
    Pulumi.yaml.
    """
    tools = [str(Path(sys.executable).parent), str(Path(tool("pulumi-language-python")).parent)]
    search_path = variables.get("PATH", os.environ["PATH"])
    return {
        **os.environ,
        "PULUMI_HOME": str(home),
        IGNORE_PATH_VARIABLE: "true",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        **variables,
        "PATH": os.pathsep.join([*tools, search_path]),
    }
