"""Calls of the emulated Azure Resource Manager, with checks of all parameters before each call."""

from __future__ import annotations

import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from azure.core import PipelineClient
from azure.core.exceptions import AzureError
from azure.core.pipeline.policies import RetryPolicy
from azure.core.rest import HttpRequest, HttpResponse

from lab.plugins.generic.emulated import Missing
from lab.plugins.runtime.errors import PluginError

URL_VARIABLE = "KUBEWRIGHT_LAB_AZURE"
TOKEN_VARIABLE = "KUBEWRIGHT_LAB_AZURE_TOKEN"
CA_VARIABLE = "KUBEWRIGHT_LAB_AZURE_CA"
_POLL_SECONDS = 1.0
_OPERATION_SECONDS = 2400.0
_RUNNING = ("Creating", "Updating", "Deleting")


class Subscription:
    """A subscription of the emulated Azure, with the token of the deployer.

    Raise PluginError if the environment has no emulated Azure, so that this plugin never calls Azure.
    """

    def __init__(self, id: str, environment: Mapping[str, str]) -> None:
        if not is_emulated(environment):
            raise PluginError(
                f"{URL_VARIABLE} is not set; only the driver of a stack with a lab on Azure sets it"
            )
        self.id = id
        self._headers = {"Authorization": f"Bearer {environment[TOKEN_VARIABLE]}"}
        options: dict[str, Any] = {"connection_verify": environment.get(CA_VARIABLE) or True}
        self._url = environment[URL_VARIABLE].rstrip("/")
        self._client: PipelineClient[HttpRequest, HttpResponse] = PipelineClient(
            self._url, policies=[RetryPolicy()], **options
        )

    def put(self, id: str, version: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Create or change a resource, wait until this is complete, and return the resource."""
        self.call("PUT", id, version, body)
        return self._wait(id, version)

    def get(self, id: str, version: str) -> Mapping[str, Any]:
        """Return a resource. Raise Missing if it does not exist."""
        return self.call("GET", id, version)

    def delete(self, id: str, version: str) -> None:
        """Delete a resource and wait until it does not exist."""
        self.call("DELETE", id, version)
        try:
            self._wait(id, version)
        except Missing:
            return
        raise PluginError(f"{id}: the resource exists after its deletion")

    def _wait(self, id: str, version: str) -> Mapping[str, Any]:
        """Return the resource when no operation changes it. Raise PluginError after the time limit."""
        deadline = time.monotonic() + _OPERATION_SECONDS
        while (state := _state(resource := self.get(id, version))) in _RUNNING:
            if time.monotonic() > deadline:
                raise PluginError(f"{id}: still {state}")
            time.sleep(_POLL_SECONDS)
        return resource

    def call(
        self, method: str, id: str, version: str, body: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        """Send a request and return the response.

        Raise PluginError with the error of the API, or Missing if the resource to read does not exist.
        """
        request = HttpRequest(
            method, f"{self._url}{id}", params={"api-version": version}, headers=self._headers, json=body
        )
        try:
            response = self._client.send_request(request)
            content: Mapping[str, Any] = response.json() if response.read() else {}
        except (AzureError, ValueError) as error:
            raise PluginError(f"{method} {id}: {error}") from None
        if response.status_code < HTTPStatus.BAD_REQUEST:
            return content
        error_body = content.get("error", {})
        message = f"{method} {id}: {error_body.get('code', '')}: {error_body.get('message', '')}"
        if response.status_code == HTTPStatus.NOT_FOUND and method == "GET":
            raise Missing(message)
        raise PluginError(message)


def _state(resource: Mapping[str, Any]) -> str:
    return str((resource.get("properties") or {}).get("provisioningState", ""))


def is_emulated(environment: Mapping[str, str]) -> bool:
    """Check whether the environment variables of a process have an emulated subscription."""
    return bool(environment.get(URL_VARIABLE)) and bool(environment.get(TOKEN_VARIABLE))
