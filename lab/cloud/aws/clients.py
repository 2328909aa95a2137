"""Clients of the emulated AWS for the deployer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import boto3


def client(service: str, variables: Mapping[str, str]) -> Any:  # noqa: ANN401 — boto3 has a class for each service
    """Return a client of a service, such as `ec2`, with the environment variables of a deployer."""
    session = boto3.Session(
        variables["AWS_ACCESS_KEY_ID"],
        variables["AWS_SECRET_ACCESS_KEY"],
        region_name=variables["AWS_REGION"],
    )
    return session.client(  # type: ignore[call-overload]
        service, endpoint_url=variables["AWS_ENDPOINT_URL"], verify=variables.get("AWS_CA_BUNDLE")
    )
