"""The clouds that Kubewright supports. A new cloud needs a package `providers/<cloud>` and a line in this
module.
"""

from __future__ import annotations

from providers.aws.descriptor import AWS
from providers.azure.descriptor import AZURE
from providers.descriptor import CloudDescriptor

CLOUDS: tuple[CloudDescriptor, ...] = (AWS, AZURE)


def by_section(section: str) -> CloudDescriptor | None:
    """Return the descriptor of the cloud with this section in the settings; None for other sections."""
    return next((cloud for cloud in CLOUDS if cloud.settings_section == section), None)


def by_type(resource_type: str) -> CloudDescriptor | None:
    """Return the descriptor of the cloud whose plugin provides this type token; None for other plugins."""
    plugin = resource_type.partition(":")[0]
    return next((cloud for cloud in CLOUDS if cloud.plugin == plugin), None)
