"""Copy files and directories to a host over SFTP."""

import hashlib
import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lab.plugins.runtime.errors import PluginError

if TYPE_CHECKING:
    import asyncssh

AssetOrArchive = Mapping[str, str]
"""An asset or archive of Pulumi, with the key `path` or `text`."""


def digest(source: AssetOrArchive) -> str:
    """Return the SHA-256 digest, in hexadecimal, of the content to copy. Raise PluginError for an unreadable
    path.
    """
    if "path" not in source:
        return hashlib.sha256(source.get("text", "").encode()).hexdigest()
    path = Path(source["path"])
    try:
        if not path.is_dir():
            return hashlib.sha256(path.read_bytes()).hexdigest()
        combined = hashlib.sha256()
        for item in sorted(path.rglob("*")):
            combined.update(item.relative_to(path).as_posix().encode() + b"\0")
            if item.is_file():
                combined.update(hashlib.sha256(item.read_bytes()).digest())
        return combined.hexdigest()
    except OSError as error:
        raise PluginError(f"source: cannot read {path}: {error.strerror}") from None


async def copy(client: "asyncssh.SSHClientConnection", source: AssetOrArchive, destination: str) -> None:
    """Copy `source` to the path `destination` on the host. Raise PluginError if the copy fails.

    If `source` is a directory whose path ends in "/", only its content is copied. Any other directory is
    copied into `destination`, which is created if it is missing. A file is copied into an existing directory
    `destination`, or to the path `destination`.
    """
    import asyncssh

    try:
        async with client.start_sftp_client() as sftp:
            if "path" in source:
                await _copy_path(sftp, source["path"], destination)
            else:
                await _copy_text(sftp, source.get("text", ""), destination)
    except (OSError, asyncssh.Error) as error:
        raise PluginError(f"cannot copy to {destination}: {error}") from None


async def _copy_text(sftp: "asyncssh.SFTPClient", text: str, destination: str) -> None:
    if await sftp.isdir(destination):
        raise PluginError(
            f"remote path {destination} is a directory; when using a text asset, "
            "remotePath must be a file path"
        )
    async with sftp.open(destination, "w") as remote:
        await remote.write(text)


async def _copy_path(sftp: "asyncssh.SFTPClient", source: str, destination: str) -> None:
    local = Path(source)
    if not local.is_dir():
        if await sftp.isdir(destination):
            destination = posixpath.join(destination, local.name)
        await _copy_file(sftp, local, destination)
        return
    await _make_directory(sftp, destination)
    if not source.endswith("/"):
        destination = posixpath.join(destination, local.name)
        await _make_directory(sftp, destination)
    for item in sorted(local.rglob("*")):
        target = posixpath.join(destination, item.relative_to(local).as_posix())
        if item.is_dir():
            await _make_directory(sftp, target)
        else:
            await _copy_file(sftp, item, target)


async def _copy_file(sftp: "asyncssh.SFTPClient", local: Path, destination: str) -> None:
    async with sftp.open(destination, "wb") as remote:
        await remote.write(local.read_bytes())


async def _make_directory(sftp: "asyncssh.SFTPClient", path: str) -> None:
    if not await sftp.exists(path):
        await sftp.mkdir(path)
    elif not await sftp.isdir(path):
        raise PluginError(f"remote path {path} exists but is not a directory")
