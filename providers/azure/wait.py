"""What `up` waits for on Azure, by the deployer's own credentials: statuses in the store, new nodes.

Run as `python3 -m providers.azure.wait gate|roll|pool|leave …`. It ends with 0 when what it waited for is
there, and with 1 and one line when it is not.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from azure.core import PipelineClient
from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.core.pipeline.policies import BearerTokenCredentialPolicy, RetryPolicy
from azure.core.rest import HttpRequest
from azure.storage.blob import ContainerClient

from providers.azure.credentials import CredentialError, credential
from providers.cloud.polling import Polling, WaitError, behind, ended, unhealthy, until

_ADVICE = "look at the machine's boot diagnostics, then run `up` again"
_COMPUTE_API = "2024-07-01"
_MANAGEMENT = "https://management.azure.com"
_GIVEN_UP = {"Faulted", "Cancelled"}
_EVER = datetime.min.replace(tzinfo=UTC)


class Blobs:
    """A container of the store. `url` is the container's."""

    def __init__(self, url: str, credential: TokenCredential, ca_file: str | None) -> None:
        checks: dict[str, Any] = {"connection_verify": ca_file} if ca_file else {}
        self._client = ContainerClient.from_container_url(url, credential=credential, **checks)

    def behind(self, keys: Iterable[str], digest: str, since: datetime = _EVER) -> list[str]:
        """The keys whose status is not the digest, or was written before `since`."""
        return behind(lambda key: self.status(key, since), keys, digest)

    def put(self, key: str, text: str) -> None:
        """Writes an object."""
        self._client.upload_blob(key, text.encode(), overwrite=True)

    def delete(self, key: str) -> None:
        """Deletes an object; one that is not there is no error."""
        with suppress(ResourceNotFoundError):
            self._client.delete_blob(key)

    def status(self, key: str, since: datetime = _EVER) -> str:
        """What a machine wrote there; empty when it has not yet, or not since then."""
        try:
            found = self._client.download_blob(key)
            text = found.readall().decode().strip()
        except ResourceNotFoundError:
            return ""
        written = found.properties.last_modified
        return text if written is None or written >= since else ""


@dataclass(frozen=True)
class GivenUp:
    """A rolling upgrade that ended before its time: when it began, by which it is known, and why it ended."""

    began: str
    why: str = field(compare=False)


class ScaleSets:
    """Scale sets and single machines, by Azure's management API at `url`."""

    def __init__(self, url: str, credential: TokenCredential, ca_file: str | None) -> None:
        checks: dict[str, Any] = {"connection_verify": ca_file} if ca_file else {}
        scope = f"{_MANAGEMENT}/.default"
        policies = [RetryPolicy(), BearerTokenCredentialPolicy(credential, scope)]
        self._url = url
        self._client = PipelineClient(url, policies=policies, **checks)

    def capacity(self, id: str) -> int:
        """How many nodes the set is to have."""
        return int(self._get(id)["sku"]["capacity"])

    def made(self, id: str) -> datetime:
        """When a single machine was made: one that is replaced keeps its id, and not this."""
        return datetime.fromisoformat(self._get(id)["properties"]["timeCreated"])

    def nodes(self, id: str) -> dict[str, bool]:
        """The set's machines by host name, which is their node's: whether each is as the set says now."""
        machines = [machine["properties"] for machine in self._pages(f"{id}/virtualMachines")]
        return {
            machine["osProfile"]["computerName"].lower(): bool(machine.get("latestModelApplied", True))
            for machine in machines
        }

    def given_up(self, id: str) -> GivenUp | None:
        """The set's latest upgrade, if it ended before its time."""
        try:
            properties = self._get(f"{id}/rollingUpgrades/latest")["properties"]
        except ResourceNotFoundError:
            return None
        running = properties.get("runningStatus", {})
        if running.get("code") not in _GIVEN_UP:
            return None
        why = properties.get("error", {}).get("message") or "no reason given"
        return GivenUp(began=str(running.get("startTime", "")), why=str(why))

    def _pages(self, path: str) -> Iterator[Mapping[str, Any]]:
        answer = self._get(path)
        yield from answer["value"]
        while link := answer.get("nextLink"):
            # A page's address is Azure's own; the token goes nowhere else.
            if urlsplit(link).netloc != urlsplit(self._url).netloc:
                raise WaitError(f"the next page of {path} is at another host; not asked")
            answer = self._send(link)
            yield from answer["value"]

    def _get(self, path: str) -> Mapping[str, Any]:
        return self._send(f"{self._url}{path}?api-version={_COMPUTE_API}")

    def _send(self, url: str) -> Mapping[str, Any]:
        response = self._client.send_request(HttpRequest("GET", url))
        if response.status_code == 404:
            raise ResourceNotFoundError(f"there is no {urlsplit(url).path}", response=response)
        response.raise_for_status()
        answer: Mapping[str, Any] = response.json()
        return answer


def gate(statuses: Blobs, keys: Sequence[str], digest: str, patience: Polling) -> None:
    """Waits until everything under the keys is healthy with that digest. Raises NotThereError."""
    _until(patience, lambda: unhealthy(statuses.behind(keys, digest)))


