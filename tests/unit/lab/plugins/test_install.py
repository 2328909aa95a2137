"""Tests of the installation of official plugins and stand-ins, with a fake of the command `pulumi`."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from lab.plugins import official
from lab.plugins.install import install
from lab.plugins.kinds import Installed, InstallError, PluginKind

# A fake `pulumi plugin install`. It unpacks --file as the real command does, downloads only if DOWNLOADS is
# set, and writes a log.
FAKE_ENGINE = """#!/bin/sh
echo "$*" >> "$LOG"
dir="$PULUMI_HOME/plugins/resource-$4-v$5"
if [ "$7" = --file ]; then
  rm -rf "$dir"; mkdir -p "$dir"; tar -xzf "$8" -C "$dir"
elif [ -n "$DOWNLOADS" ]; then
  rm -rf "$dir"; mkdir -p "$dir"; : > "$dir/pulumi-resource-$4"
else
  echo "${ANSWER:-error: no such host}" >&2; exit 255
fi
"""


class FakeMachine:
    """A directory with a fake command `pulumi`, a log of its calls, and a Pulumi home directory."""

    def __init__(self, directory: Path) -> None:
        self.home = directory / "home"
        self.engine = directory / "pulumi"
        self.engine.write_text(FAKE_ENGINE)
        self.engine.chmod(0o755)
        self.log = directory / "log"
        self.log.touch()

    def calls(self) -> int:
        """Return the number of calls of the fake command `pulumi`."""
        return len(self.log.read_text().splitlines())

    def plugin(self, name: str) -> Path:
        """Return the directory of an installed plugin."""
        return self.home / "plugins" / f"resource-{name}-v{version(f'pulumi-{name}')}"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeMachine:
    machine = FakeMachine(tmp_path)
    monkeypatch.setenv("LOG", str(machine.log))
    monkeypatch.setenv("KUBEWRIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("DOWNLOADS", raising=False)
    return machine


def install_official(machine: FakeMachine, *names: str) -> list[Installed]:
    """Install official plugins."""
    return install(machine.engine, machine.home, names, PluginKind.OFFICIAL)


def test_official_plugins_are_downloaded_once(machine: FakeMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOWNLOADS", "yes")
    assert [str(item) for item in install_official(machine, "command", "tls")] == [
        f"plugin command {version('pulumi-command')}: official, installed",
        f"plugin tls {version('pulumi-tls')}: official, installed",
    ]
    assert [item.fresh for item in install_official(machine, "command", "tls")] == [False, False]
    assert machine.calls() == 2


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (
            "error: [resource plugin tls-5.6.2] downloading: 403 HTTP error fetching plugin from https://example",
            "the server refused the download: .*403 HTTP error",
        ),
        (
            "warning: Error downloading plugin: dial tcp: no such host\nerror: failed all 5 attempts",
            "the download failed: dial tcp: no such host; check the network and the proxy",
        ),
    ],
)
def test_failed_download_is_an_error_and_installs_no_stand_in(
    machine: FakeMachine, monkeypatch: pytest.MonkeyPatch, answer: str, problem: str
) -> None:
    monkeypatch.setenv("ANSWER", answer)
    with pytest.raises(InstallError, match=f"^plugin tls .*{problem}") as caught:
        install_official(machine, "tls")
    assert "put pulumi-resource-tls on PATH" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not machine.plugin("tls").exists()


def test_slow_download_is_an_error_and_installs_no_stand_in(
    machine: FakeMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.engine.write_text("#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr(official, "_DOWNLOAD_SECONDS", 0.2)
    with pytest.raises(InstallError, match=r"the download did not end within 0 s; check the network"):
        install_official(machine, "tls")
    assert not machine.plugin("tls").exists()


def test_plugin_on_path_counts_as_installed_unless_the_engine_ignores_it(
    machine: FakeMachine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "pulumi-resource-tls").write_text("#!/bin/sh\n")
    (programs / "pulumi-resource-tls").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    assert [item.fresh for item in install_official(machine, "tls")] == [False]
    assert machine.calls() == 0
    monkeypatch.setenv("PULUMI_IGNORE_AMBIENT_PLUGINS", "true")
    with pytest.raises(InstallError):
        install_official(machine, "tls")


def test_stand_in_is_installed_without_a_download(machine: FakeMachine) -> None:
    installed = install(machine.engine, machine.home, ["command", "tls"])
    assert [(item.kind, item.fresh) for item in installed] == [("stand-in", True), ("stand-in", True)]
    assert all("--file" in call for call in machine.log.read_text().splitlines())
    again = install(machine.engine, machine.home, ["command", "tls"])
    assert [(item.kind, item.fresh) for item in again] == [("stand-in", False), ("stand-in", False)]


def test_stand_in_in_the_home_of_official_plugins_is_replaced(
    machine: FakeMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Version 0.1 had one engine home for both kinds."""
    install(machine.engine, machine.home, ["tls"])
    with pytest.raises(InstallError):
        install_official(machine, "tls")
    monkeypatch.setenv("DOWNLOADS", "yes")
    assert [(item.kind, item.fresh) for item in install_official(machine, "tls")] == [("official", True)]


