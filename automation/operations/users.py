"""The `user` command [I2]: issues and revokes kubeconfigs of users.

The private key is created on this machine and never leaves it. The cluster signs a certificate request.
Every issued certificate has a unique group, and a RoleBinding grants permissions to that group. Kubernetes
cannot revoke a certificate. But without the RoleBinding the certificate permits nothing, also after the
same user gets a new certificate.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from automation.environment import Environment
from automation.errors import UserError
from automation.operations.target import Target

_LABEL = "kubewright.dev/person"
_SIGNER = "kubernetes.io/kube-apiserver-client"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?")
_GROUP = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.:]{0,61}[A-Za-z0-9])?")
_RESERVED = ("system:", "kubewright:")
_SIGN_SECONDS = 30


@dataclass(frozen=True, slots=True)
class User:
    """The user of a kubeconfig.

    `groups` are the names of groups to which bindings in the stack file grant permissions. `role` is the name
    of a ClusterRole.
    """

    name: str
    groups: tuple[str, ...]
    namespace: str
    role: str
    days: int

    def problems(self) -> list[str]:
        """Return a line for each invalid field of the user, with the option that sets the field."""
        problems = []
        if not _NAME.fullmatch(self.name):
            problems.append(
                f"--name {self.name!r}: expected at most 63 of a-z, 0-9 and, between them, - and ."
            )
        for group in self.groups:
            if not _GROUP.fullmatch(group) or group.startswith(_RESERVED):
                problems.append(
                    f"--group {group!r}: expected letters, digits and -_.: without a prefix "
                    f"{' or '.join(_RESERVED)}"
                )
        if self.namespace and not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", self.namespace):
            problems.append(f"--namespace {self.namespace!r}: not a valid name of a namespace")
        if not self.namespace and not self.groups:
            problems.append(
                "--namespace or --group: one is needed; without both the kubeconfig permits nothing"
            )
        if not 1 <= self.days <= 365:
            problems.append(f"--days {self.days}: expected 1 to 365")
        return problems


def issue(target: Target, user: User, file: Path | None) -> Path:
    """Issue a kubeconfig for a user in a file that only its owner can read. Raise UserError on failure."""
    problems = user.problems()
    if problems:
        raise UserError("\n".join(problems))
    api = KubernetesApi(target.environment, target.stack)
    if user.namespace:
        api.require_object("namespace", user.namespace)
        api.require_object("clusterrole", user.role)
    serial = f"{user.name}-{secrets.token_hex(4)}"
    unique_group = f"kubewright:person:{serial}"
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _sign_request(
        api, serial, certificate_request(key, user.name, (*user.groups, unique_group)), user.days
    )
    if user.namespace:
        api.apply(role_binding(user, serial, unique_group))
    path = file or target.environment.state / "people" / target.stack / f"{user.name}.kubeconfig"
    _write_private_file(
        path, json.dumps(kubeconfig(api.admin_kubeconfig(), user, certificate, key), indent=1)
    )
    expires = x509.load_pem_x509_certificate(certificate).not_valid_after_utc
    print(f"{path} (valid until {expires:%Y-%m-%d %H:%M} UTC)")
    requested = datetime.now(UTC).timestamp() + user.days * 86400
    if expires.timestamp() < requested - 3600:
        print("the certificate expires earlier than requested: the cluster limits the duration")
    return path


def revoke(target: Target, name: str) -> int:
    """Remove every binding that `issue` created for a user. Return 1 when there is no binding."""
    api = KubernetesApi(target.environment, target.stack)
    bindings = api.get("rolebindings", "--all-namespaces", f"--selector={_LABEL}={name}")["items"]
    for item in bindings:
        namespace, binding_name = item["metadata"]["namespace"], item["metadata"]["name"]
        api.kubectl("delete", "rolebinding", f"--namespace={namespace}", binding_name)
        print(f"{name}: removed {item['roleRef']['name']} in {namespace}")
    if not bindings:
        print(f"{name}: no binding exists for this name")
    groups = {group for item in bindings for group in _groups_of_binding(item)}
    for kind, namespace, binding_name in _configured_bindings(api, name, groups):
        where = f"{kind} {binding_name}" + (f" in {namespace}" if namespace else "")
        print(f"still bound by the stack file: {where}; remove {name} from `access` and run `up`")
    return 0 if bindings else 1


# Requests and files ----------------------------------------------------------------------------


def certificate_request(key: ec.EllipticCurvePrivateKey, name: str, groups: Sequence[str]) -> bytes:
    """Return a certificate request (PEM) with the name as common name and the groups as organizations."""
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    subject += [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    signed = (
        x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject)).sign(key, hashes.SHA256())
    )
    return signed.public_bytes(serialization.Encoding.PEM)


def role_binding(user: User, serial: str, group: str) -> dict[str, object]:
    """Return the RoleBinding that grants the role in the namespace to the unique group of a certificate."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {
            "name": f"kubewright-person-{serial}",
            "namespace": user.namespace,
            "labels": {_LABEL: user.name},
            "annotations": {"kubewright.dev/groups": ",".join(user.groups)},
        },
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": user.role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group}],
    }


