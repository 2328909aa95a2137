"""The programs of KEDA as processes on loopback, which the API server reaches by external names."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testkit.control_plane import ControlPlane, binary_path
from topology.keda import METRICS_SERVER, NAMESPACE, OPERATOR, WEBHOOK

_PATIENCE = {
    "KEDA_OPERATOR_LEADER_ELECTION_LEASE_DURATION": "300s",
    "KEDA_OPERATOR_LEADER_ELECTION_RENEW_DEADLINE": "240s",
}
"""Nothing starts the operator again when a busy machine makes it lose its lease, as a kubelet does."""
_HEALTH = "--health-probe-bind-address"


@dataclass(frozen=True)
class Ports:
    """The ports on loopback of a program: that of its service, and that of its probes or its metrics."""

    service: int
    other: int


def on_loopback(manifest: Any, ports: Mapping[str, Ports]) -> Any:  # noqa: ANN401 - JSON
    """Return an object of the add-on whose services are the programs on loopback."""
    name, kind = manifest["metadata"]["name"], manifest["kind"]
    if kind == "Service":
        manifest["spec"] = {
            "type": "ExternalName",
            "externalName": "localhost",
            "ports": [{"name": "service", "port": ports[name].service}],
        }
    elif kind == "APIService":
        manifest["spec"]["service"]["port"] = ports[METRICS_SERVER].service
    elif kind == "ValidatingWebhookConfiguration":
        for hook in manifest["webhooks"]:
            hook["clientConfig"]["service"]["port"] = ports[WEBHOOK].service
    return manifest


def start(
    program: str,
    pod: Any,  # noqa: ANN401 - JSON
    certificates: Mapping[str, str],
    control_plane: ControlPlane,
    ports: Mapping[str, Ports],
    directory: Path,
) -> subprocess.Popen[bytes]:
    """Start a program with the options, environment and account of its pod. Its log is `directory`/log.

    The directory of authorities is `directory`/authorities; a test can add authorities of sources of metrics.
    """
    for name, text in certificates.items():
        (directory / name).write_text(text)
    authorities = directory / "authorities"
    authorities.mkdir(exist_ok=True)
    (authorities / "ca.crt").write_text(certificates["ca.crt"])
    token = control_plane.kubectl("create", "token", pod["serviceAccountName"], "-n", NAMESPACE).strip()
    kubeconfig = json.loads(control_plane.kubeconfig)
    kubeconfig["users"] = [{"name": "admin", "user": {"token": token}}]
    (directory / "kubeconfig").write_text(json.dumps(kubeconfig))
    [container] = pod["containers"]
    paths = {"/certs": str(directory), "/authorities": str(authorities)}
    options = [_with_paths(option, paths) for option in container["args"]]
    variables = {item["name"]: item["value"] for item in container["env"]}
    environment = os.environ | variables | _PATIENCE | {"KUBECONFIG": str(directory / "kubeconfig")}
    command = [binary_path(program), *options, *_options_on_loopback(program, ports, directory)]
    with (directory / "log").open("wb") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, env=environment)


def _with_paths(option: str, paths: Mapping[str, str]) -> str:
    """Return an option whose value begins with a directory of the host instead of one of the pod."""
    name, separator, value = option.partition("=")
    for inside, outside in paths.items():
        if value == inside or value.startswith(f"{inside}/"):
            value = outside + value.removeprefix(inside)
            break
    return f"{name}{separator}{value}"


def _options_on_loopback(program: str, ports: Mapping[str, Ports], directory: Path) -> list[str]:
    """Return the options that replace ports of pods, and the address of the operator."""
    service, other = ports[program].service, ports[program].other
    if program == OPERATOR:
        return [f"--metrics-service-bind-address=127.0.0.1:{service}", f"{_HEALTH}=127.0.0.1:{other}"]
    if program == WEBHOOK:
        return [f"--port={service}", f"{_HEALTH}=127.0.0.1:{other}"]
    uses = ("authentication", "authorization", "lister")
    return [
        f"--secure-port={service}",
        f"--port={other}",
        f"--metrics-service-address=127.0.0.1:{ports[OPERATOR].service}",
        *(f"--{use}-kubeconfig={directory}/kubeconfig" for use in uses),
    ]
