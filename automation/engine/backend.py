"""Selects the backend that stores the state of a stack, and the passphrase that encrypts its secrets.

The order is the same as in Pulumi: `PULUMI_BACKEND_URL`, `backend.url` in Pulumi.yaml, `pulumi login`,
`PULUMI_ACCESS_TOKEN`. If none of them is set, the state is in a directory on this machine. For a stack with
a lab, only `PULUMI_BACKEND_URL` selects another backend. Kubewright runs the engine with a separate engine
home, so this module reads the login from the engine home of the user.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from automation.environment import Environment
from automation.errors import UserError
from automation.workspace import PROJECT, Workspace

PULUMI_CLOUD = "https://api.pulumi.com"
_URL = "PULUMI_BACKEND_URL"
_PASSPHRASE = "PULUMI_CONFIG_PASSPHRASE"
_PASSPHRASE_FILE = "PULUMI_CONFIG_PASSPHRASE_FILE"
_CREDENTIALS_PATH = "PULUMI_CREDENTIALS_PATH"
_HOME = "PULUMI_HOME"


def backend_variables(
    environment: Environment, workspace: Workspace, variables: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment variables that select the backend and the passphrase of the engine.

    `variables` are the environment variables of the user. Raise `UserError` when a remote backend has no
    passphrase, because a generated passphrase would exist only on this machine. Also raise `UserError` when
    the state is on this machine, but a login selects another backend.
    """
    local = environment.state / "backend"
    url = variables.get(_URL) or _selected_url(workspace, variables) or ""
    if not url:
        local.mkdir(parents=True, exist_ok=True)
        url = local.as_uri()
    elif _URL not in variables and (local / _state_path(workspace)).exists():
        raise UserError(
            f"stack {workspace.stack}: the state is in {local}, but `pulumi login` or Pulumi.yaml selects "
            f"{_without_credentials(url)}; to keep the state there, set {_URL}={local.as_uri()}; to move the "
            'state, follow docs/secrets.md, "Backends"'
        )
    result = {_URL: url}
    home = _credentials_directory(variables)
    if (home / "credentials.json").is_file():
        result[_CREDENTIALS_PATH] = str(home)
    if not {_PASSPHRASE, _PASSPHRASE_FILE} & variables.keys() and workspace.has_passphrase(url):
        result[_PASSPHRASE_FILE] = str(_generated_passphrase(environment, workspace, url))
    return result


def state_directory(url: str) -> Path | None:
    """Return the directory of a `file://` backend; None for a remote backend."""
    address = urlsplit(url)
    if address.scheme != "file":
        return None
    return Path(os.path.expanduser(unquote(address.netloc + address.path)))


def _selected_url(workspace: Workspace, variables: Mapping[str, str]) -> str | None:
    """Return the URL that Pulumi.yaml, the login or the access token selects; None if no URL is selected."""
    if workspace.is_lab:
        return None
    if workspace.project_backend:
        return workspace.project_backend
    try:
        credentials = json.loads((_credentials_directory(variables) / "credentials.json").read_text())
        current = credentials.get("current") if isinstance(credentials, dict) else None
    except (OSError, ValueError):
        current = None
    return current or (PULUMI_CLOUD if variables.get("PULUMI_ACCESS_TOKEN") else None)


def _credentials_directory(variables: Mapping[str, str]) -> Path:
    """Return the directory with the credentials.json that `pulumi login` of the user writes."""
    path = variables.get(_CREDENTIALS_PATH) or variables.get(_HOME) or "~/.pulumi"
    return Path(path).expanduser()


def _state_path(workspace: Workspace) -> Path:
    return Path(".pulumi/stacks", PROJECT, f"{workspace.short_name}.json")


def _generated_passphrase(environment: Environment, workspace: Workspace, url: str) -> Path:
    """Return the file with the generated passphrase, which encrypts the secrets in the state.

    Create the file if it is missing. Raise `UserError` for a remote backend.
    """
    path = environment.state / "passphrase"
    if state_directory(url) is None:
        earlier = f" (earlier versions used the passphrase in {path})" if path.exists() else ""
        raise UserError(
            f"stack {workspace.stack}: the state is in {_without_credentials(url)}, and no passphrase is "
            "set; a generated passphrase would be lost together with this machine; set "
            f"{_PASSPHRASE} or {_PASSPHRASE_FILE}{earlier}, or set `secretsprovider` in "
            f"Pulumi.{workspace.short_name}.yaml to a key of a key management service (docs/secrets.md)"
        )
    if not path.exists():
        environment.state.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}")
        temporary.touch(mode=0o600)
        temporary.write_text(secrets.token_urlsafe(32))
        temporary.rename(path)
    return path


def _without_credentials(url: str) -> str:
    """Return a URL without its user, password and query, because these can contain secrets."""
    address = urlsplit(url)
    return f"{address.scheme}://{address.netloc.rpartition('@')[2]}{address.path}"