def kubeconfig(
    admin: Mapping[str, Any], user: User, certificate: bytes, key: ec.EllipticCurvePrivateKey
) -> dict[str, object]:
    """Return the kubeconfig of the user, for the cluster in the kubeconfig of the administrator."""
    cluster = admin["clusters"][0]
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    credentials = {
        "client-certificate-data": _encode_base64(certificate),
        "client-key-data": _encode_base64(pem),
    }
    context = {"cluster": cluster["name"], "user": user.name}
    if user.namespace:
        context["namespace"] = user.namespace
    name = f"{user.name}@{cluster['name']}"
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [cluster],
        "users": [{"name": user.name, "user": credentials}],
        "contexts": [{"name": name, "context": context}],
        "current-context": name,
    }


def _sign_request(api: KubernetesApi, serial: str, pem: bytes, days: int) -> bytes:
    """Return the signed certificate (PEM) for a certificate request. Delete the request from the cluster."""
    api.apply(
        {
            "apiVersion": "certificates.k8s.io/v1",
            "kind": "CertificateSigningRequest",
            "metadata": {"name": f"kubewright-person-{serial}"},
            "spec": {
                "request": _encode_base64(pem),
                "signerName": _SIGNER,
                "expirationSeconds": days * 86400,
                "usages": ["client auth"],
            },
        }
    )
    name = f"kubewright-person-{serial}"
    try:
        api.kubectl("certificate", "approve", name)
        deadline = time.monotonic() + _SIGN_SECONDS
        while time.monotonic() < deadline:
            status = api.get("csr", name).get("status", {})
            if status.get("certificate"):
                return base64.b64decode(status["certificate"])
            for condition in status.get("conditions", ()):
                if condition["type"] in ("Failed", "Denied"):
                    raise UserError(f"the cluster refused to sign: {condition.get('message', '')}")
            time.sleep(0.3)
        raise UserError(
            f"not signed within {_SIGN_SECONDS} s: check the controller manager with `kubewright status`"
        )
    finally:
        api.kubectl("delete", "csr", name, "--ignore-not-found")


def _groups_of_binding(item: Mapping[str, Any]) -> list[str]:
    text = item["metadata"].get("annotations", {}).get("kubewright.dev/groups", "")
    return [group for group in text.split(",") if group]


def _configured_bindings(api: KubernetesApi, name: str, groups: set[str]) -> list[tuple[str, str, str]]:
    """Return the bindings in the cluster that have the user or one of the groups as a subject.

    Each binding is a tuple: kind, namespace (empty for a ClusterRoleBinding) and name.
    """
    subjects = {("User", name), *(("Group", group) for group in groups)}
    listed = api.get("rolebindings,clusterrolebindings", "--all-namespaces")["items"]
    return [
        (item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"])
        for item in listed
        if subjects & {(subject["kind"], subject["name"]) for subject in item.get("subjects") or ()}
    ]


def _encode_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _write_private_file(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
    part.replace(path)


class KubernetesApi:
    """Access to the Kubernetes API with kubectl and the kubeconfig of the administrator."""

    def __init__(self, environment: Environment, stack: str) -> None:
        self._kubectl = environment.tools / "kubectl"
        self._kubeconfig = environment.kubeconfig(stack)
        if not self._kubeconfig.exists():
            raise UserError(f"stack {stack}: no kubeconfig on this machine yet; run `up` first")

    def admin_kubeconfig(self) -> dict[str, Any]:
        """Return the content of the administrator's kubeconfig."""
        parsed: dict[str, Any] = json.loads(self._kubeconfig.read_text())
        return parsed

    def kubectl(self, *words: str, stdin: str = "") -> str:
        """Run kubectl and return its output. Raise UserError with the last line of its error output."""
        argv = [
            str(self._kubectl),
            f"--kubeconfig={self._kubeconfig}",
            "--request-timeout=15s",
            *words,
        ]
        try:
            completed = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=60)
        except subprocess.TimeoutExpired:
            raise UserError(f"kubectl {words[0]}: no response in 60 s; see `kubewright status`") from None
        if completed.returncode:
            lines = completed.stderr.strip().splitlines() or ["failed"]
            raise UserError(f"kubectl {words[0]}: {lines[-1]}")
        return completed.stdout

    def get(self, *words: str) -> dict[str, Any]:
        """Run `kubectl get` and return the parsed JSON."""
        parsed: dict[str, Any] = json.loads(self.kubectl("get", *words, "-o", "json"))
        return parsed

    def apply(self, item: Mapping[str, object]) -> None:
        """Apply an object to the cluster."""
        self.kubectl("apply", "-f", "-", stdin=json.dumps(item))

    def require_object(self, kind: str, name: str) -> None:
        """Raise UserError when the object does not exist."""
        if not self.kubectl("get", kind, name, "--ignore-not-found", "-o", "name").strip():
            raise UserError(f"{kind} {name}: not in the cluster; create it first, or correct the name")
