"""Emulated Azure on the loopback interface, with machines that run the boot program, for tests of tokens."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

from lab.cloud.azure.attestation import Attestation
from lab.cloud.azure.instances import machine_id
from lab.cloud.azure.metadata import Metadata
from lab.cloud.azure.permissions import role_rights
from lab.cloud.azure.recorded_sets import record_scale_set
from lab.cloud.azure.responses import Server, in_background
from lab.cloud.azure.role_assignments import Right, RoleAssignment, write_assignments
from lab.cloud.azure.store import store_server
from lab.cloud.azure.tokens import AccessTokens
from lab.cloud.running import MachineStates, RunningMachine
from providers.azure.permissions import ADD_BLOBS, BLOB_READER, controller_actions
from providers.cloud.boot import render_program
from settings.clouds import CloudAddonSettings
from testkit.certificates import CertificateAndKey, issue_certificate

LAB = "unit"
AZURE = Path(__file__).resolve().parents[1] / "providers/azure"
SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/kubewright-dev"
SCALE_SET = f"{GROUP}/providers/Microsoft.Compute/virtualMachineScaleSets/general-1"
IDENTITIES = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
TOKEN = "abc123.0123456789abcdef"
_LOOPBACK = "127.0.0.1"


def worker(number: int) -> RunningMachine:
    """Return an instance of the scale set of a pool."""
    return _machine(
        f"{SCALE_SET}/virtualMachines/{number}", f"general-1-00000{number}", "pool-general", number
    )


def control_plane() -> RunningMachine:
    """Return a control plane."""
    return _machine(f"{GROUP}/providers/Microsoft.Compute/virtualMachines/cp-1", "cp-1", "control-plane", 200)


def _machine(id: str, name: str, identity: str, number: int) -> RunningMachine:
    client = str(uuid.uuid5(uuid.NAMESPACE_URL, identity))
    return RunningMachine(
        id=id,
        host=name,
        address=f"10.0.0.{number}",
        hostname=name.upper(),
        zone="1",
        region="westeurope",
        identity=client,
        identities={f"{IDENTITIES}/dev-{identity}": client},
        group="general-1" if "ScaleSets" in id else "",
    )


@dataclass(frozen=True, kw_only=True)
class JoinCloud:
    """The emulated Azure. Only one machine at a time has the address of the clients of a test.

    `root` is the authority that machines trust, with its certificate in the file `ca`.
    """

    directory: Path
    metadata: str
    api: str
    ca: Path
    root: CertificateAndKey
    attestation: Attestation

    def add(self, machine: RunningMachine) -> None:
        """Add a machine to Azure."""
        MachineStates.of(LAB).add(machine)

    def call(self, machine: RunningMachine, *words: str) -> subprocess.CompletedProcess[str]:
        """Call a function of the boot program on a machine."""
        kind = "pools" if machine.group else "members/control-plane"
        parts = ("boot.sh",) if machine.group else ("boot.sh", "boot_joins.py", "boot-machines.sh")
        program = self.directory / f"{machine.host}.sh"
        program.write_text(render_program([AZURE / part for part in parts], self._variables(machine, kind)))
        with self._acting(machine):
            return subprocess.run(
                ["sh", str(program), "call", *words],
                env={"PATH": os.environ["PATH"], "KUBEWRIGHT_ROOT": str(self.directory / machine.host)},
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )

    def run_file(self, machine: RunningMachine, name: str) -> Path:
        """Return the path of a file in the directory of the boot program on a machine."""
        path = self.directory / machine.host / "run/kubewright-boot" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def join(self, machine: RunningMachine, token: str = TOKEN) -> subprocess.CompletedProcess[str]:
        """Let a machine give a token to the control planes."""
        file = self.run_file(machine, "token")
        file.write_text(f"{token}\n")
        return self.call(machine, "cloud_join", str(file))

    def document(self, machine: RunningMachine, nonce: str) -> bytes:
        """Return the document that a machine gets for a nonce."""
        with self._acting(machine):
            url = f"{self.metadata}/metadata/attested/document?api-version=2020-09-01&nonce={nonce}"
            with urlopen(Request(url, headers={"Metadata": "true"}), timeout=20) as response:
                return base64.b64decode(json.load(response)["signature"])

    def write(self, machine: RunningMachine, name: str, content: bytes) -> int:
        """Write a blob below `joins/` as a machine. Return the status of the response."""
        headers = {"x-ms-blob-type": "BlockBlob"}
        return self.request(machine, "PUT", f"joins/{name}", content, headers)[0]

    def request(
        self,
        machine: RunningMachine,
        method: str,
        path: str,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, str]:
        """Send a request to the API as a machine. Return status and body of the response."""
        resource = (
            "https://management.azure.com/" if path.startswith("subscr") else "https://storage.azure.com/"
        )
        with self._acting(machine):
            own = {
                "Authorization": f"Bearer {self._access_token(machine, resource)}",
                "x-ms-version": "2021-12-02",
            }
            request = Request(
                f"{self.api}/{path}", method=method, data=content, headers={**own, **(headers or {})}
            )
            try:
                with urlopen(request, timeout=20) as response:
                    return response.status, response.read().decode()
            except HTTPError as error:
                return error.code, error.read().decode()

    def _access_token(self, machine: RunningMachine, resource: str) -> str:
        (identity,) = machine.identities
        query = f"api-version=2018-02-01&resource={quote(resource)}&msi_res_id={quote(identity, safe='')}"
        url = f"{self.metadata}/metadata/identity/oauth2/token?{query}"
        with urlopen(Request(url, headers={"Metadata": "true"}), timeout=20) as response:
            return str(json.load(response)["access_token"])

    @contextmanager
    def _acting(self, machine: RunningMachine) -> Iterator[None]:
        states = MachineStates.of(LAB)
        states.update(machine.id, address=_LOOPBACK)
        try:
            yield
        finally:
            states.update(machine.id, address=machine.address)

    def _variables(self, machine: RunningMachine, kind: str) -> dict[str, str]:
        (identity,) = machine.identities
        return {
            "UNIT": "general",
            "KIND": kind,
            "ROLES": "node",
            "CA": self.ca.read_text().strip(),
            "STORE": self.api,
            "CONTAINER": "pool-general",
            "IDENTITY": quote(identity, safe=""),
            "STORAGE": quote("https://storage.azure.com/", safe=""),
            "METADATA": self.metadata,
            "JOINS": "joins",
            "MANAGEMENT": self.api,
            "MANAGEMENT_RESOURCE": quote("https://management.azure.com/", safe=""),
            "GROUP": GROUP,
            "DOMAIN": "metadata.azure.com",
        }


@contextmanager
def join_cloud(directory: Path) -> Iterator[JoinCloud]:
    """Serve an emulated Azure with a scale set and a control plane.

    The caller must set `KUBEWRIGHT_STATE`. Machines have the roles that the program gives to them.
    """
    root = issue_certificate("root of the test")
    ca = directory / "ca.pem"
    ca.write_bytes(root.certificate_pem)
    tokens = AccessTokens("deployer")
    handler = type("Handler", (Metadata,), {"states": MachineStates.of(LAB), "tokens": tokens})
    with (
        in_background(Server((_LOOPBACK, 0), handler)) as metadata,
        in_background(store_server(LAB, (_LOOPBACK, 0), tokens)) as store,
    ):
        url = f"http://{_LOOPBACK}:{metadata.server_address[1]}"
        attestation = Attestation.create(root.certificate, root.key, url)
        setattr(handler, "attestation", attestation)  # noqa: B010 — an attribute of a new class
        write_assignments(LAB, _assignments())
        record_scale_set(LAB, SCALE_SET)
        cloud = JoinCloud(
            directory=directory,
            metadata=url,
            api=f"http://{_LOOPBACK}:{store.server_address[1]}",
            ca=ca,
            root=root,
            attestation=attestation,
        )
        cloud.add(control_plane())
        yield cloud


def _assignments() -> list[RoleAssignment]:
    """Return the permissions of the identities by the roles that the program creates."""
    pool, control = worker(1).identity, control_plane().identity
    actions = controller_actions(CloudAddonSettings())
    return [
        *(RoleAssignment(pool, right, "joins") for right in role_rights("", [{"dataActions": [ADD_BLOBS]}])),
        *(RoleAssignment(control, right, "joins") for right in role_rights(BLOB_READER, [])),
        *(
            RoleAssignment(control, right, GROUP)
            for right in role_rights("", [{"actions": actions}])
            if right is Right.READ_MACHINES
        ),
    ]


def nonce(token: str) -> str:
    """Return the nonce of a token."""
    return hashlib.sha256(token.encode()).hexdigest()[:32]


def started_before(machine: RunningMachine, seconds: float) -> RunningMachine:
    """Return a machine that started some seconds ago."""
    return replace(machine, started=datetime.now(UTC).timestamp() - seconds)


def join_name(machine: RunningMachine, attempt: int = 1) -> str:
    """Return the name of a blob with a token of a machine, in the container."""
    return f"{machine_id(machine)}/{attempt:016x}"
