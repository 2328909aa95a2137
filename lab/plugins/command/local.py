"""Commands that run on the deployer."""

import asyncio
import os
import re
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from lab.plugins.command.output import Output
from lab.plugins.runtime.errors import PluginError
from lab.plugins.runtime.values import ARCHIVE, ASSET, SIGNATURE


async def run(
    command: str, inputs: Mapping[str, Any], environment: Mapping[str, str], output: Output
) -> dict[str, Any]:
    """Run `command` with the interpreter, directory and stdin in `inputs`.

    Return the outputs `stdout` and `stderr` and, if the inputs request these, `assets` and `archive`. Raises
    PluginError if the command cannot be started or does not exit with 0.
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
        raise PluginError(output.failure(str(error), command)) from None
    try:
        await asyncio.gather(
            _write_stdin(process, stdin),
            _copy_stream(process.stdout, "stdout", output),
            _copy_stream(process.stderr, "stderr", output),
        )
        status = await process.wait()
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        raise
    if status != 0:
        raise PluginError(output.failure(_exit_text(status), command))
    return _collect_outputs(inputs, Path(directory), output)


async def _write_stdin(process: asyncio.subprocess.Process, stdin: str | None) -> None:
    if process.stdin is None:
        return
    with suppress(BrokenPipeError, ConnectionResetError):  # a command may end without reading its input
        process.stdin.write((stdin or "").encode())
        await process.stdin.drain()
    process.stdin.close()


async def _copy_stream(stream: asyncio.StreamReader | None, name: str, output: Output) -> None:
    partial = bytearray()
    while stream is not None and (data := await stream.read(65536)):
        await output.add(name, data, partial)
    if partial:
        await output.add(name, b"", bytearray(partial + b"\n"))


def _exit_text(status: int) -> str:
    if status < 0:
        return f"signal: {signal.Signals(-status).name}"
    return f"exit status {status}"


def _collect_outputs(inputs: Mapping[str, Any], directory: Path, output: Output) -> dict[str, Any]:
    stdout, stderr = output.results()
    outputs: dict[str, Any] = {"stdout": stdout, "stderr": stderr}
    if inputs.get("assetPaths") is not None:
        outputs["assets"] = _matching_files(directory, inputs["assetPaths"])
    if inputs.get("archivePaths") is not None:
        files = _matching_files(directory, inputs["archivePaths"])
        outputs["archive"] = {SIGNATURE: ARCHIVE, "assets": files}
    return outputs


def _matching_files(directory: Path, globs: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the matching files below `directory` as assets by relative path.

    The last matching pattern decides. A pattern that starts with "!" excludes files.
    """
    rules = [(_compile_glob(glob.removeprefix("!")), not glob.startswith("!")) for glob in globs]
    assets = {}
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory).as_posix()
        verdicts = [include for pattern, include in rules if pattern.fullmatch(name)]
        if path.is_file() and verdicts and verdicts[-1]:
            assets[name] = {SIGNATURE: ASSET, "path": str(path)}
    return assets


def _compile_glob(glob: str) -> re.Pattern[str]:
    """Compile a path pattern: `*` and `?` match within a file name, `**` matches across directories, and
    `{a,b}` matches `a` or `b`.
    """
    parts = {"**": ".*", "*": "[^/]*", "?": "[^/]", "{": "(?:", "}": ")", ",": "|"}
    tokens = re.findall(r"\*\*|\[[^]]*\]|.", glob, re.DOTALL)
    return re.compile(
        "".join(token if len(token) > 2 else parts.get(token, re.escape(token)) for token in tokens)
    )
