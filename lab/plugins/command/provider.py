"""The provider: what happens to each of the plugin's resources on create, update and delete."""

import asyncio
import json
import secrets
from collections.abc import Mapping
from typing import Any

from pulumi.provider.experimental import provider as api
from pulumi.provider.experimental.property_value import PropertyValue

from lab.plugins.command.copy import copy, digest
from lab.plugins.command.inputs import COPY, FIELDS, LOCAL_COMMAND, REMOTE_COMMAND, check
from lab.plugins.command.local import run as run_here
from lab.plugins.command.output import Output
from lab.plugins.command.ssh import connected, refused
from lab.plugins.command.ssh import run as run_there
from lab.plugins.common.diff import diff_inputs
from lab.plugins.common.engine import EngineLog
from lab.plugins.common.errors import ProviderError
from lab.plugins.common.urns import resource_type
from lab.plugins.common.values import UNKNOWN_VALUE, Properties, contains_unknown, plain, plain_map, wrap

VERSION = "1.2.1"

_NOT_ACCEPTED = (
    "Unable to set '{0}'. This only works if the host's SSH server accepts it (AcceptEnv). "
    "With a POSIX shell on the host, put the variable before the command instead: VAR=value command"
)
_DIGEST = "__sourceDigest"  # the SDK's asset type has no room for a hash; names with "__" are not shown
_RESULTS = {
    LOCAL_COMMAND: ("stdout", "stderr", "assets", "archive"),
    REMOTE_COMMAND: ("stdout", "stderr"),
    COPY: (),
}


class CommandProvider(api.Provider):
    """Resources `local:Command`, `remote:Command`, `remote:CopyToRemote`; function `local:run`."""

    def __init__(self, log: EngineLog) -> None:
        self._log = log

    async def get_schema(self, request: api.GetSchemaRequest) -> api.GetSchemaResponse:
        """Name and version only: programs use the official SDK, which brings its own types."""
        return api.GetSchemaResponse(json.dumps({"name": "command", "version": VERSION}))

    async def configure(self, request: api.ConfigureRequest) -> api.ConfigureResponse:
        """Nothing to configure; secrets are wanted as such, previews are answered."""
        return api.ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def check(self, request: api.CheckRequest) -> api.CheckResponse:
        """Fill in defaults, find what is wrong."""
        inputs, failures = check(_known(resource_type(request.urn)), request.new_inputs)
        if resource_type(request.urn) == COPY and not failures and not contains_unknown(inputs["source"]):
            source: Any = inputs["source"].value
            inputs[_DIGEST] = PropertyValue(await asyncio.to_thread(digest, source))
        return api.CheckResponse(inputs, failures)

    async def diff(self, request: api.DiffRequest) -> api.DiffResponse:
        """Changed triggers replace, everything else updates."""
        fields = {*FIELDS[_known(resource_type(request.urn))], _DIGEST}
        old = {key: value for key, value in request.old_state.items() if key in fields}
        return diff_inputs(
            old, request.new_inputs, replaces=lambda key: key == "triggers", ignore=request.ignore_changes
        )

    async def create(self, request: api.CreateRequest) -> api.CreateResponse:
        """Run `create`, or copy."""
        kind, inputs = _known(resource_type(request.urn)), request.properties
        if request.preview:
            return api.CreateResponse("", _preview(kind, inputs))
        results = await self._apply(kind, request.urn, inputs, {}, "create")
        prefix = "" if kind == COPY else request.name
        return api.CreateResponse(prefix + secrets.token_hex(4), inputs | results)

    async def update(self, request: api.UpdateRequest) -> api.UpdateResponse:
        """Run `update`, or `create` again where there is none."""
        kind = _known(resource_type(request.urn))
        if request.preview:
            return api.UpdateResponse(_preview(kind, request.news))
        if kind == COPY and all(
            request.olds.get(key) == request.news.get(key) for key in (_DIGEST, "remotePath")
        ):
            return api.UpdateResponse(request.news)
        previous = {key: request.olds[key] for key in _RESULTS[kind] if key in request.olds}
        step = "update" if request.news.get("update", PropertyValue.null()).value is not None else "create"
        return api.UpdateResponse(
            request.news | await self._apply(kind, request.urn, request.news, previous, step)
        )

    async def delete(self, request: api.DeleteRequest) -> None:
        """Run `delete` with the connection and the input kept in the state; copies stay."""
        kind = _known(resource_type(request.urn))
        if kind != COPY:
            await self._apply(kind, request.urn, request.properties, request.properties, "delete")

    async def invoke(self, request: api.InvokeRequest) -> api.InvokeResponse:
        """`command:local:run`: run a command at once."""
        if request.tok != "command:local:run":
            raise ProviderError(f"the command plugin has no function {request.tok}")
        inputs, failures = check(request.tok, request.args)
        if failures:
            return api.InvokeResponse(failures=failures)
        results = await self._run(LOCAL_COMMAND, "", plain_map(inputs), {}, plain(inputs["command"]))
        return api.InvokeResponse(inputs | results)

    async def _apply(
        self, kind: str, urn: str, properties: Properties, previous: Properties, step: str
    ) -> Properties:
        inputs = plain_map(properties)
        if kind == COPY:
            async with connected(inputs["connection"], lambda line: self._log.status(urn, line)) as client:
                await copy(client, inputs["source"], inputs["remotePath"])
            return {}
        command = inputs.get(step)
        if command is None:
            return {"stdout": PropertyValue(""), "stderr": PropertyValue("")} | previous
        return await self._run(kind, urn, inputs, plain_map(previous), command)

    async def _run(
        self, kind: str, urn: str, inputs: Mapping[str, Any], previous: Mapping[str, Any], command: str
    ) -> Properties:
        async def show(line: str) -> None:
            await self._log.status(urn, line)

        output = Output(inputs.get("logging"), show)
        kept = _previous_output(inputs, previous)
        wanted = {key: str(value) for key, value in inputs.get("environment", {}).items()}
        if kind == LOCAL_COMMAND:
            results = await run_here(command, inputs, wanted | kept, output)
            return {key: wrap(value) for key, value in results.items()}
        async with connected(inputs["connection"], show) as client:
            if refusals := await refused(client, wanted):
                raise ProviderError(_NOT_ACCEPTED.format(refusals[0]))
            for name in await refused(client, kept):
                await self._log.warning(urn, _NOT_ACCEPTED.format(name))
                del kept[name]
            await run_there(
                client, command, stdin=inputs.get("stdin"), environment=wanted | kept, output=output
            )
        stdout, stderr = output.results()
        return {"stdout": PropertyValue(stdout), "stderr": PropertyValue(stderr)}


def _known(kind: str) -> str:
    if kind not in _RESULTS:
        raise ProviderError(f"the command plugin has no resource {kind}")
    return kind


def _previous_output(inputs: Mapping[str, Any], previous: Mapping[str, Any]) -> dict[str, str]:
    if not inputs.get("addPreviousOutputInEnv", True):
        return {}
    names = {"PULUMI_COMMAND_STDOUT": "stdout", "PULUMI_COMMAND_STDERR": "stderr"}
    return {name: previous[key] for name, key in names.items() if previous.get(key)}


def _preview(kind: str, inputs: Properties) -> Properties:
    return inputs | {key: UNKNOWN_VALUE for key in ("stdout", "stderr") if key in _RESULTS[kind]}
