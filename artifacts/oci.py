"""Writer of deterministic OCI image layouts from files in memory, without a container builder.

Media types and fields follow the OCI image specification 1.1.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"

NET_BIND_SERVICE = b"\x01\x00\x00\x02\x00\x04" + bytes(14)
"""security.capability (vfs_cap_data revision 2): CAP_NET_BIND_SERVICE permitted and effective."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, directory or symbolic link of an image layer.

    `path` has no leading slash; `link` is the target of a symbolic link.
    """

    path: str
    content: bytes = b""
    mode: int = 0o644
    link: str = ""
    directory: bool = False
    capability: bytes = b""


@dataclass(frozen=True, slots=True)
class Config:
    """The runtime configuration of an image. `user` is a uid or `uid:gid`."""

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    user: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[str, ...] = ()


def build_layer(entries: Iterable[Entry]) -> bytes:
    """Return an image layer, a tar archive with these entries.

    Entries belong to root and have no time stamps, so that the archive is reproducible.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for entry in sorted(entries, key=lambda entry: entry.path):
            info = tarfile.TarInfo(entry.path)
            info.mode = entry.mode
            if entry.directory:
                info.type = tarfile.DIRTYPE
            elif entry.link:
                info.type, info.linkname, info.mode = tarfile.SYMTYPE, entry.link, 0o777
            else:
                info.size = len(entry.content)
            if entry.capability:
                # tarfile writes pax values as UTF-8; every byte of this value is below 0x80
                info.pax_headers = {"SCHILY.xattr.security.capability": entry.capability.decode("ascii")}
            tar.addfile(info, io.BytesIO(entry.content))
    return buffer.getvalue()


def write_layout(
    directory: Path, reference: str, architecture: str, entries: Iterable[Entry], config: Config
) -> str:
    """Write an OCI layout with one image into an empty directory and return the digest of the manifest."""
    tar = build_layer(entries)
    packed = gzip.compress(tar, compresslevel=6, mtime=0)
    settings = {
        "Entrypoint": list(config.entrypoint),
        "Cmd": list(config.command),
        "User": config.user,
        "Env": [f"{key}={value}" for key, value in config.environment.items()],
        "ExposedPorts": {port: {} for port in config.ports},
        "WorkingDir": "/",
    }
    image = {
        "architecture": architecture,
        "os": "linux",
        "config": {key: value for key, value in settings.items() if value},
        "rootfs": {"type": "layers", "diff_ids": [_sha256_digest(tar)]},
        "history": [{"created_by": "kubewright"}],
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": _write_blob(directory, _encode_json(image), _CONFIG),
        "layers": [_write_blob(directory, packed, _LAYER)],
    }
    descriptor = _write_blob(directory, _encode_json(manifest), _MANIFEST)
    descriptor["annotations"] = {"org.opencontainers.image.ref.name": reference}
    descriptor["platform"] = {"architecture": architecture, "os": "linux"}
    (directory / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (directory / "index.json").write_bytes(_encode_json({"schemaVersion": 2, "manifests": [descriptor]}))
    return str(descriptor["digest"])


def manifest_digest(directory: Path) -> str:
    """Return the digest of the only image in a layout. Raise ValueError if the layout has another number
    of images.
    """
    manifests = json.loads((directory / "index.json").read_text())["manifests"]
    if len(manifests) != 1:
        raise ValueError(f"{directory}: holds {len(manifests)} images instead of one")
    return str(manifests[0]["digest"])


def _write_blob(directory: Path, content: bytes, media_type: str) -> dict[str, object]:
    digest = _sha256_digest(content)
    path = directory / "blobs" / "sha256" / digest.removeprefix("sha256:")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


def _sha256_digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _encode_json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
