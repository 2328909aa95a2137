"""The directory the engine runs a stack in, so that it never writes into the checkout.

The engine writes into stack files (the salt of the passphrase) and wants them beside Pulumi.yaml.
A work directory holds a Pulumi.yaml whose `main` is a link to the program, and a copy of the stack
file with its bases laid under it, renewed at every run; the salt of the copy is kept.
"""

from __future__ import annotations

import json
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
from settings.problem import OBJECT

_SALT = "encryptionsalt"
# It becomes the name of a directory, which `down` removes: never "", ".." or a path. Pulumi's own limit.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_SHOWN = 40
"""Characters of a wrong name that an error repeats."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """A stack's work directory."""

    stack: str
    directory: Path
    config: dict[str, Any]
    """The stack file's `config` mapping, over those of its bases."""

    @property
    def going(self) -> Path:
        """Exists while the stack is taken down: what it stands for is then no longer there."""
        return self.directory / "going-down"

    @property
    def file(self) -> Path:
        """The engine's copy of the stack file."""
        return self.directory / f"Pulumi.{self.stack}.yaml"


def prepare(*, environment: Environment, stack: str, source: Path | None = None) -> Workspace:
    """Makes or renews the work directory of a stack.

    `source` is the stack file (default: `Pulumi.<stack>.yaml` of the checkout). Raises `UserError`
    when it is missing or not a mapping, and for a stack's name that is none.
    """
    check_stack_name(stack)
    source = source or stack_file(stack)
    config = merged_config(source).config
    document = _read(source) | {"config": config}
    directory = environment.stack(stack)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    project = _read(CHECKOUT / "Pulumi.yaml")
    project["main"] = "program"
    _write(directory / "Pulumi.yaml", project)
    _link(directory / "program", CHECKOUT)
    workspace = Workspace(stack=stack, directory=directory, config=config)
    if _SALT not in document and workspace.file.exists():
        document |= {key: value for key, value in _read(workspace.file).items() if key == _SALT}
    document["config"] = _fitting(config, directory)
    _write(workspace.file, document)
    return workspace


def stack_file(stack: str) -> Path:
    """Where a stack's file is, unless the user names another. Raises `UserError` for a name that is none."""
    check_stack_name(stack)
    return CHECKOUT / f"Pulumi.{stack}.yaml"


def check_stack_name(stack: str) -> None:
    """Raises `UserError` for a name that no stack can have."""
    if not _NAME.fullmatch(stack):
        shown = stack if len(stack) <= _SHOWN else stack[:_SHOWN] + "..."
        raise UserError(
            f"--stack: {shown!r}: allowed: letters, digits, and `.`, `_`, `-` after the first; 100 at most"
        )


def merged_config(source: Path) -> MergedConfig:
    """A stack file's settings over those of its bases. Raises `UserError` for one that cannot be used."""
    try:
        return merge_bases(source, _config)
    except BaseError as error:
        raise UserError(str(error)) from None


def _config(source: Path) -> dict[str, Any]:
    config = _read(source).get("config") or {}
    if not isinstance(config, dict):
        raise UserError(f"{source.name}: config: expected a mapping, with the key `kubewright:cluster`")
    return config


def _fitting(config: dict[str, Any], directory: Path) -> dict[str, Any]:
    """What the engine can hand to the program. Raises `UserError` for what is too long without hosts, too."""
    if hosts_file.config_size(config) <= hosts_file.MAX_CONFIG_BYTES:
        return config
    parts = hosts_file.split_hosts(config)
    if parts is not None:
        config, hosts = parts
        file = directory / "hosts.json"
        file.write_text(json.dumps(hosts))
        config[hosts_file.HOSTS_FILE] = str(file)
    if (size := hosts_file.config_size(config)) > hosts_file.MAX_CONFIG_BYTES:
        raise UserError(
            f"{OBJECT}: {size} bytes beside its hosts, and the engine can hand {hosts_file.MAX_CONFIG_BYTES} "
            "to the program; shorten it: long Helm values can be the defaults of a chart of your own"
        )
    return config


def remove(workspace: Workspace) -> None:
    """Removes a work directory; the link to the program is removed, not followed."""
    shutil.rmtree(workspace.directory)


def _read(path: Path) -> dict[str, Any]:
    try:
        document = parse_yaml(path.read_text())
    except FileNotFoundError:
        raise UserError(f"{path.name}: no such stack file; copy one of the examples and edit it") from None
    except OSError as error:
        raise UserError(f"{path.name}: cannot be read: {error.strerror}; name a stack file") from None
    except UnicodeDecodeError:
        raise UserError(f"{path.name}: is no text; name a stack file such as Pulumi.dev.yaml") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path.name}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(document, dict):
        raise UserError(f"{path.name}: expected a mapping at the top, with the key `config`")
    return document


def _write(path: Path, document: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(document, sort_keys=False))


def _link(path: Path, target: Path) -> None:
    if path.is_symlink() and path.readlink() == target:
        return
    path.unlink(missing_ok=True)
    path.symlink_to(target)