def roll(
    statuses: Blobs, machines: ScaleSets, id: str, keys: Sequence[str], digest: str, patience: Polling
) -> None:
    """Waits as `gate`, for what the machine that is there now wrote. Raises NotThereError.

    A machine may be replaced by one that becomes the same (another image or size): the status of the one
    before is no news of it.
    """
    since = machines.made(id).replace(microsecond=0)
    _until(patience, lambda: unhealthy(statuses.behind(keys, digest, since)))


def pool(
    statuses: Blobs,
    sets: ScaleSets,
    ids: Sequence[str],
    prefix: str,
    role: str,
    digest: str,
    patience: Polling,
) -> None:
    """Waits until all nodes of the scale sets are of the sets' latest description and healthy with that
    digest, and none is missing.

    A node writes `<prefix>/<node>/<role>`. Raises NotThereError, early where a set's upgrade gave up: at
    once, or after a while if it had ended before this began. That one may be the upgrade before, while Azure
    is about to begin the one that is waited for.
    """
    before = {id: sets.given_up(id) for id in ids}
    believed = time.monotonic() + patience.settle

    def failed(id: str) -> GivenUp | None:
        found = sets.given_up(id)
        return found if found != before[id] or time.monotonic() >= believed else None

    def settled() -> str:
        missing = []
        for id in ids:
            name = id.rsplit("/", 1)[-1]
            wanted, nodes = sets.capacity(id), sets.nodes(id)
            old = [node for node, latest in nodes.items() if not latest]
            waiting = unhealthy(statuses.behind((f"{prefix}/{node}/{role}" for node in nodes), digest))
            waiting = waiting or (f"not replaced yet: {', '.join(old[:3])}" if old else "")
            # An upgrade that failed long ago does not matter once every node is as it should be.
            if waiting and (ended_early := failed(id)):
                raise WaitError(
                    f"{name}: the replacement of its nodes ended: {ended_early.why}; mend it, run `up`"
                )
            if len(nodes) < wanted:
                missing.append(f"{len(nodes)} of {wanted} nodes of {name} are there")
            elif waiting:
                missing.append(waiting)
        return "; ".join(missing)

    _until(patience, settled)


def leave(objects: Blobs, asked: str, statuses: Blobs, answered: str, patience: Polling) -> None:
    """Tells a member to leave the cluster for good, and waits until it has. Raises NotThereError.

    `asked` is the key of that word, `answered` that of its answer. Both are gone afterwards: a machine that
    later comes under this name must not leave at once.
    """
    statuses.delete(answered)
    objects.put(asked, "leave\n")
    try:
        _until(patience, lambda: "" if statuses.status(answered) else f"the member has not left: {asked}")
    finally:
        objects.delete(asked)
    statuses.delete(answered)


def _until(patience: Polling, missing: Callable[[], str]) -> None:
    until(patience, missing, _ADVICE)


def arguments(words: Sequence[str]) -> argparse.Namespace:
    """The command line; ends the program with its usage when it is wrong."""
    parser = argparse.ArgumentParser(prog="python3 -m providers.azure.wait")
    parser.add_argument("--statuses", required=True, help="the URL of the container of statuses")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--management", default=_MANAGEMENT)
    parser.add_argument("--ca-file", default=None)
    parser.add_argument("--described", help="a digest of what is waited for, by which Pulumi sees it change")
    commands = parser.add_subparsers(dest="command", required=True)
    gates = commands.add_parser("gate")
    gates.add_argument("digest")
    gates.add_argument("keys", nargs="+")
    rolls = commands.add_parser("roll")
    rolls.add_argument("machine", help="its id")
    rolls.add_argument("digest")
    rolls.add_argument("keys", nargs="+")
    pools = commands.add_parser("pool")
    pools.add_argument("digest")
    pools.add_argument("prefix")
    pools.add_argument("role")
    pools.add_argument("sets", nargs="+", help="ids of scale sets")
    leaves = commands.add_parser("leave")
    leaves.add_argument("objects", help="the URL of the container that the member reads")
    leaves.add_argument("asked")
    leaves.add_argument("answered")
    return parser.parse_args(words)


def main(words: Sequence[str], who: Callable[[Mapping[str, str]], TokenCredential] = credential) -> int:
    """Does what the command line says; the program's exit code."""
    given = arguments(words)
    return ended(
        lambda: _do(given, who(os.environ), Polling(limit=given.seconds)),
        (CredentialError, AzureError, OSError),
    )


def _do(given: argparse.Namespace, own: TokenCredential, patience: Polling) -> None:
    statuses = Blobs(given.statuses, own, given.ca_file)
    management = ScaleSets(given.management, own, given.ca_file)
    if given.command == "gate":
        gate(statuses, given.keys, given.digest, patience)
    elif given.command == "roll":
        roll(statuses, management, given.machine, given.keys, given.digest, patience)
    elif given.command == "leave":
        leave(Blobs(given.objects, own, given.ca_file), given.asked, statuses, given.answered, patience)
    else:
        pool(statuses, management, given.sets, given.prefix, given.role, given.digest, patience)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
