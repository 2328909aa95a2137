"""`user` [I2]: a kubeconfig for a person, and taking its access away.

The key is made here and never leaves; the cluster signs a request. What the certificate may do hangs on
a group of its own, one for every issue, to which a RoleBinding is made: a certificate cannot be called
back, but without that binding it opens nothing, also after the same person was let in again.
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
    """Who gets a kubeconfig. `groups` are for bindings of the configuration; `role` a ClusterRole."""

    name: str
    groups: tuple[str, ...]
    namespace: str
    role: str
    days: int

    def problems(self) -> list[str]:
        """What is wrong with it, one line each."""
        found = []
        if not _NAME.fullmatch(self.name):
            found.append(f"--name {self.name!r}: allowed are a-z, 0-9, - and . between them, at most 63")
        for group in self.groups:
            if not _GROUP.fullmatch(group) or group.startswith(_RESERVED):
                found.append(
                    f"--group {group!r}: allowed are letters, digits and -_.: and none that begins "
                    f"with {' or '.join(_RESERVED)}"
                )
        if self.namespace and not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", self.namespace):
            found.append(f"--namespace {self.namespace!r}: not the name of a namespace")
        if not self.namespace and not self.groups:
            found.append("--namespace or --group: one is needed, else the kubeconfig could do nothing")
        if not 1 <= self.days <= 365:
            found.append(f"--days {self.days}: allowed are 1 to 365")
        return found


def issue(target: Target, person: User, file: Path | None) -> Path:
    """Makes a kubeconfig for a person, readable by its owner alone. Raises `UserError`."""
    problems = person.problems()
    if problems:
        raise UserError("\n".join(problems))
    api = Api(target.environment, target.stack)
    if person.namespace:
        api.expect("namespace", person.namespace)
        api.expect("clusterrole", person.role)
    issue = f"{person.name}-{secrets.token_hex(4)}"
    own_group = f"kubewright:person:{issue}"
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _signed(api, issue, request(key, person.name, (*person.groups, own_group)), person.days)
    if person.namespace:
        api.apply(binding(person, issue, own_group))
    path = file or target.environment.state / "people" / target.stack / f"{person.name}.kubeconfig"
    _write(path, json.dumps(kubeconfig(api.own(), person, certificate, key), indent=1))
    expires = x509.load_pem_x509_certificate(certificate).not_valid_after_utc
    print(f"{path} (valid until {expires:%Y-%m-%d %H:%M} UTC)")
    wanted = datetime.now(UTC).timestamp() + person.days * 86400
    if expires.timestamp() < wanted - 3600:
        print("shorter than asked for: the cluster signs for no longer")
    return path


def revoke(target: Target, name: str) -> int:
    """Removes every binding made for a person. Returns 1 when there was none."""
    api = Api(target.environment, target.stack)
    found = api.get("rolebindings", "--all-namespaces", f"--selector={_LABEL}={name}")["items"]
    for item in found:
        space, binding_name = item["metadata"]["namespace"], item["metadata"]["name"]
        api.kubectl("delete", "rolebinding", f"--namespace={space}", binding_name)
        print(f"{name}: no longer {item['roleRef']['name']} in {space}")
    if not found:
        print(f"{name}: no binding was made for this name")
    groups = {group for item in found for group in _groups(item)}
    for kind, space, binding_name in _others(api, name, groups):
        where = f"{kind} {binding_name}" + (f" in {space}" if space else "")
        print(f"still bound by the configuration: {where}; take {name} out of `access` and run `up`")
    return 0 if found else 1


# What is sent and written ----------------------------------------------------------------------


def request(key: ec.EllipticCurvePrivateKey, name: str, groups: Sequence[str]) -> bytes:
    """A certificate request, PEM: the name as user, the groups as organizations."""
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    subject += [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    made = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject)).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM)


def binding(person: User, issue: str, group: str) -> dict[str, object]:
    """The RoleBinding that gives an issue's own group the role in the namespace."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {
            "name": f"kubewright-person-{issue}",
            "namespace": person.namespace,
            "labels": {_LABEL: person.name},
            "annotations": {"kubewright.dev/groups": ",".join(person.groups)},
        },
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": person.role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group}],
    }


