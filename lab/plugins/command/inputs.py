"""Inputs of the resources of the command plugin: fields, types, defaults and checks."""

from collections.abc import Mapping

from lab.plugins.runtime.errors import CheckError, CheckFailure
from lab.plugins.runtime.values import (
    UNKNOWN,
    Properties,
    Secret,
    Value,
    as_secret,
    is_asset,
    is_unknown,
    without_secret,
)

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

FIELDS: Mapping[str, Mapping[str, str]] = {  # by type token: the type of each input
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
_ENDPOINT_SECRETS = ("password", "privateKey", "privateKeyPassword")
_ENDPOINT_DEFAULTS: Mapping[str, Value] = {
    "user": "root",
    "port": 22,
    "dialErrorLimit": 10,
    "perDialTimeout": 15,
}
LOGGING = ("stdout", "stderr", "stdoutAndStderr", "none")


def check_inputs(token: str, news: Properties) -> Properties:
    """Return the inputs of a resource or function with defaults.

    The connection is a secret, and its keys and passwords are secrets of their own inside it.

    Raise CheckError with all wrong inputs.
    """
    failures = _type_failures("", FIELDS[token], news)
    for key in _REQUIRED.get(token, []):
        if news.get(key) is None:
            failures.append(CheckFailure(key, f"Missing required property '{key}'"))
    inputs = dict(news)
    if "addPreviousOutputInEnv" in FIELDS[token]:
        inputs.setdefault("addPreviousOutputInEnv", True)
    if without_secret(inputs.get("logging")) not in (None, UNKNOWN, *LOGGING):
        failures.append(CheckFailure("logging", f"must be one of {', '.join(LOGGING)}"))
    if "connection" in inputs:
        failures += _connection_failures("connection", inputs["connection"])
        inputs["connection"] = Secret(_complete_endpoint(inputs["connection"]))
    if token == COPY and "source" in inputs:
        failures += _source_failures(inputs["source"])
    if failures:
        raise CheckError(failures)
    return inputs


def _type_failures(prefix: str, fields: Mapping[str, str], news: Mapping[str, Value]) -> list[CheckFailure]:
    failures = []
    for key, value in news.items():
        if key.startswith("__"):
            continue
        if key not in fields:
            failures.append(CheckFailure(prefix + key, "Unrecognized field"))
        elif value is not None and not is_unknown(value) and _type_of(value) != fields[key]:
            failures.append(CheckFailure(prefix + key, f"must be a {fields[key]}"))
    return failures


def _type_of(value: Value) -> str:
    inner = without_secret(value)
    if is_asset(inner):
        return "asset"
    types = {bool: "boolean", int: "number", float: "number", str: "string", list: "list", dict: "map"}
    return types[type(inner)]


def _connection_failures(path: str, connection: Value) -> list[CheckFailure]:
    inner = without_secret(connection)
    if not isinstance(inner, Mapping):
        return []
    fields = _ENDPOINT if path.endswith("proxy") else _ENDPOINT | {"proxy": "map"}
    failures = _type_failures(path + ".", fields, inner)
    if without_secret(inner.get("host")) in (None, ""):
        failures.append(CheckFailure(f"{path}.host", "Missing required property 'host'"))
    if "proxy" in inner:
        failures += _connection_failures(f"{path}.proxy", inner["proxy"])
    return failures


def _complete_endpoint(endpoint: Value) -> Value:
    """Return a connection or proxy with defaults, and with its keys and passwords as secrets."""
    inner = without_secret(endpoint)
    if not isinstance(inner, Mapping):
        return inner
    complete = {**_ENDPOINT_DEFAULTS} | {key: value for key, value in inner.items() if value is not None}
    complete |= {key: as_secret(complete[key]) for key in _ENDPOINT_SECRETS if key in complete}
    if "proxy" in complete:
        complete["proxy"] = _complete_endpoint(complete["proxy"])
    return complete


def _source_failures(source: Value) -> list[CheckFailure]:
    inner = without_secret(source)
    if inner is UNKNOWN or not is_asset(inner):
        return []
    if "assets" in inner:
        return [CheckFailure("archive", "archive must be a path to a file or directory")]
    if "uri" in inner:
        return [CheckFailure("asset", "asset must be a path-based file asset or a text asset")]
    return []
