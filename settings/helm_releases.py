"""Settings of the Helm releases that a stack installs [H5]."""

from __future__ import annotations

from typing import Any

from pydantic import Field, JsonValue, SecretStr, model_validator

from settings.base import Section
from settings.helm_patches import HelmPatchSettings
from settings.image_names import ImageName
from settings.types import FilePath, HttpsUrl, LabelKey, LabelValue, Name, NonEmpty, validate_https_url


class HelmRepositorySettings(Section):
    """A chart repository, or the login for the registry of an `oci://` chart. Use the URL as text instead of
    this mapping for a repository without credentials whose certificate authority the system trusts.
    """

    url: HttpsUrl | None = None
    """URL of the chart repository; not allowed for an `oci://` chart, whose reference names the registry."""
    ca_file: FilePath | None = None
    """PEM file of the certificate authority of the repository; default: the system's authorities. Not allowed
    for an `oci://` chart.
    """
    username: NonEmpty | None = None
    """User name for the repository or registry; required with `password`."""
    password: SecretStr | None = None
    """Password, as an encrypted value (`secure: …`); required with `username`. All releases of a registry
    have the same login.
    """

    @model_validator(mode="before")
    @classmethod
    def _accept_url(cls, value: object) -> object:
        """Return the mapping for a URL. Raise ValueError for a wrong URL, and for a value that is neither."""
        if isinstance(value, str):
            return {"url": validate_https_url(value)}
        if not isinstance(value, dict):
            raise ValueError("must be a URL, or a mapping with url; write the URL of the chart repository")
        return value


def _allow_url(schema: dict[str, Any]) -> None:
    """Add text to the types of a repository in a JSON Schema."""
    schema["anyOf"].insert(0, {"type": "string", "pattern": "^https://[^/@]+"})


class HelmReleaseSettings(Section):
    """A Helm release: a chart, its version and its values."""

    chart: NonEmpty
    """A path (`./charts/web`, relative to the checkout), an `oci://` reference, with a digest
    (`oci://registry.example/web@sha256:…`) or without, or a chart name in `repository`.
    """
    repository: HelmRepositorySettings | None = Field(default=None, json_schema_extra=_allow_url)
    """The chart repository: its URL, or a mapping with URL, certificate authority and credentials; required
    for a chart name, not allowed for paths. For an `oci://` reference, a mapping with `username` and
    `password` of the registry.
    """
    version: NonEmpty | None = None
    """Version of the chart; required for charts by name and for `oci://` references without a digest, so that
    all runs install the same chart. Helm refuses a version that has another digest.
    """
    patches: tuple[HelmPatchSettings, ...] = ()
    """Changes of rendered objects, for what a chart has no values for. Objects of hooks and
    CustomResourceDefinitions in the directory `crds` are not changed.
    """
    images: tuple[ImageName, ...] = ()
    """Images that pods of the release need and that its rendered objects do not name, such as those that an
    operator starts: `registry.example/tool:1.2`. `kubewright mirror --charts` adds them to the mirror.
    """
    namespace: Name = "default"
    """Namespace of the release."""
    create_namespace: bool = False
    """Create the namespace before the release."""
    namespace_labels: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    """Labels of the namespace that `create_namespace` creates, such as
    `pod-security.kubernetes.io/enforce: privileged`. The namespace remains when the release is removed.
    """
    values_files: tuple[FilePath, ...] = ()
    """YAML files with values of the chart in plain text. Later files override earlier files key by key, and
    `values` overrides all files.
    """
    values: dict[str, JsonValue] = Field(default_factory=dict)
    """Values of the chart; encrypt secret values (`secure: …`)."""
    timeout: int = Field(default=300, ge=1, le=3600)
    """Seconds after which an installation or upgrade fails if the release is not ready."""
    wait: bool = True
    """Wait until the objects of the release are ready."""
    atomic: bool | None = None
    """Uninstall a failed installation, and roll back a failed upgrade; default: the value of `wait`."""
    skip_crds: bool = False
    """Do not install the CustomResourceDefinitions in the directory `crds` of the chart."""
    dependency_update: bool = False
    """Download missing dependencies of a chart in a directory of the checkout into its directory `charts`."""
    after: tuple[Name, ...] = ()
    """Names of other releases that must be installed before this release. They are removed after this
    release.
    """

    @property
    def is_atomic(self) -> bool:
        """Whether Helm undoes a failed installation or upgrade."""
        return self.wait if self.atomic is None else self.atomic
