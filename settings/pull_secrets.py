"""Settings of credentials of image registries for the pods of chosen namespaces [F4]."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from settings.base import Section
from settings.distribution import RegistryName
from settings.secret_values import is_placeholder
from settings.types import Name, NonEmpty, Subdomain


def _validate_username(text: str) -> str:
    if ":" in text or re.search(r"\s", text):
        raise ValueError("has a colon or spaces, which a login cannot have; correct it")
    return text


def _validate_password(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if not is_placeholder(secret) and (not text or text != text.strip() or "\n" in text):
        raise ValueError("is empty, or has spaces or newlines around it; give the password or token alone")
    return secret


class PullSecretSettings(Section):
    """Credentials of an image registry for the pods of chosen namespaces: a Secret of the type
    `kubernetes.io/dockerconfigjson` in each namespace, with the name of the entry.
    """

    registry: RegistryName
    """Registry as in names of images, such as `registry.corp.example` or `docker.io`."""
    username: Annotated[NonEmpty, AfterValidator(_validate_username)]
    """User of the registry."""
    password: Annotated[SecretStr, AfterValidator(_validate_password)]
    """Password or token of the user, as an encrypted value (`secure: …`)."""
    namespaces: tuple[Name, ...] = Field(min_length=1)
    """Namespaces that get the Secret: those of `access.namespaces`, or `default`."""
    service_accounts: tuple[Subdomain, ...] = ("default",)
    """Service accounts whose pods use the Secret, in each of the namespaces: `default`, or those of
    `access.service_accounts`. Without any, pods name the Secret themselves.
    """
