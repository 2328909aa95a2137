"""Helm releases from the settings [H5]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pulumi_kubernetes.core.v1 as core
from pulumi import ComponentResource, Output, Resource, ResourceOptions
from pulumi_kubernetes.helm.v3 import Release, RepositoryOptsArgs
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from components.addons.post_renderers import write_post_renderer
from components.api import Api
from components.inputs import Inputs, with_inputs
from settings.charts import is_oci_reference
from settings.helm_releases import HelmReleaseSettings
from settings.values_files import merge_values, parse_values


@dataclass(frozen=True, kw_only=True)
class HelmReleasesArgs:
    """Arguments of `HelmReleases`. `releases` are settings by release name; `after` are resources that
    releases may need, such as namespaces. `inputs` replace values and passwords of the settings by their path
    below `helm_releases`, such as `("web", "values", "password")`. `files` are the texts of the files of
    values, by their paths in the settings. `post_renderers` is the directory for programs that apply patches.
    """

    api: Api
    releases: Mapping[str, HelmReleaseSettings]
    after: Sequence[Resource] = ()
    inputs: Inputs = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    post_renderers: Path | None = None


class HelmReleases(ComponentResource):
    """The Helm releases that the settings describe, in the order that they need."""

    def __init__(self, name: str, args: HelmReleasesArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:HelmReleases", name, _shown_patches(args.releases), opts)
        namespaces = {
            settings.namespace: self._create_namespace(
                f"{name}-namespace-{settings.namespace}", settings, args
            )
            for settings in args.releases.values()
            if settings.namespace_labels
        }
        releases: dict[str, Release] = {}
        waits_for = {release: settings.after for release, settings in args.releases.items()}
        for release in TopologicalSorter(waits_for).static_order():
            settings = args.releases[release]
            releases[release] = Release(
                f"{name}-{release}",
                name=release,
                chart=settings.chart,
                version=settings.version,
                namespace=settings.namespace,
                create_namespace=settings.create_namespace,
                values=_values(release, settings, args),
                timeout=settings.timeout,
                atomic=settings.is_atomic,
                # Defaults are no inputs, so that releases of earlier versions do not change.
                skip_await=None if settings.wait else True,
                skip_crds=settings.skip_crds or None,
                dependency_update=settings.dependency_update or None,
                postrender=_post_renderer(settings, args.post_renderers),
                repository_opts=_repository_options(release, settings, args.inputs),
                opts=args.api.options(
                    self,
                    depends_on=[
                        *args.after,
                        *_find(namespaces, settings.namespace),
                        *(releases[other] for other in settings.after),
                    ],
                ),
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


def _shown_patches(releases: Mapping[str, HelmReleaseSettings]) -> dict[str, Any] | None:
    """Return the patches of all releases as inputs of the component, which a preview shows; None without any.

    The input of a release has only the name of the program that applies its patches.
    """
    patches = {
        name: [patch.to_json() for patch in release.patches]
        for name, release in releases.items()
        if release.patches
    }
    return {"patches": patches} if patches else None


def _post_renderer(settings: HelmReleaseSettings, directory: Path | None) -> str | None:
    """Return the program that applies the patches of a release; None without patches."""
    if not settings.patches or directory is None:
        return None
    return write_post_renderer(settings.patches, directory)


def _find(namespaces: Mapping[str, core.Namespace], name: str) -> list[Resource]:
    return [namespaces[name]] if name in namespaces else []


def _repository_options(
    release: str, settings: HelmReleaseSettings, inputs: Inputs
) -> RepositoryOptsArgs | None:
    """Return the chart repository of a release, with the password as a secret; None without a repository.

    For a registry, the plugin ignores these options, and the user name only shows who logs in.
    """
    repository = settings.repository
    if repository is None:
        return None
    if is_oci_reference(settings.chart):
        return RepositoryOptsArgs(username=repository.username)
    password = None
    if repository.password is not None:
        secret = inputs.get((release, "repository", "password"), repository.password.get_secret_value())
        password = Output.secret(secret)
    return RepositoryOptsArgs(
        repo=repository.url, ca_file=repository.ca_file, username=repository.username, password=password
    )


def _values(release: str, settings: HelmReleaseSettings, args: HelmReleasesArgs) -> Any:  # noqa: ANN401
    """Return the values of a release: its files in their order, then `values` with inputs in their places."""
    values: Any = {}
    for file in settings.values_files:
        values = merge_values(values, parse_values(args.files[file]))
    return _merge_inputs(values, with_inputs(dict(settings.values), args.inputs, (release, "values")))


def _merge_inputs(lower: Any, upper: Any) -> Any:  # noqa: ANN401  JSON with inputs
    """Return two values merged as `merge_values`. `upper` can contain outputs at any depth."""
    if isinstance(lower, Mapping) and isinstance(upper, Output):
        return upper.apply(lambda value: merge_values(lower, value))
    if not isinstance(lower, Mapping) or not isinstance(upper, Mapping):
        return upper
    merged = {
        key: _merge_inputs(lower[key], value) if key in lower else value for key, value in upper.items()
    }
    return {**lower, **merged}
