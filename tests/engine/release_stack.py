"""A stack whose program installs a Helm release, run by the driver on a real API server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from automation.engine.program import Engine
from automation.environment import Environment
from automation.stacks import driver
from automation.stacks.result import Action, Options, Result
from automation.workspace import PROJECT, Workspace
from lab.plugins.install import install
from lab.plugins.kinds import PluginKind
from testkit.cluster import cache
from testkit.control_plane import binary_path


class Deployer:
    """A stack with the stand-in plugin `kubernetes`.

    `text` is the program, in which `{directory!r}` is the directory of the program. It reads the kubeconfig
    and the values of the release from the files `kubeconfig` and `values.json`. `config` is the configuration
    of the stack.
    """

    def __init__(self, root: Path, kubeconfig: str, text: str, config: dict[str, Any]) -> None:
        environment = Environment(root / "state", root / "cache", PluginKind.STAND_IN)
        environment.cache.mkdir()
        environment.tools.symlink_to(cache() / "bin")
        install(Path(binary_path("pulumi")), environment.pulumi_home, ["kubernetes"])
        directory = environment.stack_directory("dev")
        self.program = root / "program"
        for path in (directory, self.program):
            path.mkdir(parents=True)
        (self.program / "__main__.py").write_text(text.format(directory=str(self.program)))
        (self.program / "kubeconfig").write_text(kubeconfig)
        project = {"name": PROJECT, "runtime": "python", "main": str(self.program)}
        (directory / "Pulumi.yaml").write_text(yaml.safe_dump(project))
        (directory / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": config}))
        self.engine = Engine(environment, Workspace("dev", directory, config))
        self.engine.select()

    @property
    def state_text(self) -> str:
        """The state of the stack, as the backend stores it."""
        with self.engine.state_file() as file:
            return file.read_text()

    def up(self, values: Mapping[str, object]) -> tuple[Result, str]:
        """Deploy the release with these values. Return the result and the printed lines."""
        (self.program / "values.json").write_text(json.dumps(values))
        lines: list[str] = []
        result = driver.run_action(Action.UP, self.engine, Options(), show=lines.append)
        return result, "\n".join(lines)
