"""A small Pulumi program under the real engine, with plugins and a state of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.plugins.install import install

PROJECT = "plugins"
STACK = "test"


def tool(name: str) -> str:
    """Where a program is: in KUBEWRIGHT_BIN, the cache, or on PATH; a missing one fails the test."""
    cache = Path(os.environ.get("KUBEWRIGHT_CACHE", "~/.cache/kubewright")).expanduser()
    places = [os.environ.get("KUBEWRIGHT_BIN", ""), str(cache / "bin"), os.environ["PATH"], "/usr/sbin"]
    found = shutil.which(name, path=os.pathsep.join(places))
    assert found, f"{name} not found; set KUBEWRIGHT_BIN to the directory of the built tools"
    return found


@dataclass(frozen=True)
class Program:
    """A stack of one program; `head` stands before every text that it is given."""

    directory: Path
    environment: Mapping[str, str]
    head: str = ""

    def program(self, text: str) -> None:
        (self.directory / "__main__.py").write_text(self.head + text)

    def run(self, *arguments: str, fails: bool = False) -> str:
        """What the engine prints, on both of its streams."""
        done = subprocess.run(
            [tool("pulumi"), *arguments, "--non-interactive", "--color=never"],
            cwd=self.directory,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        assert (done.returncode != 0) == fails, done.stdout
        return done.stdout

    def up(self, *, fails: bool = False) -> str:
        return self.run("up", "--yes", "--skip-preview", fails=fails)

    def unchanged(self) -> None:
        self.run("preview", "--expect-no-changes")


def make(
    directory: Path,
    home: Path,
    plugins: Sequence[str],
    *,
    head: str = "",
    variables: Mapping[str, str] | None = None,
) -> Program:
    """An empty stack in a directory, with these plugins in an engine's home that tests may share."""
    install(Path(tool("pulumi")), home, plugins)
    tools = [str(Path(sys.executable).parent), str(Path(tool("pulumi-language-python")).parent)]
    environment = os.environ | {
        "PATH": os.pathsep.join([*tools, os.environ["PATH"]]),
        "PULUMI_HOME": str(home),
        "PULUMI_BACKEND_URL": f"file://{directory}/state",
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        **(variables or {}),
    }
    (directory / "state").mkdir()
    (directory / "Pulumi.yaml").write_text(f"name: {PROJECT}\nruntime: python\n")
    made = Program(directory, environment, head)
    made.program("")
    made.run("stack", "init", STACK)
    return made
