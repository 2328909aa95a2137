"""Boot diagnostics: the console logs of machines, as blobs that need a signature and no token.

https://learn.microsoft.com/rest/api/compute/virtual-machines/retrieve-boot-diagnostics-data
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlencode

from lab import hosts
from lab.cloud.azure.resources import Resource
from lab.cloud.running import MachineStates, RunningMachine, admin_secret

_VALID_SECONDS = 120 * 60
"""The time for which a URL is valid when the request does not say how long."""


def is_enabled(resource: Resource) -> bool:
    """Check whether the machines of a virtual machine or scale set have boot diagnostics."""
    properties = resource.properties
    profile = properties.get("virtualMachineProfile", properties).get("diagnosticsProfile") or {}
    return bool((profile.get("bootDiagnostics") or {}).get("enabled"))


def describe_log(lab: str, url: str, machine: RunningMachine) -> Mapping[str, str]:
    """Return the URLs of the boot diagnostics of a machine. `url` is that of the emulated blob store."""
    expiry = datetime.fromtimestamp(time.time() + _VALID_SECONDS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "consoleScreenshotBlobUri": _signed(lab, url, _blob_path(machine, "screenshot.bmp"), expiry),
        "serialConsoleLogBlobUri": _signed(lab, url, _blob_path(machine, "serialconsole.log"), expiry),
    }


def is_signed(lab: str, path: str, expiry: str, signature: str) -> bool:
    """Check whether the signature of a URL is for this path, and still valid."""
    valid = expiry > datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return valid and hmac.compare_digest(signature, _signature(lab, path, expiry))


def read_log(lab: str, states: MachineStates, path: str) -> bytes | None:
    """Return the console log at the path of a blob; None if there is none."""
    for machine in states.all():
        if _blob_path(machine, "serialconsole.log") == path:
            file = hosts.console_file(lab, machine.host)
            return file.read_bytes() if file.exists() else None
    return None


def _blob_path(machine: RunningMachine, name: str) -> str:
    machine_name = machine.id.rpartition("/")[2]
    unique = uuid.uuid5(uuid.NAMESPACE_URL, machine.id)
    short = re.sub("[^a-z0-9]", "", machine_name.lower())[:9]
    return f"/bootdiagnostics-{short}-{unique}/{machine_name}.{unique}.{name}"


def _signed(lab: str, url: str, path: str, expiry: str) -> str:
    query = {"sv": "2021-12-02", "sr": "b", "se": expiry, "sp": "r", "sig": _signature(lab, path, expiry)}
    return f"{url}{path}?{urlencode(query)}"


def _signature(lab: str, path: str, expiry: str) -> str:
    text = f"r\n{expiry}\n{path}".encode()
    return hmac.new(admin_secret(lab).encode(), text, hashlib.sha256).hexdigest()
