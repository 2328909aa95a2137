"""Calls of the emulated AWS API, with checks of all parameters before each call."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import Shape

from lab.plugins.aws import limits, shapes
from lab.plugins.aws.parameters import build_parameters
from lab.plugins.generic.emulated import Missing
from lab.plugins.runtime.errors import PluginError
from lab.plugins.runtime.values import Properties

URL_VARIABLE = "AWS_ENDPOINT_URL"
LAB_KEY_PREFIX = "KWLAB"
"""The start of the access keys of emulated accounts. Access keys of AWS start with `A`."""
_MISSING = ("NotFound", "NoSuch", "NotFoundException", "NoSuchEntity")


class Account:
    """An account of the emulated AWS, with the credentials of the deployer.

    Boto3 reads the URL, the keys and the certificate authority from the environment. Raise PluginError if the
    keys are not those of an emulated account, so that this plugin never calls AWS.
    """

    def __init__(self, region: str, environment: Mapping[str, str]) -> None:
        if not is_emulated(environment):
            raise PluginError(
                f"{URL_VARIABLE} and AWS_ACCESS_KEY_ID do not belong to an emulated account; only the driver "
                "of a stack with a lab sets them"
            )
        self.region = region
        self._session = boto3.Session(
            environment["AWS_ACCESS_KEY_ID"], environment.get("AWS_SECRET_ACCESS_KEY"), region_name=region
        )
        self._options = {
            "endpoint_url": environment[URL_VARIABLE],
            "verify": environment.get("AWS_CA_BUNDLE") or None,
            "config": Config(retries={"total_max_attempts": 3}, s3={"addressing_style": "path"}),
        }
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def client(self, service: str) -> Any:  # noqa: ANN401 — boto3 has a class for each service
        """Return the client of a service, such as `ec2`."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._session.client(service, **self._options)  # type: ignore[call-overload]
            return self._clients[service]

    def parameters(self, service: str, operation: str, *path: str) -> Shape:
        """Return the model of the parameters of an operation, or of the parameter at a path."""
        shape: Shape = self.client(service).meta.service_model.operation_model(operation).input_shape
        for name in path:
            members: Mapping[str, Shape] = shape.members  # type: ignore[attr-defined]
            shape = members[name]
        return shape

    def call(self, service: str, name: str, **parameters: Any) -> Any:  # noqa: ANN401 — JSON
        """Call an operation of the API and return its response.

        Raise PluginError with all parameters that AWS would refuse, or with the error of the API. Raise
        Missing if the resource does not exist.
        """
        problems = [
            *shapes.find_problems(self.parameters(service, name), parameters),
            *limits.find_problems(service, name, parameters),
        ]
        if problems:
            raise PluginError(f"{service}:{name}: {'; '.join(problems)}")
        try:
            return getattr(self.client(service), xform_name(name))(**parameters)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            message = f"{service}:{name}: {code}: {error.response.get('Error', {}).get('Message', '')}"
            if code == "404" or any(word in code for word in _MISSING):
                raise Missing(message) from None
            raise PluginError(message) from None
        except BotoCoreError as error:
            raise PluginError(f"{service}:{name}: {error}") from None

    def create(
        self,
        service: str,
        name: str,
        inputs: Properties,
        renames: Mapping[str, str] | None = None,
        **parameters: Any,  # noqa: ANN401 — JSON
    ) -> Any:  # noqa: ANN401 — JSON
        """Call an operation whose parameters are the inputs of a resource, and additional `parameters`.

        `renames` has the names of parameters by the name of the input, where they differ.
        """
        shape = self.parameters(service, name)
        return self.call(service, name, **build_parameters(shape, inputs, renames or {}), **parameters)


def is_emulated(environment: Mapping[str, str]) -> bool:
    """Check whether the environment variables of a process belong to an emulated account."""
    key = environment.get("AWS_ACCESS_KEY_ID", "")
    return bool(environment.get(URL_VARIABLE)) and key.startswith(LAB_KEY_PREFIX)
