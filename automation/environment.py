"""Directories of tools, state and caches, and environment variables of the engine."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from artifacts import directories
from lab.plugins.kinds import PluginKind
from lab.plugins.official import IGNORE_PATH_VARIABLE

CHECKOUT = Path(__file__).resolve().parent.parent


def file_name_of_stack(stack: str) -> str:
    """Return the name of a stack in file and directory names: `acme+prod` for the stack `acme/prod`."""
    return stack.replace("/", "+")


@dataclass(frozen=True, slots=True)
class Environment:
    """The directories that Kubewright uses outside the checkout.

    `state` contains data that must not be lost: stacks, passphrase, labs. `cache` contains data that can be
    created again. `plugins` is the kind of plugins that the engine uses; each kind has a separate engine
    home.
    """

    state: Path
    cache: Path
    plugins: PluginKind = PluginKind.OFFICIAL

    @property
    def tools(self) -> Path:
        """The directory with pulumi, its language host, kubectl, helm and crane."""
        return self.cache / "bin"

    @property
    def mirror(self) -> Path:
        """The directory with every file and image that hosts download."""
        return self.cache / directories.MIRROR

    @property
    def pulumi_home(self) -> Path:
        """The home directory of the engine, which contains its plugins of one kind."""
        return self.cache / ("pulumi" if self.plugins is PluginKind.OFFICIAL else "stand-ins")

    def lab_directory(self, name: str) -> Path:
        """Return the directory with the state of the lab of that name."""
        return self.state / "labs" / name

    def stack_directory(self, name: str) -> Path:
        """Return the work directory of a stack. The name can contain an organization."""
        return self.state / "stacks" / file_name_of_stack(name)

    def kubeconfig(self, stack: str) -> Path:
        """Return the path of the administrator's kubeconfig of a stack, which `up` writes."""
        return self.stack_directory(stack) / "kubeconfig"

    def variables(self) -> dict[str, str]:
        """Return the environment variables for tools and the engine.

        These are the variables of this process, plus PATH, the directories and the engine's settings.

        `automation.engine.backend` adds the variables of the backend and of the passphrase.
        """
        variables = dict(os.environ)
        variables.pop("PYTHONDONTWRITEBYTECODE", None)
        # The directory of this interpreter comes first, because the language host of the engine searches
        # for python.
        venv = Path(sys.executable).parent
        variables["PATH"] = os.pathsep.join([str(venv), str(self.tools), variables.get("PATH", os.defpath)])
        variables[directories.STATE] = str(self.state)
        variables[directories.CACHE] = str(self.cache)
        variables["PULUMI_HOME"] = str(self.pulumi_home)
        if self.plugins is PluginKind.STAND_IN:
            # Otherwise the engine would use an official plugin from PATH or download one.
            variables[IGNORE_PATH_VARIABLE] = "true"
            variables["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] = "true"
        variables["PULUMI_SKIP_UPDATE_CHECK"] = "true"
        variables["PYTHONPYCACHEPREFIX"] = str(self.cache / "pycache")
        return variables


def environment(variables: Mapping[str, str] = os.environ) -> Environment:
    """Return the directories from `$KUBEWRIGHT_STATE` and `$KUBEWRIGHT_CACHE`; the defaults are below `~`."""
    return Environment(state=directories.state(variables), cache=directories.cache(variables))
