"""The provider of the stand-in plugin `command`, with the operations on its resources."""

import asyncio
import secrets
from collections.abc import Mapping
from typing import Any

from lab.plugins.command.copy import copy, digest
from lab.plugins.command.inputs import COPY, FIELDS, LOCAL_COMMAND, REMOTE_COMMAND, check_inputs
from lab.plugins.command.local import run as run_locally
from lab.plugins.command.output import Output, Show
from lab.plugins.command.ssh import connect, refused_variables, run_to_the_end
from lab.plugins.command.ssh import run as run_remotely
from lab.plugins.runtime.diff import Diff, compare, top_level
from lab.plugins.runtime.errors import PluginError
from lab.plugins.runtime.log import EngineLog
from lab.plugins.runtime.provider import Provider
from lab.plugins.runtime.urns import resource_name, resource_type
from lab.plugins.runtime.values import UNKNOWN, Properties, has_unknown, reveal

_NOT_ACCEPTED = (
    "Unable to set '{0}'. This only works if the host's SSH server accepts it (AcceptEnv). "
    "With a POSIX shell on the host, put the variable before the command instead: VAR=value command"
)
_DIGEST = "__sourceDigest"  # states contain this name; the engine does not show names with "__"
_RESULTS = {
    LOCAL_COMMAND: ("stdout", "stderr", "assets", "archive"),
    REMOTE_COMMAND: ("stdout", "stderr"),
    COPY: (),
}


class CommandProvider(Provider):
    """Provider of `local:Command`, `remote:Command`, `remote:CopyToRemote` and the function `local:run`."""

    name = "command"
    version = "1.2.1"

    def __init__(self, log: EngineLog) -> None:
        self._log = log

    async def check(self, urn: str, olds: Properties, news: Properties, seed: bytes) -> Properties:
        """Return the inputs with defaults. For a copy, add the digest of its source.

        Raise CheckError if inputs are invalid.
        """
        token = _require_supported(resource_type(urn))
        inputs = check_inputs(token, news)
        if token == COPY and not has_unknown(inputs["source"]):
            inputs[_DIGEST] = await asyncio.to_thread(digest, reveal(inputs["source"]))
        return inputs

    async def diff(
        self, urn: str, state: Properties, olds: Properties, news: Properties, ignore: list[str]
    ) -> Diff:
        """Compare inputs. Changed triggers replace the resource; other changes update it."""
        fields = {*FIELDS[_require_supported(resource_type(urn))], _DIGEST}
        old = {key: value for key, value in state.items() if key in fields}
        changes = compare(old, news, lambda path: top_level(path) == "triggers", secrecy_counts=True)
        return Diff(changes, of_inputs=False).without(map(top_level, ignore))

    async def create(
        self, urn: str, inputs: Properties, *, preview: bool, timeout: float
    ) -> tuple[str, Properties]:
        """Run the command of the input `create`, or copy files. Return the id and the state."""
        token = _require_supported(resource_type(urn))
        if preview:
            return "", _preview_outputs(token, inputs)
        results = await self._execute(token, urn, inputs, {}, "create")
        prefix = "" if token == COPY else resource_name(urn)
        return prefix + secrets.token_hex(4), inputs | results

    async def update(
        self,
        urn: str,
        state: Properties,
        olds: Properties,
        news: Properties,
        *,
        preview: bool,
        timeout: float,
    ) -> Properties:
        """Run the command of the input `update`, or of `create` if the resource has no `update`. Return the
        state.
        """
        token = _require_supported(resource_type(urn))
        if preview:
            return _preview_outputs(token, news)
        if token == COPY and all(state.get(key) == news.get(key) for key in (_DIGEST, "remotePath")):
            return news
        previous = {key: state[key] for key in _RESULTS[token] if key in state}
        step = "update" if news.get("update") is not None else "create"
        return news | await self._execute(token, urn, news, previous, step)

    async def read(
        self, urn: str, identity: str, state: Properties, inputs: Properties
    ) -> tuple[Properties, Properties]:
        """Return the stored state and inputs. Raise PluginError for an import.

        A refresh runs no command: the official plugin reads nothing either (pulumi-go-provider, infer, for
        resources without a Read method).
        """
        if not state:
            raise PluginError(f"{resource_type(urn)}: resources of the command plugin cannot be imported")
        return state, inputs

    async def delete(self, urn: str, identity: str, state: Properties, *, timeout: float) -> None:
        """Run the command `delete` with the connection and the stdin in the state. Copied files remain."""
        token = _require_supported(resource_type(urn))
        if token != COPY:
            await self._execute(token, urn, state, state, "delete")

    async def invoke(self, token: str, args: Properties, *, preview: bool) -> Properties:
        """Run a command immediately (function `command:local:run`)."""
        if token != "command:local:run":
            raise PluginError(f"the command plugin has no function {token}")
        inputs = check_inputs(token, args)
        plain = reveal(inputs)
        return inputs | await self._run_command(LOCAL_COMMAND, "", plain, {}, plain["command"])

    async def _execute(
        self, token: str, urn: str, properties: Properties, previous: Properties, step: str
    ) -> Properties:
        inputs = reveal(properties)
        if token == COPY:
            async with connect(inputs["connection"], self._log_lines(urn)) as client:
                await run_to_the_end(copy(client, inputs["source"], inputs["remotePath"]))
            return {}
        command = inputs.get(step)
        if command is None:
            return {"stdout": "", "stderr": ""} | previous
        return await self._run_command(token, urn, inputs, reveal(previous), command)

    async def _run_command(
        self, token: str, urn: str, inputs: Mapping[str, Any], previous: Mapping[str, Any], command: str
    ) -> Properties:
        show = self._log_lines(urn)
        output = Output(inputs.get("logging"), show)
        previous_output = _previous_output(inputs, previous)
        requested = {key: str(value) for key, value in inputs.get("environment", {}).items()}
        if token == LOCAL_COMMAND:
            return await run_locally(command, inputs, requested | previous_output, output)
        async with connect(inputs["connection"], show) as client:
            if refused := await refused_variables(client, requested):
                raise PluginError(_NOT_ACCEPTED.format(refused[0]))
            for name in await refused_variables(client, previous_output):
                await asyncio.to_thread(self._log.warning, urn, _NOT_ACCEPTED.format(name))
                del previous_output[name]
            await run_to_the_end(
                run_remotely(
                    client,
                    command,
                    stdin=inputs.get("stdin"),
                    environment=requested | previous_output,
                    output=output,
                )
            )
        stdout, stderr = output.results()
        return {"stdout": stdout, "stderr": stderr}

    def _log_lines(self, urn: str) -> Show:
        async def show(line: str) -> None:
            await asyncio.to_thread(self._log.status, urn, line)

        return show


def _require_supported(token: str) -> str:
    """Return the type token. Raise PluginError if the plugin does not have the type."""
    if token not in _RESULTS:
        raise PluginError(f"the command plugin has no resource {token}")
    return token


def _previous_output(inputs: Mapping[str, Any], previous: Mapping[str, Any]) -> dict[str, str]:
    """Return the output that the last command of the resource printed, as environment variables."""
    if not inputs.get("addPreviousOutputInEnv", True):
        return {}
    names = {"PULUMI_COMMAND_STDOUT": "stdout", "PULUMI_COMMAND_STDERR": "stderr"}
    return {name: previous[key] for name, key in names.items() if previous.get(key)}


def _preview_outputs(token: str, inputs: Properties) -> Properties:
    return inputs | {key: UNKNOWN for key in ("stdout", "stderr") if key in _RESULTS[token]}
