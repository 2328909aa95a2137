"""Creates the work directories of stacks. The engine runs there and never writes into the checkout.

The engine writes into stack files (the salt of the passphrase) and expects them next to Pulumi.yaml. A work
directory contains a Pulumi.yaml whose `main` is a link to the program, and a copy of the stack file merged
with its bases. Every run renews the copy and keeps its salt.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from automation.environment import CHECKOUT, Environment
from automation.errors import UserError
from formats.documents import parse_yaml
from settings import hosts_file
from settings.bases import BaseError, MergedConfig, merge_bases
from settings.problem import CLUSTER_KEY

_SALT = "encryptionsalt"
# The name becomes the name of a directory that `down` removes, so it must not be "", ".." or a path. The
# maximum length is Pulumi's.
_STACK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_MAX_SHOWN_CHARACTERS = 40
"""Maximum number of characters of an invalid name that an error message repeats."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """The work directory of a stack."""

    stack: str
    directory: Path
    config: dict[str, Any]
    """The `config` mapping of the stack file, merged with the mappings of its bases."""

    @property
    def removal_marker(self) -> Path:
        """The file that exists while the hosts of a lab are being removed and the state does not match
        them.
        """
        return self.directory / "going-down"

    @property
    def merged_stack_file(self) -> Path:
        """The copy of the stack file that the engine reads."""
        return self.directory / f"Pulumi.{self.stack}.yaml"


def prepare(*, environment: Environment, stack: str, source: Path | None = None) -> Workspace:
    """Create or renew the work directory of a stack.

    `source` is the stack file (default: `Pulumi.<stack>.yaml` of the checkout). Raise `UserError` for an
    invalid stack name, and when the file is missing or not a mapping.
    """
    check_stack_name(stack)
    source = source or stack_file(stack)
    config = merged_config(source).config
    document = _read_yaml(source) | {"config": config}
    directory = environment.stack_directory(stack)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    project = _read_yaml(CHECKOUT / "Pulumi.yaml")
    project["main"] = "program"
    # The engine finds the interpreter of this process in PATH (`Environment.variables`).
    project["runtime"] = "python"
    _write_yaml(directory / "Pulumi.yaml", project)
    _update_link(directory / "program", CHECKOUT)
    workspace = Workspace(stack=stack, directory=directory, config=config)
    if _SALT not in document and workspace.merged_stack_file.exists():
        document |= {
            key: value for key, value in _read_yaml(workspace.merged_stack_file).items() if key == _SALT
        }
    document["config"] = _limit_config_size(config, directory)
    _write_yaml(workspace.merged_stack_file, document)
    return workspace


def stack_file(stack: str) -> Path:
    """Return the default path of a stack file. Raise `UserError` for an invalid stack name."""
    check_stack_name(stack)
    return CHECKOUT / f"Pulumi.{stack}.yaml"


def check_stack_name(stack: str) -> None:
    """Raise `UserError` for an invalid stack name."""
    if not _STACK_NAME.fullmatch(stack):
        shown = stack if len(stack) <= _MAX_SHOWN_CHARACTERS else stack[:_MAX_SHOWN_CHARACTERS] + "..."
        raise UserError(
            f"--stack: {shown!r}: allowed: letters, digits, and `.`, `_`, `-` after the first; 100 at most"
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
            f"{CLUSTER_KEY}: {size} bytes without its hosts; at most {hosts_file.MAX_CONFIG_BYTES} can be "
            "passed to the program; shorten it, for example move long Helm values into a chart of your own"
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
        raise UserError(f"{path.name}: cannot be read: {error.strerror}; name a stack file") from None
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
    """Write a file at once: kubectl can run `kubewright credential` while the engine reads the file."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(yaml.safe_dump(document, sort_keys=False))
    part.replace(path)


def _update_link(path: Path, target: Path) -> None:
    if path.is_symlink() and path.readlink() == target:
        return
    path.unlink(missing_ok=True)
    path.symlink_to(target)
