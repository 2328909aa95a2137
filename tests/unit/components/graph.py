"""The graph of all resources of the program, recorded from Pulumi mocks without an engine or hosts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

import pulumi
from google.protobuf import empty_pb2, json_format
from pulumi.runtime import mocks, run_in_stack
from pulumi.runtime.proto import callback_pb2, resource_pb2, source_pb2
from pulumi.runtime.settings import ROOT, SETTINGS

from artifacts.catalogue import DEFAULTS, NODE_ARTIFACTS, OPTIONAL_ARTIFACTS, version_of
from artifacts.index import FileSource, Index
from automation.signatures import SIGNATURE, has_signature
from nodeconfig.host_program import ARTIFACT_NAME, digest

Json = dict[str, object]
PRIVATE_PREFIX = "PRIVATE-"
"""Beginning of every private value that mocks return, so that tests find leaked values."""
PUBLIC_KEY = """\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEH6cuzP8XuD5wal6wf9M6xDljTOPL
X2i8uIp/C/ASqiIGUeeKQtX0/IR3qCXyThP/dbCiHrF3v1cuhBOHY8CLVg==
-----END PUBLIC KEY-----
"""
"""A P-256 key of Kubernetes' own tests (pkg/serviceaccount/jwt_test.go)."""
PUBLIC_KEY_ID = "SoABiieYuNx4UdqYvZRVeuC6SihxgLrhLy9peHMHpTc"
"""The id of `PUBLIC_KEY` in these tests."""


@dataclass(frozen=True)
class Node:
    """A registered resource. `inputs` are the raw inputs of the request, in which secrets are marked."""

    type: str
    name: str
    urn: str
    parent: str
    provider: str
    deleted_with: str
    inputs: Mapping[str, Any]
    depends_on: frozenset[str]
    hooks: Mapping[str, list[str]]
    timeouts: Mapping[str, str]
    replacement_trigger: object
    protect: bool = False
    ignore_changes: tuple[str, ...] = ()
    retained: bool = False
    transforms: int = 0

    def plain_texts(self) -> Iterator[str]:
        """Yield all texts of the inputs that are not in a secret."""
        yield from _plain_texts(self.inputs)

    def is_secret(self, key: str) -> bool:
        """Return whether the whole value of an input is marked as a secret."""
        return has_signature(self.inputs[key])

    def value(self, key: str) -> object:
        """Return an input without its secret mark."""
        return _without_secret_mark(self.inputs[key])

    def text(self, key: str) -> str:
        """Return an input, which must be a text, without its secret mark."""
        value = self.value(key)
        assert isinstance(value, str), f"{self.name}: {key} is no text"
        return value

    def connection(self) -> Json:
        """Return the connection of a command with all secrets in plain text."""
        connection = self.value("connection")
        assert isinstance(connection, dict)
        return {key: _without_secret_mark(value) for key, value in connection.items()}


@dataclass
class Graph:
    """All resources by URN, the messages of the program, and its outputs."""

    nodes: dict[str, Node] = field(default_factory=dict)
    messages: list[tuple[str, str]] = field(default_factory=list)
    outputs: Json = field(default_factory=dict)

    def of_type(self, kind: str) -> list[Node]:
        """Return the resources whose type ends with `kind`."""
        return [node for node in self.nodes.values() if node.type.endswith(kind)]

    def node(self, name: str) -> Node:
        """Return the only resource with a name."""
        (node,) = (node for node in self.nodes.values() if node.name == name)
        return node

    @property
    def names(self) -> set[tuple[str, str]]:
        """The types and names of all resources."""
        return {(node.type, node.name) for node in self.nodes.values()}

    def dependencies(self, node: Node) -> set[str]:
        """Return the names of all direct and indirect dependencies of a resource."""
        visited_urns: set[str] = set()
        pending_urns = [node.urn]
        while pending_urns:
            current = self.nodes[pending_urns.pop()]
            # To depend on a component is to depend on all of its children.
            children = [child.urn for child in self.nodes.values() if child.parent == current.urn]
            child_urns = children if current.urn != node.urn else []
            for urn in (*current.depends_on, *child_urns, _provider_urn(current.provider)):
                if urn in self.nodes and urn not in visited_urns:
                    visited_urns.add(urn)
                    pending_urns.append(urn)
        return {self.nodes[urn].name for urn in visited_urns}


