"""Settings of the identities of pods that all clouds share."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from settings.base import Section
from settings.types import validate_name, validate_subdomain


def _validate_service_account(text: str) -> str:
    namespace, slash, name = text.partition("/")
    try:
        if not slash:
            raise ValueError
        validate_name(namespace)
        validate_subdomain(name)
    except ValueError:
        raise ValueError("not a service account; allowed: NAMESPACE/NAME, such as web/reader") from None
    return text


ServiceAccount = Annotated[str, AfterValidator(_validate_service_account)]
"""A service account as `NAMESPACE/NAME`."""


class PodIdentitySettings(Section):
    """An identity of pods."""

    service_accounts: tuple[ServiceAccount, ...] = Field(min_length=1)
    """Service accounts whose pods have the identity, each as `NAMESPACE/NAME`."""
