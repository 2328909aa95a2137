"""What each resource takes: fields, their types, defaults, and what is wrong with given inputs."""

from collections.abc import Mapping

from pulumi.asset import AssetArchive, FileArchive, FileAsset, StringAsset
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import CheckFailure

from lab.plugins.common.values import Properties, as_secret, is_unknown, wrap

_BASE = {
    "create": "string",
    "update": "string",
    "delete": "string",
    "triggers": "list",
    "stdin": "string",
    "environment": "map",
    "logging": "string",
    "addPreviousOutputInEnv": "boolean",
}
_LOCAL = {"interpreter": "list", "dir": "string", "assetPaths": "list", "archivePaths": "list"}
_ENDPOINT = {
    "host": "string",
    "user": "string",
    "port": "number",
    "password": "string",
    "privateKey": "string",
    "privateKeyPassword": "string",
    "agentSocketPath": "string",
    "dialErrorLimit": "number",
    "perDialTimeout": "number",
    "hostKey": "string",
}

LOCAL_COMMAND = "command:local:Command"
REMOTE_COMMAND = "command:remote:Command"
COPY = "command:remote:CopyToRemote"

FIELDS: Mapping[str, Mapping[str, str]] = {
    LOCAL_COMMAND: _BASE | _LOCAL,
    REMOTE_COMMAND: _BASE | {"connection": "map"},
    COPY: {"connection": "map", "source": "asset", "remotePath": "string", "triggers": "list"},
    "command:local:run": {key: kind for key, kind in (_BASE | _LOCAL).items() if key not in _BASE}
    | {key: _BASE[key] for key in ("stdin", "environment", "logging", "addPreviousOutputInEnv")}
    | {"command": "string"},
}
_REQUIRED = {
    REMOTE_COMMAND: ["connection"],
    COPY: ["connection", "source", "remotePath"],
    "command:local:run": ["command"],
}
_ENDPOINT_DEFAULTS = {"user": "root", "port": 22, "dialErrorLimit": 10, "perDialTimeout": 15}
LOGGING = ("stdout", "stderr", "stdoutAndStderr", "none")


def check(kind: str, given: Properties) -> tuple[Properties, list[CheckFailure]]:
    """The inputs with defaults and secrecy filled in, and every failure found in them."""
    failures = _type_failures("", FIELDS[kind], given)
    for key in _REQUIRED.get(kind, []):
        if key not in given or given[key].value is None:
            failures.append(CheckFailure(key, f"Missing required property '{key}'"))
    inputs = dict(given)
    if "addPreviousOutputInEnv" in FIELDS[kind] and "addPreviousOutputInEnv" not in inputs:
        inputs["addPreviousOutputInEnv"] = PropertyValue(True)
    if "logging" in inputs and inputs["logging"].value not in LOGGING and not is_unknown(inputs["logging"]):
        failures.append(CheckFailure("logging", f"must be one of {', '.join(LOGGING)}"))
    if "connection" in inputs:
        failures += _connection_failures("connection", inputs["connection"])
        inputs["connection"] = as_secret(_with_defaults(inputs["connection"]))
    if kind == COPY and "source" in inputs:
        failures += _source_failures(inputs["source"])
    return inputs, failures


def _type_failures(
    prefix: str, fields: Mapping[str, str], given: Mapping[str, PropertyValue]
) -> list[CheckFailure]:
    failures = []
    for key, value in given.items():
        if key.startswith("__"):
            continue
        if key not in fields:
            failures.append(CheckFailure(prefix + key, "Unrecognized field"))
        elif value.value is not None and not is_unknown(value) and not _has_type(value, fields[key]):
            failures.append(CheckFailure(prefix + key, f"must be a {fields[key]}"))
    return failures


def _has_type(value: PropertyValue, kind: str) -> bool:
    return {
        "Bool": "boolean",
        "Number": "number",
        "String": "string",
        "Array": "list",
        "Map": "map",
        "Asset": "asset",
        "Archive": "asset",
    }.get(value.type.value) == kind


def _connection_failures(path: str, connection: PropertyValue) -> list[CheckFailure]:
    if not isinstance(connection.value, Mapping):
        return []
    fields = _ENDPOINT if path.endswith("proxy") else _ENDPOINT | {"proxy": "map"}
    failures = _type_failures(path + ".", fields, connection.value)
    host = connection.value.get("host")
    if host is None or host.value in (None, ""):
        failures.append(CheckFailure(f"{path}.host", "Missing required property 'host'"))
    if "proxy" in connection.value:
        failures += _connection_failures(f"{path}.proxy", connection.value["proxy"])
    return failures


def _with_defaults(connection: PropertyValue) -> PropertyValue:
    if not isinstance(connection.value, Mapping):
        return connection
    filled = {key: wrap(value) for key, value in _ENDPOINT_DEFAULTS.items()} | {
        key: value for key, value in connection.value.items() if value.value is not None
    }
    if "proxy" in filled:
        filled["proxy"] = _with_defaults(filled["proxy"])
    return connection.with_value(filled)


def _source_failures(source: PropertyValue) -> list[CheckFailure]:
    inner = source.value
    if isinstance(inner, FileAsset | StringAsset | FileArchive) or is_unknown(source):
        return []
    if isinstance(inner, AssetArchive):
        return [CheckFailure("archive", "archive must be a path to a file or directory")]
    return [CheckFailure("asset", "asset must be a path-based file asset or a text asset")]
