"""Where a Helm chart comes from: the kinds of values of `chart` in the settings."""

from __future__ import annotations


def is_path(chart: str) -> bool:
    """Whether a chart is a directory or archive of the checkout."""
    return chart.startswith(("./", "../", "/"))


def is_oci_reference(chart: str) -> bool:
    """Whether a chart comes from an OCI registry."""
    return chart.startswith("oci://")


def needs_repository(chart: str) -> bool:
    """Whether a chart is a name in a chart repository."""
    return not is_path(chart) and not is_oci_reference(chart)
