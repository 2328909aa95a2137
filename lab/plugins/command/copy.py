"""Copies of files and directories to a host over SFTP."""

import hashlib
import posixpath
from pathlib import Path
from typing import TYPE_CHECKING

from pulumi.asset import FileArchive, FileAsset, StringAsset

from lab.plugins.common.errors import ProviderError

if TYPE_CHECKING:
    import asyncssh

Source = FileAsset | StringAsset | FileArchive


def digest(source: Source) -> str:
    """A digest of what would be copied. Raises ProviderError when it cannot be read."""
    if isinstance(source, StringAsset):
        return hashlib.sha256(source.text.encode()).hexdigest()
    path = Path(source.path)
    try:
        if not path.is_dir():
            return hashlib.sha256(path.read_bytes()).hexdigest()
        whole = hashlib.sha256()
        for item in sorted(path.rglob("*")):
            whole.update(item.relative_to(path).as_posix().encode() + b"\0")
            if item.is_file():
                whole.update(hashlib.sha256(item.read_bytes()).digest())
        return whole.hexdigest()
    except OSError as error:
        raise ProviderError(f"source: cannot read {source.path}: {error.strerror}") from None


async def copy(client: "asyncssh.SSHClientConnection", source: Source, destination: str) -> None:
    """Copy `source` to the path `destination` on the host.

    A directory ending in "/" copies its content, one without is copied itself into an existing or new
    `destination`; a file goes into an existing directory or to the path itself. Raises ProviderError.
    """
    import asyncssh

    try:
        async with client.start_sftp_client() as sftp:
            if isinstance(source, StringAsset):
                await _copy_text(sftp, source.text, destination)
            else:
                await _copy_path(sftp, source.path, destination)
    except (OSError, asyncssh.Error) as error:
        raise ProviderError(f"cannot copy to {destination}: {error}") from None


async def _copy_text(sftp: "asyncssh.SFTPClient", text: str, destination: str) -> None:
    if await sftp.isdir(destination):
        raise ProviderError(
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
        await _put(sftp, local, destination)
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
            await _put(sftp, item, target)


async def _put(sftp: "asyncssh.SFTPClient", local: Path, destination: str) -> None:
    async with sftp.open(destination, "wb") as remote:
        await remote.write(local.read_bytes())


async def _make_directory(sftp: "asyncssh.SFTPClient", path: str) -> None:
    if not await sftp.exists(path):
        await sftp.mkdir(path)
    elif not await sftp.isdir(path):
        raise ProviderError(f"remote path {path} exists but is not a directory")