def kubeconfig(
    own: Mapping[str, Any], person: User, certificate: bytes, key: ec.EllipticCurvePrivateKey
) -> dict[str, object]:
    """The person's kubeconfig, from the administrator's (`own`): the same cluster, another user."""
    cluster = own["clusters"][0]
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    user = {"client-certificate-data": _encoded(certificate), "client-key-data": _encoded(pem)}
    context = {"cluster": cluster["name"], "user": person.name}
    if person.namespace:
        context["namespace"] = person.namespace
    name = f"{person.name}@{cluster['name']}"
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [cluster],
        "users": [{"name": person.name, "user": user}],
        "contexts": [{"name": name, "context": context}],
        "current-context": name,
    }


def _signed(api: Api, issue: str, pem: bytes, days: int) -> bytes:
    """The certificate for a request, PEM; the request is removed again."""
    api.apply(
        {
            "apiVersion": "certificates.k8s.io/v1",
            "kind": "CertificateSigningRequest",
            "metadata": {"name": f"kubewright-person-{issue}"},
            "spec": {
                "request": _encoded(pem),
                "signerName": _SIGNER,
                "expirationSeconds": days * 86400,
                "usages": ["client auth"],
            },
        }
    )
    name = f"kubewright-person-{issue}"
    try:
        api.kubectl("certificate", "approve", name)
        deadline = time.monotonic() + _SIGN_SECONDS
        while time.monotonic() < deadline:
            found = api.get("csr", name).get("status", {})
            if found.get("certificate"):
                return base64.b64decode(found["certificate"])
            for condition in found.get("conditions", ()):
                if condition["type"] in ("Failed", "Denied"):
                    raise UserError(f"the cluster refused to sign: {condition.get('message', '')}")
            time.sleep(0.3)
        raise UserError(
            f"not signed within {_SIGN_SECONDS} s: is a controller manager running? `kubewright status`"
        )
    finally:
        api.kubectl("delete", "csr", name, "--ignore-not-found")


def _groups(item: Mapping[str, Any]) -> list[str]:
    text = item["metadata"].get("annotations", {}).get("kubewright.dev/groups", "")
    return [group for group in text.split(",") if group]


def _others(api: Api, name: str, groups: set[str]) -> list[tuple[str, str, str]]:
    """Bindings that name the person or one of its groups: kind, namespace, name."""
    subjects = {("User", name), *(("Group", group) for group in groups)}
    listed = api.get("rolebindings,clusterrolebindings", "--all-namespaces")["items"]
    return [
        (item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"])
        for item in listed
        if subjects & {(subject["kind"], subject["name"]) for subject in item.get("subjects") or ()}
    ]


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
    part.replace(path)


class Api:
    """The cluster's API as its administrator reaches it from here."""

    def __init__(self, environment: Environment, stack: str) -> None:
        self._kubectl = environment.tools / "kubectl"
        self._kubeconfig = environment.kubeconfig(stack)
        if not self._kubeconfig.exists():
            raise UserError(f"stack {stack}: no kubeconfig on this machine yet; run `up` first")

    def own(self) -> dict[str, Any]:
        """The administrator's kubeconfig."""
        found: dict[str, Any] = json.loads(self._kubeconfig.read_text())
        return found

    def kubectl(self, *words: str, stdin: str = "") -> str:
        """Runs kubectl. Raises `UserError` with its last line."""
        argv = [str(self._kubectl), f"--kubeconfig={self._kubeconfig}", "--request-timeout=15s", *words]
        try:
            done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=60)
        except subprocess.TimeoutExpired:
            raise UserError(f"kubectl {words[0]}: no answer in 60 s; `kubewright status` says why") from None
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["failed"]
            raise UserError(f"kubectl {words[0]}: {lines[-1]}")
        return done.stdout

    def get(self, *words: str) -> dict[str, Any]:
        """`kubectl get … -o json`, parsed."""
        found: dict[str, Any] = json.loads(self.kubectl("get", *words, "-o", "json"))
        return found

    def apply(self, item: Mapping[str, object]) -> None:
        """Applies an object."""
        self.kubectl("apply", "-f", "-", stdin=json.dumps(item))

    def expect(self, kind: str, name: str) -> None:
        """Raises `UserError` when there is no such object."""
        if not self.kubectl("get", kind, name, "--ignore-not-found", "-o", "name").strip():
            raise UserError(f"{kind} {name}: not in the cluster; create it first, or correct the name")
