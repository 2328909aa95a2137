"""Credentials of image registries for the pods of chosen namespaces [F4]."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi_kubernetes.core.v1 as core
from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs, ObjectMetaPatchArgs

from components.addons.default_accounts import NAMESPACES as BUILT_IN_NAMESPACES
from components.api import Api
from settings.pull_secrets import PullSecretSettings

DEFAULT_ACCOUNT = "default"
_DOCKER_HUB = "https://index.docker.io/v1/"
"""The name of docker.io in files of credentials, for historical reasons."""


@dataclass(frozen=True, kw_only=True)
class PullSecretsArgs:
    """Arguments of `PullSecrets`.

    `passwords` are the passwords by the names of the entries. `after` are the resources that create the
    namespaces and service accounts of the settings.
    """

    api: Api
    pull_secrets: Mapping[str, PullSecretSettings]
    passwords: Mapping[str, Input[str]]
    after: Sequence[Resource]


class PullSecrets(ComponentResource):
    """The Secrets with credentials, and the service accounts that use them."""

    def __init__(self, name: str, args: PullSecretsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:PullSecrets", name, None, opts)
        self._name, self._args = name, args
        self._options = args.api.options(self, depends_on=args.after)
        secrets = {
            (namespace, key): self._create_secret(namespace, key, section)
            for key, section in args.pull_secrets.items()
            for namespace in section.namespaces
        }
        for (namespace, account), keys in self._users().items():
            self._add_to_account(namespace, account, [secrets[namespace, key] for key in keys], keys)
        self.register_outputs({})

    def _users(self) -> dict[tuple[str, str], list[str]]:
        """Return the names of the Secrets of each service account, by namespace and account."""
        users: dict[tuple[str, str], list[str]] = {}
        for key, section in sorted(self._args.pull_secrets.items()):
            for namespace in section.namespaces:
                for account in section.service_accounts:
                    users.setdefault((namespace, account), []).append(key)
        return users

    def _create_secret(self, namespace: str, key: str, section: PullSecretSettings) -> core.Secret:
        content: Output[str] = Output.secret(self._args.passwords[key]).apply(
            lambda password: docker_configuration(section.registry, section.username, password)
        )
        return core.Secret(
            f"{self._name}-{namespace}-{key}",
            metadata=ObjectMetaArgs(name=key, namespace=namespace),
            type="kubernetes.io/dockerconfigjson",
            string_data={".dockerconfigjson": content},
            opts=self._options,
        )

    def _add_to_account(
        self, namespace: str, account: str, secrets: Sequence[Resource], keys: Sequence[str]
    ) -> None:
        """Add all Secrets of an account at once: the API knows only the whole list of an account."""
        after = [*self._args.after, *secrets]
        if account == DEFAULT_ACCOUNT and namespace not in BUILT_IN_NAMESPACES:
            after.append(self._ensure_default_account(namespace))
        core.ServiceAccountPatch(
            f"{self._name}-{namespace}-account-{account}",
            metadata=ObjectMetaPatchArgs(name=account, namespace=namespace),
            image_pull_secrets=[core.LocalObjectReferencePatchArgs(name=key) for key in keys],
            opts=self._args.api.options(self, depends_on=after),
        )

    def _ensure_default_account(self, namespace: str) -> Resource:
        """Create the account `default`, which the controller manager creates soon after the namespace.

        It is never deleted: the tokens of running pods would become invalid.
        """
        return core.ServiceAccount(
            f"{self._name}-{namespace}-default",
            metadata=ObjectMetaArgs(name=DEFAULT_ACCOUNT, namespace=namespace),
            opts=ResourceOptions.merge(self._options, ResourceOptions(retain_on_delete=True)),
        )


def docker_configuration(registry: str, username: str, password: str) -> str:
    """Return the content of a Secret of the type `kubernetes.io/dockerconfigjson`."""
    login = base64.b64encode(f"{username}:{password}".encode()).decode()
    entry = {"username": username, "password": password, "auth": login}
    return json.dumps({"auths": {_DOCKER_HUB if registry == "docker.io" else registry: entry}})
