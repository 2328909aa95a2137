"""One command on this machine."""

import asyncio
import os
import re
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pulumi.asset import AssetArchive, FileAsset

from lab.plugins.command.output import Output
from lab.plugins.common.errors import ProviderError


async def run(
    command: str, inputs: Mapping[str, Any], environment: Mapping[str, str], output: Output
) -> dict[str, Any]:
    """Run `command` with the interpreter, directory and stdin of `inputs`.

    Gives the outputs `stdout`, `stderr`, and `assets`, `archive` when asked for. Raises ProviderError
    when the command cannot be started or does not end with 0.
    """
    directory = inputs.get("dir") or os.getcwd()
    arguments = [*(inputs.get("interpreter") or ["/bin/sh", "-c"]), command]
    stdin = inputs.get("stdin")
    try:
        process = await asyncio.create_subprocess_exec(
            *arguments,
            cwd=directory,
            env=os.environ | dict(environment),
            stdin=asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise ProviderError(output.failure(str(error), command)) from None
    try:
        await asyncio.gather(
            _feed(process, stdin),
            _pump(process.stdout, "stdout", output),
            _pump(process.stderr, "stderr", output),
        )
        status = await process.wait()
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        raise
    if status != 0:
        raise ProviderError(output.failure(_ending(status), command))
    return _outputs(inputs, Path(directory), output)


async def _feed(process: asyncio.subprocess.Process, stdin: str | None) -> None:
    if process.stdin is None:
        return
    with suppress(BrokenPipeError, ConnectionResetError):  # a command need not read its input
        process.stdin.write((stdin or "").encode())
        await process.stdin.drain()
    process.stdin.close()


async def _pump(stream: asyncio.StreamReader | None, name: str, output: Output) -> None:
    partial = bytearray()
    while stream is not None and (data := await stream.read(65536)):
        await output.add(name, data, partial)
    if partial:
        await output.add(name, b"", bytearray(partial + b"\n"))


def _ending(status: int) -> str:
    if status < 0:
        return f"signal: {signal.Signals(-status).name}"
    return f"exit status {status}"


def _outputs(inputs: Mapping[str, Any], directory: Path, output: Output) -> dict[str, Any]:
    stdout, stderr = output.results()
    outputs: dict[str, Any] = {"stdout": stdout, "stderr": stderr}
    if inputs.get("assetPaths") is not None:
        outputs["assets"] = _matching(directory, inputs["assetPaths"])
    if inputs.get("archivePaths") is not None:
        found: dict[str, Any] = dict(_matching(directory, inputs["archivePaths"]))
        outputs["archive"] = AssetArchive(found)
    return outputs


def _matching(directory: Path, globs: Sequence[str]) -> dict[str, FileAsset]:
    """Files below `directory`; later patterns count more, those with "!" take files out again."""
    rules = [(_pattern(glob.removeprefix("!")), not glob.startswith("!")) for glob in globs]
    found = {}
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory).as_posix()
        verdicts = [wanted for pattern, wanted in rules if pattern.fullmatch(name)]
        if path.is_file() and verdicts and verdicts[-1]:
            found[name] = FileAsset(str(path))
    return found


def _pattern(glob: str) -> re.Pattern[str]:
    """`*` and `?` stay within one name, `**` does not, `{a,b}` is either."""
    parts = {"**": ".*", "*": "[^/]*", "?": "[^/]", "{": "(?:", "}": ")", ",": "|"}
    tokens = re.findall(r"\*\*|\[[^]]*\]|.", glob, re.DOTALL)
    return re.compile(
        "".join(token if len(token) > 2 else parts.get(token, re.escape(token)) for token in tokens)
    )
