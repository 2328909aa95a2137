"""Helm releases from the settings [H5]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pulumi import ComponentResource, Resource, ResourceOptions
from pulumi_kubernetes.helm.v3 import Release, RepositoryOptsArgs

from components.api import Api
from components.inputs import Inputs, with_inputs
from settings.addons import HelmReleaseSettings


@dataclass(frozen=True, kw_only=True)
class HelmReleasesArgs:
    """Arguments of `HelmReleases`. `releases` are settings by release name; `after` are resources that
    releases may need, such as namespaces. `inputs` replace values of the settings, such as secret values, by
    their path below `helm_releases`, such as `("web", "values", "password")`.
    """

    api: Api
    releases: Mapping[str, HelmReleaseSettings]
    after: Sequence[Resource] = ()
    inputs: Inputs = field(default_factory=dict)


class HelmReleases(ComponentResource):
    """The Helm releases that the settings describe. Helm rolls back a failed upgrade."""

    def __init__(self, name: str, args: HelmReleasesArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:HelmReleases", name, None, opts)
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
                repository_opts=RepositoryOptsArgs(repo=settings.repository) if settings.repository else None,
                opts=args.api.options(self, depends_on=args.after),
            )
        self.register_outputs({"releases": sorted(args.releases)})
