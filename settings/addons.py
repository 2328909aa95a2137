"""Settings of Helm releases [H5]."""

from __future__ import annotations

from pydantic import Field, JsonValue

from settings.base import Section
from settings.types import Filled, HttpsUrl, Name


class HelmReleaseSettings(Section):
    """A Helm release.

    `chart`: a path (`./lab/charts/hello`, relative to the checkout), an `oci://` reference, or the
    name of a chart in `repository`. `timeout` in seconds.
    """

    chart: Filled
    repository: HttpsUrl | None = None
    version: Filled | None = None
    namespace: Name = "default"
    create_namespace: bool = False
    values: dict[str, JsonValue] = Field(default_factory=dict)
    timeout: int = Field(default=300, ge=1, le=3600)

    @property
    def is_path(self) -> bool:
        """Whether the chart is a directory or archive of the checkout."""
        return self.chart.startswith(("./", "../", "/"))
