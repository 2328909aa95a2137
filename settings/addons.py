"""Settings of Helm releases [H5]."""

from __future__ import annotations

from pydantic import Field, JsonValue

from settings.base import Section
from settings.types import HttpsUrl, Name, NonEmpty


class HelmReleaseSettings(Section):
    """A Helm release."""

    chart: NonEmpty
    """A path (`./charts/web`, relative to the checkout), an `oci://` reference, or a name in `repository`."""
    repository: HttpsUrl | None = None
    """URL of the repository; required for a chart given by its name, not allowed for others."""
    version: NonEmpty | None = None
    """Version of the chart; required unless the chart is a path, so that all runs install the same chart."""
    namespace: Name = "default"
    """Namespace of the release."""
    create_namespace: bool = False
    """Create the namespace before the release."""
    values: dict[str, JsonValue] = Field(default_factory=dict)
    """Values of the chart; encrypt secret ones (`secure: …`)."""
    timeout: int = Field(default=300, ge=1, le=3600)
    """Seconds until an installation or upgrade that is not ready fails."""

    @property
    def is_path(self) -> bool:
        """Whether the chart is a directory or archive of the checkout."""
        return self.chart.startswith(("./", "../", "/"))
