"""The configuration of distribution, and the files and variables that it reads [H4].

https://distribution.github.io/distribution/about/configuration/
"""

from __future__ import annotations

from typing import Any

from topology.distribution import Distribution, Volume
from topology.snapshot_targets import S3Bucket

PORT = 5000
"""The port of the pods."""
DIRECTORY = "/etc/registry"
"""The directory of all files that the program reads."""
WRITER_FILE, READER_FILE = "config.yml", "read-only.yml"
TOKEN_FILE, STORE_CA_FILE = "tokens.crt", "store-ca.crt"
TLS, USERS = f"{DIRECTORY}/tls", f"{DIRECTORY}/users"
SETTINGS = f"{DIRECTORY}/settings"
USERS_FILE = "htpasswd"
STORAGE = "/var/lib/registry"
DRAIN_SECONDS = 50
"""The time for which a pod that ends serves its open requests."""
HTTP_SECRET_VARIABLE = "REGISTRY_HTTP_SECRET"
_UPLOAD_AGE = "168h"


def configuration(data: Distribution, *, read_only: bool) -> dict[str, Any]:
    """Return the configuration of the pods that accept changes, or of those that accept none."""
    maintenance: dict[str, Any] = {
        "uploadpurging": {"enabled": not read_only, "age": _UPLOAD_AGE, "interval": "24h", "dryrun": False}
    }
    if read_only:
        maintenance["readonly"] = {"enabled": True}
    return {
        "version": "0.1",
        "log": {"level": "info", "formatter": "json"},
        "storage": {
            **_driver(data),
            "cache": {"blobdescriptor": "inmemory"},
            # Garbage collection removes what users deleted before.
            "delete": {"enabled": True},
            # Nodes need no connection to an object store.
            "redirect": {"disable": True},
            "maintenance": maintenance,
        },
        "http": {
            "addr": f":{PORT}",
            # The registry has several names and addresses.
            "relativeurls": True,
            "draintimeout": f"{DRAIN_SECONDS}s",
            "tls": {
                "certificate": f"{TLS}/tls.crt",
                "key": f"{TLS}/tls.key",
                "minimumtls": "tls1.2",
            },
            "headers": {"X-Content-Type-Options": ["nosniff"]},
        },
        "auth": _login(data),
        "health": {"storagedriver": {"enabled": True, "interval": "10s", "threshold": 3}},
    }


def _driver(data: Distribution) -> dict[str, Any]:
    """Return the storage driver. Its secret is a variable of the environment."""
    store = data.store
    if isinstance(store, Volume):
        return {"filesystem": {"rootdirectory": STORAGE}}
    if isinstance(store, S3Bucket):
        # The driver needs a region also for other services than AWS, which ignore it.
        bucket: dict[str, Any] = {
            "bucket": store.bucket,
            "region": store.region or "us-east-1",
            "accesskey": store.access_key_id,
            "rootdirectory": f"/{data.prefix}",
        }
        if store.endpoint:
            bucket |= {"regionendpoint": store.endpoint, "forcepathstyle": True}
        return {"s3": bucket}
    return {
        "azure": {
            "accountname": store.account,
            "container": store.container,
            "serviceurl": store.endpoint,
            "credentials": {"type": "shared_key"},
            "rootdirectory": f"/{data.prefix}",
        }
    }


def store_variable(data: Distribution) -> str:
    """Return the variable with the secret of the object store; empty for a volume."""
    if isinstance(data.store, Volume):
        return ""
    is_bucket = isinstance(data.store, S3Bucket)
    return "REGISTRY_STORAGE_S3_SECRETKEY" if is_bucket else "REGISTRY_STORAGE_AZURE_ACCOUNTKEY"


def _login(data: Distribution) -> dict[str, Any]:
    token = data.token_service
    if token is None:
        return {"htpasswd": {"realm": data.name, "path": f"{USERS}/{USERS_FILE}"}}
    return {
        "token": {
            "realm": token.url,
            "service": token.service,
            "issuer": token.issuer,
            "rootcertbundle": f"{SETTINGS}/{TOKEN_FILE}",
        }
    }


def certificate_files(data: Distribution) -> dict[str, str]:
    """Return the certificates that pods read beside the configuration, by the names of the files."""
    files = {}
    if data.token_service:
        files[TOKEN_FILE] = data.token_service.certificates
    if not isinstance(data.store, Volume) and data.store.ca:
        files[STORE_CA_FILE] = data.store.ca
    return files
