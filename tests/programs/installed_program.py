"""Program that uses only the installed package. It prints the resources of a cluster and all loaded modules.

Arguments: the directory of the installed package, and the arguments of the cluster as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

sys.path.insert(0, sys.argv[1])

import kubewright
import pulumi
from kubewright.artifacts import index
from kubewright.artifacts.catalogue import DEFAULTS, NODE_ARTIFACTS, version_of
from kubewright.nodeconfig.host_program import ARTIFACT_NAME, digest
from pulumi.runtime import mocks, run_in_stack
from pulumi.runtime.settings import ROOT, SETTINGS

resources: list[tuple[str, str]] = []


class Plugins(mocks.Mocks):
    """Mocks of plugins, which return only the outputs that the package reads."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[Any, Any]]:
        resources.append((args.typ, args.name))
        texts = ("privateKeyPem", "publicKeyPem", "certRequestPem", "certPem")
        return args.name, {**args.inputs, **dict.fromkeys(texts, "pem")}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], None]:
        raise AssertionError(args.token)


class Callbacks:
    """Mock of the callback server, which accepts registrations of hooks."""

    def register_resource_hook(self, hook: object) -> None: ...

    def register_error_hook(self, hook: object) -> None: ...


def load_fake_index(*_: object, **__: object) -> index.Index:
    keys = [
        *(f"{name}/{version_of(name, DEFAULTS)}" for name in NODE_ARTIFACTS),
        f"{ARTIFACT_NAME}/{digest()}",
    ]
    files = {key: index.FileSource(f"https://mirror.test/files/{key}", "0" * 64) for key in keys}
    return index.Index(source="test", versions=DEFAULTS, files=files)


def main() -> None:
    """Create a cluster and print the result as JSON."""
    asyncio.set_event_loop(asyncio.new_event_loop())
    mocks.set_mocks(Plugins(), "kubewright", "test", False)
    ROOT.set(None)
    SETTINGS.callbacks = Callbacks()
    index.load = load_fake_index
    arguments = json.loads(sys.argv[2])
    program = run_in_stack(lambda: kubewright.KubernetesCluster("one", arguments))
    asyncio.get_event_loop().run_until_complete(program)
    modules = sorted({name.partition(".")[0] for name in sys.modules})
    print(json.dumps({"resources": resources, "modules": modules, "pulumi": pulumi.__file__}))


main()
