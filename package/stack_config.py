"""The settings of a stack, as the engine passes them to the program of this repository."""

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
from settings.secret_leaves import STACK_DIRECTORY, exposed_settings, secret_helm_values, secret_leaves


def read_cluster_config() -> Any:  # noqa: ANN401 - any value of a stack file
    """Return the value of `kubewright:cluster`, or "" for a value of another type, which `settings.load`
    reports. Raise SettingsError for keys that only the driver handles.
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

    Warn about encrypted settings that do not stay secret. Credentials of registries are always secret.
    """
    has_secrets = pulumi.runtime.is_config_secret(CLUSTER_KEY)
    # Some releases of the engine's language host do not pass the root directory. Without the driver, the
    # program runs in it.
    root = pulumi.runtime.get_root_directory() or os.environ.get(STACK_DIRECTORY) or "."
    secrets = secret_leaves(Path(root), pulumi.get_stack(), has_secrets=has_secrets)
    for setting in exposed_settings(secrets):
        pulumi.warn(
            f"{CLUSTER_KEY}.{setting}: is encrypted, but the state and hosts contain it in plain text; "
            "only values of helm_releases and credentials of registries stay secret"
        )
    values = secret_helm_values(settings.helm_releases, secrets)
    return {path: pulumi.Output.secret(value) for path, value in values.items()}
