"""Functions of the azure-native package that the program calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lab.plugins.azure_native.subscription import Subscription
from lab.plugins.runtime.values import Properties

_ID = "00000000-0000-0000-0000-000000000000"


def _get_client_config(subscription: Subscription, _: Properties) -> Properties:
    return {"clientId": _ID, "objectId": _ID, "subscriptionId": subscription.id, "tenantId": _ID}


FUNCTIONS: Mapping[str, Callable[[Subscription, Properties], Properties]] = {
    "azure-native:authorization:getClientConfig": _get_client_config,
}
"""The functions by token."""
