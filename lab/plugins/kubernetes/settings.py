"""The inputs of the provider itself. They have the official names and are checked without a cluster."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.plugins.runtime.errors import InvalidInput, PluginError
from lab.plugins.runtime.values import UNKNOWN, Value, reveal

from . import kubeconfig
from .errors import Unreachable
from .kubeconfig import Access

_FLAGS = {
    "deleteUnreachable": "PULUMI_K8S_DELETE_UNREACHABLE",
    "enableConfigMapMutable": "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE",
    "enablePatchForce": "PULUMI_K8S_ENABLE_PATCH_FORCE",
    "enableSecretMutable": "PULUMI_K8S_ENABLE_SECRET_MUTABLE",
    "enableServerSideApply": "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY",
    "skipUpdateUnreachable": "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE",
    "suppressDeprecationWarnings": "PULUMI_K8S_SUPPRESS_DEPRECATION_WARNINGS",
    "upsertExistingObjects": "PULUMI_K8S_UPSERT_EXISTING_OBJECTS",
}


@dataclass(frozen=True)
class Settings:
    """The configuration of the provider.

    Attributes:
        access: the cluster and the user; None for a missing or invalid kubeconfig.
        problem: the reason why `access` is None.
        namespace: the namespace of objects that do not set a namespace.
        helm: the input helmReleaseSettings.
    """

    access: Access | None = field(default=None, repr=False)
    problem: str = ""
    namespace: str = "default"
    delete_unreachable: bool = False
    skip_update_unreachable: bool = False
    config_maps_mutable: bool = False
    secrets_mutable: bool = False
    server_side_apply: bool = True
    patch_force: bool = False
    upsert: bool = False
    quiet: bool = False
    helm: Mapping[str, Any] = field(default_factory=dict)

    def result_if_unreachable(
        self, problem: Unreachable, state: Mapping[str, Value], inputs: Mapping[str, Value]
    ) -> tuple[dict[str, Value], dict[str, Value]]:
        """Return the state and inputs of a resource whose cluster is unreachable.

        With `delete_unreachable`, both are empty, so that the resource counts as deleted. With
        `skip_update_unreachable`, both are unchanged. Raise `problem` if neither setting is set.
        """
        if self.delete_unreachable:
            return {}, {}
        if self.skip_update_unreachable:
            return dict(state), dict(inputs)
        raise problem


def parse_settings(args: Mapping[str, Value]) -> Settings:
    """Parse the settings from the inputs of the provider and from the official environment variables.

    Raises:
        InvalidInput: a setting has a wrong type or is not supported.
    """
    plain = {key: reveal(value) for key, value in args.items()}
    flags = {name: _parse_flag(plain, name) for name in _FLAGS}
    if plain.get("renderYamlToDirectory"):
        raise InvalidInput(
            "renderYamlToDirectory",
            "renderYamlToDirectory is not supported by this stand-in; use the official kubernetes plugin",
        )
    access, problem = None, ""
    try:
        access = _resolve_access(plain)
    except PluginError as error:
        problem = str(error)
    helm = plain.get("helmReleaseSettings") or {}
    return Settings(
        access=access,
        problem=problem,
        namespace=str(plain.get("namespace") or (access.namespace if access else "default")),
        delete_unreachable=flags["deleteUnreachable"],
        skip_update_unreachable=flags["skipUpdateUnreachable"],
        config_maps_mutable=flags["enableConfigMapMutable"],
        secrets_mutable=flags["enableSecretMutable"],
        server_side_apply=flags["enableServerSideApply"],
        patch_force=flags["enablePatchForce"],
        upsert=flags["upsertExistingObjects"],
        quiet=flags["suppressDeprecationWarnings"],
        helm=_parse_object("helmReleaseSettings", helm),
    )


def _resolve_access(plain: Mapping[str, Any]) -> Access:
    """Return the cluster and user in the provider's kubeconfig, or in the default kubeconfig of the
    deployer.
    """
    source = plain.get("kubeconfig") or os.environ.get("KUBECONFIG", "").split(os.pathsep)[0]
    if isinstance(source, Mapping):
        source = json.dumps(source)
    source = source or str(Path.home() / ".kube" / "config")
    config = kubeconfig.read(str(source))
    return kubeconfig.resolve(
        config, context=str(plain.get("context") or ""), cluster=str(plain.get("cluster") or "")
    )


def _parse_flag(plain: Mapping[str, Any], name: str) -> bool:
    """Parse a Boolean setting, which is a Boolean or a text.

    A missing setting has the value of its environment variable.
    """
    value = plain.get(name)
    if value is None:
        value = os.environ.get(_FLAGS[name]) or name == "enableServerSideApply"
    text = str(value).lower()
    if text not in ("true", "false", "1", "0"):
        raise InvalidInput(name, f"provider setting {name} must be true or false, not {value!r}")
    return text in ("true", "1")


def _parse_object(name: str, value: Value) -> dict[str, Any]:
    """Parse a structured setting, which the SDK sends as JSON text."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise InvalidInput(name, f"provider setting {name} must be an object") from None
    if not isinstance(value, Mapping):
        raise InvalidInput(name, f"provider setting {name} must be an object")
    return dict(value)


def inputs_selecting_another_cluster(olds: Mapping[str, Value], news: Mapping[str, Value]) -> list[str]:
    """Return the provider inputs whose change selects another cluster, which replaces all resources.

    If clusterIdentifier is set, only this input decides. Otherwise the address of the server in the active
    context decides.
    """
    old, new = reveal(dict(olds)), reveal(dict(news))
    if any(new.get(name) is UNKNOWN for name in ("kubeconfig", "context", "cluster", "clusterIdentifier")):
        return []
    if old.get("clusterIdentifier") or new.get("clusterIdentifier"):
        same = old.get("clusterIdentifier") == new.get("clusterIdentifier")
        # A first identifier only names the cluster in use.
        return [] if same or not old.get("clusterIdentifier") else ["clusterIdentifier"]
    try:
        same = _resolve_access(old).server == _resolve_access(new).server
    except PluginError:
        return []
    return [] if same else ["kubeconfig"]
