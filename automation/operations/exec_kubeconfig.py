"""A kubeconfig without secrets, and the credential command that kubectl runs to get the certificate.

The administrator's certificate is only in the outputs of the stack, encrypted with the key of the stack.
Every user who can read the secrets of the stack is an administrator of its cluster. The kubeconfig itself
contains no secret and can be stored in a repository.
https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography import x509

from artifacts import directories
from automation import workspace
from automation.engine.program import Engine
from automation.environment import CHECKOUT, Environment
from automation.errors import UserError

_API = "client.authentication.k8s.io/v1"
_INSTALL_HINT = (
    "Clone Kubewright, run `./kubewright prepare` in the clone, and create this kubeconfig again with "
    "`kubewright kubeconfig`."
)


def find_engine(environment: Environment, stack: str, file: Path | None) -> Engine:
    """Return the engine of a stack. Raise UserError for a stack file that cannot be read."""
    return Engine(environment, workspace.prepare(environment=environment, stack=stack, source=file))


def exec_kubeconfig(
    admin: Mapping[str, Any], stack: str, file: Path | None, variables: Mapping[str, str]
) -> dict[str, object]:
    """Return a kubeconfig whose credentials come from `kubewright credential`.

    `admin` is the administrator's kubeconfig, from which the new kubeconfig takes the address and the CA.
    `file` is the stack file, or None for the default. `variables` are the environment variables of this
    process. The kubeconfig contains those that select the directories of Kubewright.
    """
    cluster = admin["clusters"][0]
    arguments = ["credential", "--stack", stack, *(["--file", str(file.resolve())] if file else [])]
    kept = [name for name in (directories.STATE, directories.CACHE) if variables.get(name)]
    user = {
        "exec": {
            "apiVersion": _API,
            "command": str(CHECKOUT / "kubewright"),
            "args": arguments,
            "env": [{"name": name, "value": variables[name]} for name in kept] or None,
            "interactiveMode": "Never",
            "provideClusterInfo": False,
            "installHint": _INSTALL_HINT,
        }
    }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [cluster],
        "users": [{"name": f"{stack}-exec", "user": user}],
        "contexts": [
            {"name": cluster["name"], "context": {"cluster": cluster["name"], "user": f"{stack}-exec"}}
        ],
        "current-context": cluster["name"],
    }


def exec_credential(admin: Mapping[str, Any]) -> dict[str, object]:
    """Return the ExecCredential with the certificate and the key of the administrator's kubeconfig.

    Raise UserError when the kubeconfig has no certificate.
    """
    user = admin["users"][0]["user"]
    try:
        certificate, key = (
            base64.b64decode(user[field]).decode() for field in ("client-certificate-data", "client-key-data")
        )
    except KeyError:
        raise UserError("the administrator's kubeconfig has no certificate; run `up` again") from None
    expires = x509.load_pem_x509_certificate(certificate.encode()).not_valid_after_utc
    return {
        "apiVersion": _API,
        "kind": "ExecCredential",
        "status": {
            "expirationTimestamp": f"{expires:%Y-%m-%dT%H:%M:%SZ}",
            "clientCertificateData": certificate,
            "clientKeyData": key,
        },
    }


def admin_kubeconfig(engine: Engine) -> dict[str, Any]:
    """Return the administrator's kubeconfig from the outputs of the stack.

    Raise UserError with the engine's message when the outputs cannot be read, for example before the first
    `up` or with a wrong passphrase.
    """
    kubeconfig: dict[str, Any] = json.loads(engine.read_output("kubeconfig"))
    return kubeconfig