class _RecordingMonitor(mocks.MockMonitor):
    """Mock of the engine that records the requests."""

    def __init__(self, graph: Graph, plugins: mocks.Mocks) -> None:
        super().__init__(plugins)
        self._graph = graph

    def RegisterResource(
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        response: resource_pb2.RegisterResourceResponse = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        # The engine refuses a second resource with a URN. set_mocks registers a stack before the program.
        is_new = response.urn not in self._graph.nodes or request.type == "pulumi:pulumi:Stack"
        assert is_new, f"duplicate URN {response.urn}"
        self._graph.nodes[response.urn] = Node(
            type=request.type,
            name=request.name,
            urn=response.urn,
            parent=request.parent,
            provider=request.provider,
            deleted_with=request.deletedWith,
            inputs=json_format.MessageToDict(request.object),
            depends_on=frozenset(request.dependencies),
            hooks=json_format.MessageToDict(request.hooks, preserving_proto_field_name=True),
            timeouts=json_format.MessageToDict(request.customTimeouts),
            replacement_trigger=json_format.MessageToDict(request.replacement_trigger),
            protect=request.protect,
            ignore_changes=tuple(request.ignoreChanges),
            retained=request.retainOnDelete,
            transforms=len(request.transforms),
        )
        return response

    def RegisterResourceOutputs(
        self, request: resource_pb2.RegisterResourceOutputsRequest
    ) -> empty_pb2.Empty:
        if "::pulumi:pulumi:Stack::" in request.urn:
            self._graph.outputs = json_format.MessageToDict(request.outputs)
        return empty_pb2.Empty()


class PluginMocks(mocks.Mocks):
    """Mocks of plugins. They return only the outputs that the program reads."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, Json]:
        state = dict(args.inputs)
        if args.typ == "tls:index/privateKey:PrivateKey":
            state |= {
                "privateKeyPem": pulumi.Output.secret(f"{PRIVATE_PREFIX}{args.name}"),
                "publicKeyPem": f"public {args.name}\n{PUBLIC_KEY}",
            }
        elif args.typ == "tls:index/certRequest:CertRequest":
            state["certRequestPem"] = f"request {args.name}"
        elif args.typ.startswith("tls:"):
            state["certPem"] = f"certificate {args.name}"
        return f"{args.name}-id", state

    def call(self, args: mocks.MockCallArgs) -> tuple[Json, list[tuple[str, str]] | None]:
        raise AssertionError(f"the program calls the plugin function {args.token}")


class _CallbackServerMock:
    """Mock of the callback server, which accepts registrations of hooks. Pulumi mocks lack this server."""

    def register_resource_hook(self, hook: pulumi.ResourceHook) -> None:
        assert hook.callback is not None

    def register_error_hook(self, hook: pulumi.ErrorHook) -> None:
        assert hook.callback is not None

    def register_transform(self, transform: pulumi.ResourceTransform) -> callback_pb2.Callback:
        return callback_pb2.Callback(target="mock", token=str(id(transform)))


def record_graph(
    program: Callable[[], object], *, preview: bool = False, plugins: mocks.Mocks | None = None
) -> Graph:
    """Run a Pulumi program with mocks and return its graph. Exceptions of the program are raised."""
    graph = Graph()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    plugins = plugins or PluginMocks()
    mocks.set_mocks(plugins, "kubewright", "test", preview, monitor=_RecordingMonitor(graph, plugins))
    # set_mocks creates a default stack. This code creates the stack as the language host of the engine
    # does.
    ROOT.set(None)
    SETTINGS.callbacks = _CallbackServerMock()
    # Pending calls of other tests belong to closed event loops. The stack would wait for them.
    SETTINGS.outputs.clear()
    SETTINGS.rpc_manager.clear()
    try:
        with _without_unread_inputs():
            loop.run_until_complete(run_in_stack(lambda: cast(None, program())))
    finally:
        loop.close()
        asyncio.set_event_loop(None)
    return graph


@contextmanager
def _without_unread_inputs() -> Iterator[None]:
    """Leave out two parts of requests that mocks do not read, which take two thirds of a run.

    They are the earlier URNs of each resource, of which Azure's plugin has up to 40, and the lines of the
    program that create it.
    """
    with (
        patch("pulumi.resource.collapse_alias_to_urn", lambda *_: ""),
        patch("pulumi.runtime.resource._get_stack_trace", source_pb2.StackTrace),
    ):
        yield


def fake_index() -> Index:
    """Return an index with an address for every artifact, so that tests need no mirror."""
    keys = [f"{name}/{version_of(name, DEFAULTS)}" for name in (*NODE_ARTIFACTS, *OPTIONAL_ARTIFACTS)]
    keys.append(f"{ARTIFACT_NAME}/{digest()}")
    files = {key: FileSource(f"https://mirror.test/files/{key}", "0" * 64) for key in keys}
    return Index(source="test", versions=DEFAULTS, files=files)


def cluster_config(directory: Path, *, workers: int, control_planes: int = 1, **changes: object) -> Json:
    """Return the object `kubewright:cluster`, and create its key files in `directory`."""
    key, known_hosts = directory / "key", directory / "known_hosts"
    control_plane_hosts = {
        f"cp-{i + 1}": {"address": str(IPv4Address("10.89.0.11") + i)} for i in range(control_planes)
    }
    worker_hosts = {f"w-{i + 1}": {"address": str(IPv4Address("10.89.0.21") + i)} for i in range(workers)}
    hosts = control_plane_hosts | worker_hosts
    key.write_text(f"{PRIVATE_PREFIX}ssh-key\n")
    known_hosts.write_text(
        "".join(f"{host['address']} ssh-ed25519 AAAA{name}\n" for name, host in hosts.items())
    )
    cluster: Json = {
        "name": "test",
        "environment": "lab",
        "artifacts": {"mirror": "https://mirror.test"},
        "network": {"machines": ["10.89.0.0/24"], "api_allowed": ["0.0.0.0/0"]},
        "control_planes": {"hosts": list(control_plane_hosts), "schedulable": not workers},
        "pools": {"workers": {"hosts": list(worker_hosts)}} if workers else {},
        "metal": {
            "ssh": {"private_key_file": str(key), "known_hosts_file": str(known_hosts)},
            "hosts": hosts,
        },
    }
    if control_planes > 1:
        cluster["endpoint"] = {"host": "api.test", "port": 6443}
    return cluster | changes


def _provider_urn(reference: str) -> str:
    return reference.rsplit("::", 1)[0]


def without_secret_marks(value: Any) -> Any:  # noqa: ANN401 - any property value
    """Return a property value without secret marks at any depth."""
    if isinstance(value, Mapping):
        if SIGNATURE in value:
            return without_secret_marks(value["value"])
        return {str(key): without_secret_marks(item) for key, item in value.items()}
    return [without_secret_marks(item) for item in value] if isinstance(value, list) else value


def _without_secret_mark(value: object) -> object:
    return value["value"] if isinstance(value, Mapping) and SIGNATURE in value else value


def _plain_texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        if SIGNATURE not in value:
            for item in value.values():
                yield from _plain_texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _plain_texts(item)
