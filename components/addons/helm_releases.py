"""Helm releases from the settings [H5]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pulumi import ComponentResource, Input, Resource, ResourceOptions
from pulumi_kubernetes.helm.v3 import Release, RepositoryOptsArgs

from components.api import Api
from settings.addons import HelmReleaseSettings


@dataclass(frozen=True, kw_only=True)
class HelmReleasesArgs:
    """Arguments of `HelmReleases`. `releases` are settings by release name; `after` are resources that
    releases may need, such as namespaces.

    `values` are the values of charts by release name, with secret values as secret outputs. A release that
    is not in `values` has the values of its settings.
    """

    api: Api
    releases: Mapping[str, HelmReleaseSettings]
    values: Mapping[str, Input[Mapping[str, Any]]] = field(default_factory=dict)
    after: Sequence[Resource] = ()


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
                values=args.values.get(release, dict(settings.values)),
                timeout=settings.timeout,
                atomic=True,
                repository_opts=RepositoryOptsArgs(repo=settings.repository) if settings.repository else None,
                opts=args.api.options(self, depends_on=args.after),
            )
        self.register_outputs({"releases": sorted(args.releases)})