def test_changed_sources_are_installed_again(machine: FakeMachine) -> None:
    install(machine.engine, machine.home, ["tls"])
    (machine.plugin("tls") / "stand-in.sha256").write_text("of other sources")
    assert [item.fresh for item in install(machine.engine, machine.home, ["tls"])] == [True]


@pytest.mark.parametrize("name", ["command", "tls"])
def test_installed_stand_in_runs_its_copy_in_any_directory(
    machine: FakeMachine, name: str, tmp_path: Path
) -> None:
    install(machine.engine, machine.home, [name])
    plugin = machine.plugin(name) / f"pulumi-resource-{name}"
    away = tmp_path / "away"
    (away / "lab").mkdir(parents=True)
    (away / "lab" / "__init__.py").write_text("raise SystemExit('the wrong lab')\n")
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(away)}
    with subprocess.Popen(
        [plugin, "127.0.0.1:1"], cwd=away, env=environment, stdout=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        assert int(running.stdout.readline()) > 0
        running.terminate()
    assert list((machine.plugin(name) / "lab/plugins" / name / "__pycache__").glob("provider.*.pyc"))


def test_plugin_ends_after_its_engine_was_killed(machine: FakeMachine, tmp_path: Path) -> None:
    install(machine.engine, machine.home, ["command"])
    plugin = machine.plugin("command") / "pulumi-resource-command"
    started = tmp_path / "started"
    engine = subprocess.Popen(
        ["/bin/sh", "-c", f"{plugin} 127.0.0.1:1 > {started} & echo $! ; wait"], stdout=-1
    )
    assert engine.stdout is not None
    pid = int(engine.stdout.readline())
    for _ in range(200):
        if started.exists() and started.read_text():
            break
        _sleep()
    engine.kill()
    engine.wait()
    for _ in range(200):
        if not Path(f"/proc/{pid}/cmdline").exists() or not Path(f"/proc/{pid}/cmdline").read_bytes():
            break
        _sleep()
    else:
        pytest.fail(f"the plugin {pid} outlived its engine")


def _sleep() -> None:
    subprocess.run(["sleep", "0.05"], check=True)


def test_plugin_without_a_python_package_is_an_error(machine: FakeMachine) -> None:
    with pytest.raises(InstallError, match="install the Python package pulumi-nonesuch"):
        install(machine.engine, machine.home, ["nonesuch"])


def test_rejected_tarball_is_an_error(machine: FakeMachine) -> None:
    machine.engine.write_text("#!/bin/sh\necho 'error: disk full' >&2\nexit 1\n")
    with pytest.raises(
        InstallError, match="plugin tls: the stand-in could not be installed: error: disk full"
    ):
        install(machine.engine, machine.home, ["tls"])


def test_command_prints_one_line_per_plugin(machine: FakeMachine) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "lab.plugins.install",
            "--pulumi",
            machine.engine,
            "--home",
            machine.home,
            "tls",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == f"plugin tls {version('pulumi-tls')}: stand-in, installed\n", done.stderr
