"""Reads the configuration that the engine passes to the program of this repository."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pulumi

from components.inputs import Inputs
from settings import Settings
from settings.driver_keys import refuse_base, refuse_hosts_file
from settings.hosts_file import join_hosts
from settings.problem import CLUSTER_KEY
from settings.secret_paths import STACK_DIRECTORY, exposed_settings, secret_helm_values, secret_paths


def read_cluster_config() -> Any:  # noqa: ANN401 - any value of a stack file
    """Return the value of `kubewright:cluster`.

    If the value has a wrong type, return "", so that `settings.load` reports the problem. Raise SettingsError
    for keys that only the driver supports.
    """
    try:
        config = pulumi.Config("kubewright")
        refuse_base(config.get("base"), pulumi.get_stack())
        refuse_hosts_file(config.get("hosts-file"), Path.cwd(), pulumi.get_stack())
        return join_hosts(config.get_object("cluster") or {}, config.get("hosts-file"))
    except pulumi.ConfigTypeError:
        return ""


def read_secret_inputs(settings: Settings) -> Inputs:
    """Return the secret values of Helm charts as secret outputs, by their paths in the settings.

    Log a warning for each encrypted setting that the state contains in plain text. Credentials of registries
    are always secret.
    """
    has_secrets = pulumi.runtime.is_config_secret(CLUSTER_KEY)
    # Some versions of the engine's language host do not pass the root directory. Without the driver, the
    # program runs in the root directory.
    root = pulumi.runtime.get_root_directory() or os.environ.get(STACK_DIRECTORY) or "."
    secrets = secret_paths(Path(root), pulumi.get_stack(), has_secrets=has_secrets)
    for setting in exposed_settings(secrets):
        pulumi.warn(
            f"{CLUSTER_KEY}.{setting}: encrypted, but the state and the hosts contain the value in plain "
            "text; remove the secret from this setting; docs/secrets.md lists the settings that remain secret"
        )
    values = secret_helm_values(settings.helm_releases, secrets)
    return {path: pulumi.Output.secret(value) for path, value in values.items()}
