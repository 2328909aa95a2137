"""Clients of the program `providers.azure.wait`: statuses in the store, scale sets and machines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from azure.core import PipelineClient
from azure.core.credentials import TokenCredential
from azure.core.exceptions import ResourceNotFoundError
from azure.core.pipeline.policies import BearerTokenCredentialPolicy, RetryPolicy
from azure.core.rest import HttpRequest
from azure.storage.blob import ContainerClient

from providers.cloud.polling import WaitError, unreported_keys

MANAGEMENT = "https://management.azure.com"
_COMPUTE_API = "2024-07-01"
_FAILED_CODES = {"Faulted", "Cancelled"}
_EARLIEST = datetime.min.replace(tzinfo=UTC)


class StatusStore:
    """A client for one blob container of the store, at `url`, with objects or statuses of machines."""

    def __init__(self, url: str, credential: TokenCredential, ca_file: str | None) -> None:
        options: dict[str, Any] = {"connection_verify": ca_file} if ca_file else {}
        self._client = ContainerClient.from_container_url(url, credential=credential, **options)

    def unreported_keys(self, keys: Iterable[str], digest: str, since: datetime = _EARLIEST) -> list[str]:
        """Return the keys whose status is missing, not the expected digest, or older than `since`."""
        return unreported_keys(lambda key: self.status(key, since), keys, digest)

    def put(self, key: str, text: str) -> None:
        """Write an object to the container."""
        self._client.upload_blob(key, text.encode(), overwrite=True)

    def delete(self, key: str) -> None:
        """Delete an object from the container; a missing object is no error."""
        with suppress(ResourceNotFoundError):
            self._client.delete_blob(key)

    def status(self, key: str, since: datetime = _EARLIEST) -> str:
        """Return the status under a key; empty when no machine has written it since `since`."""
        try:
            blob = self._client.download_blob(key)
            text = blob.readall().decode().strip()
        except ResourceNotFoundError:
            return ""
        written = blob.properties.last_modified
        return text if written is None or written >= since else ""


@dataclass(frozen=True)
class FailedUpgrade:
    """A failed rolling upgrade of a scale set: its start time, which identifies it, and the reason."""

    start_time: str
    reason: str = field(compare=False)


class MachineGroups:
    """A client of the management API at `url`, for scale sets of pools and machines of members, by id."""

    def __init__(self, url: str, credential: TokenCredential, ca_file: str | None) -> None:
        options: dict[str, Any] = {"connection_verify": ca_file} if ca_file else {}
        scope = f"{MANAGEMENT}/.default"
        policies = [RetryPolicy(), BearerTokenCredentialPolicy(credential, scope)]
        self._url = url
        self._client = PipelineClient(url, policies=policies, **options)

    def capacity(self, id: str) -> int:
        """Return the desired size of a scale set."""
        return int(self._get_json(id)["sku"]["capacity"])

    def creation_time(self, id: str) -> datetime:
        """Return the creation time of a machine. A replacement keeps the id, but has a new time."""
        return datetime.fromisoformat(self._get_json(id)["properties"]["timeCreated"])

    def nodes(self, id: str) -> dict[str, bool]:
        """Return, by host name, whether each machine of a scale set has the latest model of the scale set."""
        machines = [machine["properties"] for machine in self._get_pages(f"{id}/virtualMachines")]
        return {
            machine["osProfile"]["computerName"].lower(): bool(machine.get("latestModelApplied", True))
            for machine in machines
        }

    def failed_upgrade(self, id: str) -> FailedUpgrade | None:
        """Return the latest rolling upgrade of a scale set if it failed, else None."""
        try:
            properties = self._get_json(f"{id}/rollingUpgrades/latest")["properties"]
        except ResourceNotFoundError:
            return None
        status = properties.get("runningStatus", {})
        if status.get("code") not in _FAILED_CODES:
            return None
        reason = properties.get("error", {}).get("message") or "no reason given"
        return FailedUpgrade(start_time=str(status.get("startTime", "")), reason=str(reason))

    def _get_pages(self, path: str) -> Iterator[Mapping[str, Any]]:
        response = self._get_json(path)
        yield from response["value"]
        while link := response.get("nextLink"):
            # The link must lead to the same host, because the request contains the token.
            if urlsplit(link).netloc != urlsplit(self._url).netloc:
                raise WaitError(f"the next page of {path} is at another host and was not requested")
            response = self._send_request(link)
            yield from response["value"]

    def _get_json(self, path: str) -> Mapping[str, Any]:
        return self._send_request(f"{self._url}{path}?api-version={_COMPUTE_API}")

    def _send_request(self, url: str) -> Mapping[str, Any]:
        response = self._client.send_request(HttpRequest("GET", url))
        if response.status_code == 404:
            raise ResourceNotFoundError(f"there is no {urlsplit(url).path}", response=response)
        response.raise_for_status()
        content: Mapping[str, Any] = response.json()
        return content
