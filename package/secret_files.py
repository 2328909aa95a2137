"""Secret files of bundles that are not part of the PKI: credentials and kubeconfigs in the settings."""

from __future__ import annotations

from pulumi import Input, Output

from assembly import registry_credentials, target_credentials, webhook_secret_name
from components.inputs import Inputs, inputs_below
from components.registries import registry_secrets
from settings import Settings
from topology.model import Topology


def secret_files(topology: Topology, settings: Settings, inputs: Inputs) -> dict[str, Output[str]]:
    """Return the secret files by the names of their secrets. A secret in `inputs`, whose keys are paths in
    the settings, replaces the secret in the settings.
    """
    return {
        **registry_secrets(topology, _registry_credentials(settings, inputs)),
        **_webhook_kubeconfigs(settings, inputs),
        **_target_credentials(settings, inputs),
    }


def _registry_credentials(settings: Settings, inputs: Inputs) -> dict[str, tuple[str, Input[str]]]:
    """Return user and password of each registry by the name of its secret."""
    passwords = {f"registry-{path[0]}": value for path, value in inputs_below(inputs, "registries").items()}
    registry = settings.addons.registry
    password = ("addons", "registry", "users", registry.node_user or "", "password") if registry else ()
    if registry and password in inputs:
        passwords[f"registry-{registry.name}"] = inputs[password]
    return {
        name: (user, passwords.get(name, password))
        for name, (user, password) in registry_credentials(settings).items()
    }


def _webhook_kubeconfigs(settings: Settings, inputs: Inputs) -> dict[str, Output[str]]:
    """Return the kubeconfig of each authorization webhook by the name of its secret."""
    path = ("api", "authorization_webhooks")
    return {
        webhook_secret_name(name): Output.secret(
            inputs.get((*path, name, "kubeconfig"), webhook.kubeconfig.get_secret_value())
        )
        for name, webhook in settings.api.authorization_webhooks.items()
    }


def _target_credentials(settings: Settings, inputs: Inputs) -> dict[str, Output[str]]:
    """Return the credentials of each target of snapshots by the name of its secret."""
    return {
        item.target.secret: Output.secret(inputs.get(item.path, item.secret.get_secret_value())).apply(
            item.text
        )
        for item in target_credentials(settings)
    }
