"""Helm releases from the settings [H5]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi_kubernetes.core.v1 as core
from pulumi import ComponentResource, Output, Resource, ResourceOptions
from pulumi_kubernetes.helm.v3 import Release, RepositoryOptsArgs
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from components.api import Api
from components.inputs import Inputs, with_inputs
from settings.helm_releases import HelmReleaseSettings


@dataclass(frozen=True, kw_only=True)
class HelmReleasesArgs:
    """Arguments of `HelmReleases`. `releases` are settings by release name; `after` are resources that
    releases may need, such as namespaces. `inputs` replace values and passwords of the settings by their path
    below `helm_releases`, such as `("web", "values", "password")`.
    """

    api: Api
    releases: Mapping[str, HelmReleaseSettings]
    after: Sequence[Resource] = ()
    inputs: Inputs = field(default_factory=dict)


class HelmReleases(ComponentResource):
    """The Helm releases that the settings describe. Helm rolls back a failed upgrade."""

    def __init__(self, name: str, args: HelmReleasesArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:HelmReleases", name, None, opts)
        namespaces = {
            settings.namespace: self._create_namespace(
                f"{name}-namespace-{settings.namespace}", settings, args
            )
            for settings in args.releases.values()
            if settings.namespace_labels
        }
        for release, settings in args.releases.items():
            Release(
                f"{name}-{release}",
                name=release,
                chart=settings.chart,
                version=settings.version,
                namespace=settings.namespace,
                create_namespace=settings.create_namespace,
                values=with_inputs(dict(settings.values), args.inputs, (release, "values")),
                timeout=settings.timeout,
                atomic=True,
                repository_opts=_repository_options(release, settings, args.inputs),
                opts=args.api.options(self, depends_on=[*args.after, *_find(namespaces, settings.namespace)]),
            )
        self.register_outputs({"releases": sorted(args.releases)})

    def _create_namespace(
        self, name: str, settings: HelmReleaseSettings, args: HelmReleasesArgs
    ) -> core.Namespace:
        """Create the namespace of a release with its labels.

        Helm creates namespaces without labels, and Pod Security would refuse the first pods of the release.
        As with Helm, the namespace remains when the release is removed.
        """
        return core.Namespace(
            name,
            metadata=ObjectMetaArgs(name=settings.namespace, labels=settings.namespace_labels),
            opts=ResourceOptions.merge(
                args.api.options(self, depends_on=args.after), ResourceOptions(retain_on_delete=True)
            ),
        )


def _find(namespaces: Mapping[str, core.Namespace], name: str) -> list[Resource]:
    return [namespaces[name]] if name in namespaces else []


def _repository_options(
    release: str, settings: HelmReleaseSettings, inputs: Inputs
) -> RepositoryOptsArgs | None:
    """Return the chart repository of a release, with the password as a secret; None without a repository."""
    repository = settings.repository
    if repository is None:
        return None
    password = None
    if repository.password is not None:
        secret = inputs.get((release, "repository", "password"), repository.password.get_secret_value())
        password = Output.secret(secret)
    return RepositoryOptsArgs(
        repo=repository.url, ca_file=repository.ca_file, username=repository.username, password=password
    )
