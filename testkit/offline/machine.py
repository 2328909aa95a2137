"""Commands of the checkout with the real engine and offline plugins, with cache and state in a directory."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import yaml

from artifacts import catalogue
from artifacts.mirror import INDEX
from automation.plugin_kind import VARIABLE
from nodeconfig import host_program
from testkit.artifact_server import ArtifactServer
from testkit.cluster import CHECKOUT, cache
from testkit.process import CommandResult, run
from testkit.stackfile import Document, write

OFFLINE_PLUGINS = ("command", "kubernetes", "tls")
_LAUNCHER = """#!/bin/sh
PYTHONPATH={checkout} exec {python} -m testkit.offline.{name} "$@"
"""
_KUBERNETES_VERSIONS = ("1.35.6", "1.36.1", "1.36.3")
"""Versions of Kubernetes that the mirror contains."""


@dataclass(frozen=True)
class Machine:
    """A deployer that runs commands of the checkout; all its files are below `root`."""

    root: Path
    server: ArtifactServer

    @classmethod
    def create(cls, root: Path, server: ArtifactServer) -> Machine:
        """Create the machine with tools of the shared cache and offline plugins. `server` serves the
        mirror.

        The offline plugins count as official plugins, because they add no mark to the state.
        """
        machine = cls(root, server)
        server.files[f"/{INDEX}"] = _index_json().encode()
        machine.cache.mkdir(parents=True)
        for entry in cache().iterdir():
            if entry.name not in ("pulumi", "stand-ins", "locks"):
                (machine.cache / entry.name).symlink_to(entry)
        home = machine.cache / "pulumi"
        for name in OFFLINE_PLUGINS:
            plugin = (
                home / "plugins" / f"resource-{name}-v{version(f'pulumi-{name}')}" / f"pulumi-resource-{name}"
            )
            plugin.parent.mkdir(parents=True)
            values = {"checkout": str(CHECKOUT), "python": sys.executable}
            quoted = {key: shlex.quote(value) for key, value in values.items()}
            plugin.write_text(_LAUNCHER.format(name=name, **quoted))
            plugin.chmod(0o755)
        return machine

    @property
    def cache(self) -> Path:
        """Return the directory for $KUBEWRIGHT_CACHE."""
        return self.root / "cache"

    @property
    def state(self) -> Path:
        """Return the directory for $KUBEWRIGHT_STATE."""
        return self.root / "state"

    def stack_config(self, path: Path) -> Document:
        """Return the configuration of a stack file of the checkout, with the mirror of this machine and with
        SSH settings for hosts that do not exist.
        """
        config: Document = yaml.safe_load(path.read_text())["config"]
        config.pop("kubewright:lab", None)
        cluster = config["kubewright:cluster"]
        cluster["artifacts"] = {"mirror": self.server.url, "ca_file": str(self.server.ca_file)}
        for registry in cluster.get("registries", {}).values():
            registry["endpoint"] = "https://registry.example.com"
            registry.pop("ca_file", None)
        cluster["metal"]["ssh"] = self.ssh_settings(cluster["metal"]["hosts"])
        return config

    def ssh_settings(self, hosts: Document) -> Document:
        """Create an unused SSH key and a known_hosts file, and return their paths as SSH settings."""
        key, known_hosts = self.root / "key", self.root / "known_hosts"
        if not key.exists():
            key.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nb2ZmbGluZS1rZXktb2YtYS10ZXN0\n")
        known_hosts.write_text(
            "".join(f"{host['address']} ssh-ed25519 AAAA{name}\n" for name, host in hosts.items())
        )
        return {"private_key_file": str(key), "known_hosts_file": str(known_hosts)}

    def write_stack_file(self, name: str, config: Document) -> Path:
        """Write the stack file of the stack `name` with this configuration, and return its path."""
        path = self.root / f"Pulumi.{name}.yaml"
        write(path, config)
        return path

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment variables of the commands."""
        return {
            "KUBEWRIGHT_STATE": str(self.state),
            "KUBEWRIGHT_CACHE": str(self.cache),
            "PATH": self.search_path,
            VARIABLE: "",
            "PYTHONPATH": str(CHECKOUT),
        }

    @property
    def search_path(self) -> str:
        """Return PATH without official plugins, which the engine would prefer to the offline plugins."""
        plugins = [f"pulumi-resource-{name}" for name in OFFLINE_PLUGINS]
        directories = os.environ["PATH"].split(os.pathsep)
        kept = (each for each in directories if not any(Path(each, plugin).exists() for plugin in plugins))
        return os.pathsep.join(kept)

    def command(
        self, *words: str, check: bool = True, timeout: float = 900, **variables: str
    ) -> CommandResult:
        """Run `python -m automation <words>` with environment variables, and return the result."""
        return self.execute(words, check=check, timeout=timeout, variables=variables)

    def execute(
        self,
        words: Sequence[str],
        *,
        check: bool = True,
        timeout: float = 900,
        variables: Mapping[str, str] | None = None,
        stdin: str = "",
    ) -> CommandResult:
        """Run `python -m automation …` with these arguments, environment variables and standard input, and
        return the result.
        """
        environment = {**self.environment, **(variables or {})}
        return run(
            [sys.executable, "-m", "automation", *words],
            check=check,
            timeout=timeout,
            stdin=stdin,
            env=environment,
            cwd=self.root,
        )


def _index_json() -> str:
    """Return the index of a mirror with all artifacts of `_KUBERNETES_VERSIONS`, whose files do not exist."""
    files = {}
    for kubernetes in _KUBERNETES_VERSIONS:
        versions = replace(catalogue.DEFAULTS, kubernetes=kubernetes)
        for name in catalogue.NODE_ARTIFACTS:
            artifact_version = catalogue.version_of(name, versions)
            digest = hashlib.sha256(f"{name} {artifact_version}".encode()).hexdigest()
            files[f"{name}/{artifact_version}"] = {
                "path": f"files/{name}/{artifact_version}/{name}",
                "sha256": digest,
                "size": 1,
            }
    key = f"{host_program.ARTIFACT_NAME}/{host_program.digest()}"
    files[key] = {
        "path": f"files/{key}/{host_program.ARTIFACT_NAME}",
        "sha256": host_program.digest(),
        "size": 1,
    }
    return json.dumps({"files": files, "images": {}})
