"""Creates the work directories of stacks. The engine runs there and never writes into the checkout.

The engine writes into stack files (for example the salt of the passphrase) and expects them next to
Pulumi.yaml. A work directory therefore contains a Pulumi.yaml whose `main` is a link to the program, and a
copy of the stack file merged with its bases. Every run creates the copy again and keeps the encryption keys
of the earlier copy (`automation.stack_file`).
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from automation import stack_file as stack_files
from automation.environment import CHECKOUT, Environment
from automation.errors import UserError
from formats.documents import parse_yaml
from settings import hosts_file
from settings.bases import BaseError, MergedConfig, merge_bases
from settings.problem import CLUSTER_KEY

PROJECT = "kubewright"
LAB_KEY = "kubewright:lab"
POST_RENDERERS = "bin"
"""The directory of the work directory in which the program writes programs for Helm."""
# The stack name becomes the name of a directory that `down` removes, so it must not be "", ".." or a path.
# The maximum length is the limit of Pulumi. The name can begin with an organization, or with an organization
# and the project.
_STACK_NAME = re.compile(rf"([A-Za-z0-9_-]{{1,40}}/({PROJECT}/)?)?[A-Za-z0-9][A-Za-z0-9._-]{{0,99}}")
_MAX_SHOWN_CHARACTERS = 40
"""Maximum number of characters of an invalid name that an error message repeats."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """The work directory of a stack."""

    stack: str
    directory: Path
    config: dict[str, Any]
    """The `config` mapping of the stack file, merged with the mappings of its bases. For a stack with a
    Pulumi ESC environment, `automation.engine.config.add_environment_values` adds the values of the
    environment.
    """
    source: Path | None = None
    """The stack file of the user."""
    encryption_keys: Mapping[str, str] = field(default_factory=dict)
    """The encryption keys of the stack file: `secretsprovider`, `encryptedkey` and `encryptionsalt`."""
    project_backend: str = ""
    """The URL of the backend that Pulumi.yaml selects; empty if it selects none."""
    has_environment: bool = False
    """Whether the stack file imports environments of Pulumi ESC."""
    environment_values: tuple[str, ...] = ()
    """The secret values that come from Pulumi ESC environments and not from the stack file, as text."""

    @property
    def short_name(self) -> str:
        """The name of the stack without an organization: the NAME of `Pulumi.NAME.yaml`."""
        return short_name(self.stack)

    @property
    def is_lab(self) -> bool:
        """Whether the stack runs in the lab of this machine."""
        return LAB_KEY in self.config

    @property
    def lab_cloud(self) -> str:
        """The cloud that the lab of the stack emulates; empty without one."""
        lab = self.config.get(LAB_KEY)
        return str(lab.get("cloud", "")) if isinstance(lab, Mapping) else ""

    @property
    def host_count(self) -> int:
        """The number of hosts in the stack file; 0 for a cloud."""
        return len(hosts_file.hosts_of(self.config) or ())

    @property
    def removal_marker(self) -> Path:
        """The file that exists during the removal of a lab, while the state contains removed hosts."""
        return self.directory / "going-down"

    @property
    def merged_stack_file(self) -> Path:
        """The copy of the stack file that the engine reads."""
        return self.directory / f"Pulumi.{self.short_name}.yaml"

    @property
    def secrets_provider(self) -> str:
        """The secrets provider that the stack file names; empty for the default of the backend."""
        return self.encryption_keys.get(stack_files.PROVIDER, "")

    def has_passphrase(self, backend: str) -> bool:
        """Check whether a passphrase encrypts the secrets of the stack in the backend with this URL."""
        if self.secrets_provider:
            return self.secrets_provider == stack_files.PASSPHRASE_PROVIDER
        return stack_files.SALT in self.encryption_keys or not backend.startswith(("https://", "http://"))

    def save_encryption_keys(self) -> None:
        """Write the encryption keys that the engine generated into the stack file, if the file needs them.

        Raise `UserError` when the file cannot be written.
        """
        if self.source is None or not self.merged_stack_file.exists():
            return
        if stack_files.needs_encryption_keys(self.source.read_text()):
            merged = _read_yaml(self.merged_stack_file)
            keys = stack_files.encryption_keys_of(_read_yaml(self.source), merged)
            stack_files.write_encryption_keys(self.source, keys)


def prepare(*, environment: Environment, stack: str, source: Path | None = None) -> Workspace:
    """Create or renew the work directory of a stack.

    `source` is the stack file (default: `Pulumi.<stack>.yaml` of the checkout). Raise `UserError` for an
    invalid stack name, and when the file is missing or not a mapping.
    """
    check_stack_name(stack)
    source = source or stack_file(stack)
    config = merged_config(source).config
    document = _read_yaml(source)
    directory = environment.stack_directory(stack)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    project = _read_yaml(CHECKOUT / "Pulumi.yaml")
    backend = project.get("backend")
    merged_stack_file = directory / f"Pulumi.{short_name(stack)}.yaml"
    earlier = _read_yaml(merged_stack_file) if merged_stack_file.exists() else {}
    workspace = Workspace(
        stack=stack,
        directory=directory,
        config=config,
        source=source,
        encryption_keys=stack_files.encryption_keys_of(document, earlier),
        project_backend=str(backend.get("url") or "") if isinstance(backend, dict) else "",
        has_environment=bool(document.get("environment")),
    )
    project["main"] = "program"
    # The engine finds the interpreter of this process in PATH (`Environment.variables`).
    project["runtime"] = "python"
    _write_yaml(directory / "Pulumi.yaml", project)
    _update_link(directory / "program", CHECKOUT)
    merged = {**document, **workspace.encryption_keys, "config": _limit_config_size(config, directory)}
    _write_yaml(merged_stack_file, merged)
    return workspace


def short_name(stack: str) -> str:
    """Return the name of a stack without its organization and project."""
    return stack.rpartition("/")[2]


def stack_file(stack: str) -> Path:
    """Return the default path of a stack file. Raise `UserError` for an invalid stack name."""
    check_stack_name(stack)
    return CHECKOUT / f"Pulumi.{short_name(stack)}.yaml"


def check_stack_name(stack: str) -> None:
    """Raise `UserError` for an invalid stack name."""
    if not _STACK_NAME.fullmatch(stack):
        shown = stack if len(stack) <= _MAX_SHOWN_CHARACTERS else stack[:_MAX_SHOWN_CHARACTERS] + "..."
        raise UserError(
            f"--stack: {shown!r}: invalid name; allowed: letters, digits, and after the first character `.`, "
            "`_`, `-`; at most 100; with an organization: `acme/prod`"
        )


def merged_config(source: Path) -> MergedConfig:
    """Return the `config` of a stack file merged with its bases. Raise `UserError` for invalid files."""
    try:
        return merge_bases(source, _read_config)
    except BaseError as error:
        raise UserError(str(error)) from None


def _read_config(source: Path) -> dict[str, Any]:
    config = _read_yaml(source).get("config") or {}
    if not isinstance(config, dict):
        raise UserError(f"{source.name}: config: expected a mapping, with the key `kubewright:cluster`")
    return config


def _limit_config_size(config: dict[str, Any], directory: Path) -> dict[str, Any]:
    """Return the config. Move its hosts to a file when the config is too long for the engine.

    Raise `UserError` if the config is too long even without its hosts.
    """
    if hosts_file.config_size(config) <= hosts_file.MAX_CONFIG_BYTES:
        return config
    split_config = hosts_file.split_hosts(config)
    if split_config is not None:
        config, hosts = split_config
        file = directory / "hosts.json"
        file.write_text(json.dumps(hosts))
        config[hosts_file.HOSTS_FILE_KEY] = str(file)
    if (size := hosts_file.config_size(config)) > hosts_file.MAX_CONFIG_BYTES:
        raise UserError(
            f"{CLUSTER_KEY}: {size} bytes without its hosts; the engine can pass at most "
            f"{hosts_file.MAX_CONFIG_BYTES} bytes to the program; shorten the settings, for example move "
            "long Helm values into values_files"
        )
    return config


def remove_work_directory(workspace: Workspace) -> None:
    """Remove a work directory. The link to the program is deleted and not followed."""
    shutil.rmtree(workspace.directory)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        document = parse_yaml(path.read_text())
    except FileNotFoundError:
        raise UserError(f"{path.name}: no such stack file; write one with `kubewright new`") from None
    except OSError as error:
        raise UserError(
            f"{path.name}: cannot be read: {error.strerror}; name a readable stack file"
        ) from None
    except UnicodeDecodeError:
        raise UserError(
            f"{path.name}: is not a text file; name a stack file such as Pulumi.dev.yaml"
        ) from None
    except yaml.YAMLError as error:
        raise UserError(f"{path.name}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(document, dict):
        raise UserError(f"{path.name}: expected a mapping with the key `config`")
    return document


def _write_yaml(path: Path, document: dict[str, Any]) -> None:
    """Replace a file atomically, because the engine can read the file while kubectl runs `kubewright
    credential`, which writes the file.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(yaml.safe_dump(document, sort_keys=False))
    part.replace(path)


def _update_link(path: Path, target: Path) -> None:
    if path.is_symlink() and path.readlink() == target:
        return
    path.unlink(missing_ok=True)
    path.symlink_to(target)
