import asyncio
import threading
from collections.abc import Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

import asyncssh
import pytest
from pulumi.asset import FileArchive, StringAsset
from pulumi.provider.experimental import provider as api
from pulumi.provider.experimental.property_value import PropertyValue as Value
from pulumi.runtime.rpc import UNKNOWN

from lab.plugins.command.provider import CommandProvider
from lab.plugins.common.engine import EngineLog
from lab.plugins.common.errors import ProviderError
from lab.plugins.common.values import Properties, plain, wrap

Result = TypeVar("Result")


class Log:
    """Keeps what would be shown to the user."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.warnings: list[str] = []

    async def status(self, urn: str, text: str) -> None:
        self.lines.append(text)

    async def warning(self, urn: str, text: str) -> None:
        self.warnings.append(text)


class Plugin:
    """The provider, driven as the engine does it: check, then diff or create."""

    def __init__(self, kind: str) -> None:
        self.urn = f"urn:pulumi:dev::kubewright::{kind}::thing"
        self.log = Log()
        self.provider = CommandProvider(cast(EngineLog, self.log))

    def check(self, inputs: Mapping[str, Any]) -> api.CheckResponse:
        given = {key: wrap(value) for key, value in inputs.items()}
        return run(self.provider.check(api.CheckRequest(self.urn, {}, given, b"")))

    def inputs(self, inputs: Mapping[str, Any]) -> Properties:
        checked = self.check(inputs)
        assert not checked.failures, [(item.property, item.reason) for item in checked.failures]
        assert checked.inputs is not None
        return checked.inputs

    def create(self, inputs: Mapping[str, Any], *, preview: bool = False) -> api.CreateResponse:
        return run(self.provider.create(api.CreateRequest(self.urn, self.inputs(inputs), 0, preview)))

    def diff(self, state: Properties, inputs: Mapping[str, Any]) -> api.DiffResponse:
        return run(self.provider.diff(api.DiffRequest(self.urn, "id", state, self.inputs(inputs), [])))

    def update(self, state: Properties, inputs: Mapping[str, Any]) -> Properties:
        request = api.UpdateRequest(self.urn, "id", state, self.inputs(inputs), 0, [], False)
        return run(self.provider.update(request)).properties

    def delete(self, state: Properties) -> None:
        run(self.provider.delete(api.DeleteRequest(self.urn, "id", state, 0)))


def run(work: Coroutine[Any, Any, Result]) -> Result:
    return asyncio.run(work)


@pytest.fixture
def local() -> Plugin:
    return Plugin("command:local:Command")


@pytest.fixture
def remote() -> Plugin:
    return Plugin("command:remote:Command")


def test_a_local_command_gives_its_output(local: Plugin) -> None:
    made = local.create({"create": "cat; echo more; echo fault >&2", "stdin": "in\n"})
    assert plain(made.properties["stdout"]) == "in\nmore"
    assert plain(made.properties["stderr"]) == "fault"
    assert made.resource_id is not None
    assert made.resource_id.startswith("thing")
    assert sorted(local.log.lines) == ["fault", "in", "more"]


@pytest.mark.parametrize(
    ("logging", "shown"),
    [("none", []), ("stdout", ["out"]), ("stderr", ["err"]), ("stdoutAndStderr", ["err", "out"])],
)
def test_logging_says_what_is_shown(local: Plugin, logging: str, shown: list[str]) -> None:
    local.create({"create": "printf out; printf err >&2", "logging": logging})
    assert sorted(local.log.lines) == shown


def test_a_failing_command_reports_status_text_and_output_but_not_its_input(local: Plugin) -> None:
    with pytest.raises(ProviderError) as caught:
        local.create({"create": "cat >/dev/null; echo why; exit 7", "stdin": "swordfish"})
    assert str(caught.value) == 'exit status 7: running "cat >/dev/null; echo why; exit 7":\nwhy\n'


def test_a_killed_command_names_the_signal(local: Plugin) -> None:
    with pytest.raises(ProviderError, match="signal: SIGKILL"):
        local.create({"create": "kill -KILL $$"})


def test_environment_directory_and_interpreter(local: Plugin, tmp_path: Path) -> None:
    made = local.create(
        {
            "create": "import os; print(os.environ['A'], os.getcwd())",
            "interpreter": ["python3", "-c"],
            "environment": {"A": "b"},
            "dir": str(tmp_path),
        }
    )
    assert plain(made.properties["stdout"]) == f"b {tmp_path}"


def test_found_files_become_assets(local: Plugin, tmp_path: Path) -> None:
    made = local.create(
        {
            "create": "mkdir -p a/b; touch a/x.js a/b/y.js a/secret.js z.txt",
            "dir": str(tmp_path),
            "assetPaths": ["a/**.js", "!**secret.*"],
            "archivePaths": ["*.{txt,md}"],
        }
    )
    assert sorted(plain(made.properties["assets"])) == ["a/b/y.js", "a/x.js"]
    archive: Any = made.properties["archive"].value
    assert list(archive.assets) == ["z.txt"]


def test_an_update_runs_create_again_and_sees_the_previous_output(local: Plugin) -> None:
    first = local.create({"create": "echo one"})
    again = local.update(first.properties, {"create": 'echo "was $PULUMI_COMMAND_STDOUT"'})
    assert plain(again["stdout"]) == "was one"
    inputs = {"create": 'echo "was $PULUMI_COMMAND_STDOUT"', "addPreviousOutputInEnv": False}
    assert plain(local.update(again, inputs)["stdout"]) == "was "


def test_an_update_prefers_update_and_delete_uses_the_state(local: Plugin, tmp_path: Path) -> None:
    state = local.create({"delete": f"echo $PULUMI_COMMAND_STDOUT > {tmp_path}/gone"}).properties
    assert plain(state["stdout"]) == ""
    state = local.update(state, {"create": "echo no", "update": "echo yes", "delete": plain(state["delete"])})
    assert plain(state["stdout"]) == "yes"
    local.delete(state)
    assert (tmp_path / "gone").read_text() == "yes\n"


def test_a_preview_runs_nothing(local: Plugin, tmp_path: Path) -> None:
    made = local.create({"create": f"touch {tmp_path}/made"}, preview=True)
    assert not (tmp_path / "made").exists()
    assert made.properties["stdout"].value == UNKNOWN
    assert plain(made.properties["create"]) == f"touch {tmp_path}/made"


def test_the_function_runs_at_once(local: Plugin) -> None:
    request = api.InvokeRequest("command:local:run", {"command": Value("echo now")})
    result = run(local.provider.invoke(request)).return_value
    assert result is not None
    assert plain(result["stdout"]) == "now"


CONNECTION = {"host": "h", "privateKey": "k"}


def test_a_connection_gets_defaults_and_is_secret(remote: Plugin) -> None:
    inputs = remote.inputs({"connection": CONNECTION | {"proxy": {"host": "p"}}})
    assert inputs["connection"].is_secret
    defaults = {"user": "root", "port": 22, "dialErrorLimit": 10, "perDialTimeout": 15}
    assert plain(inputs["connection"]) == defaults | CONNECTION | {"proxy": defaults | {"host": "p"}}
    assert inputs["addPreviousOutputInEnv"] == Value(True)


@pytest.mark.parametrize(
    ("inputs", "field"),
    [
        ({}, "connection"),
        ({"connection": {"user": "root"}}, "connection.host"),
        ({"connection": {"host": "h", "proxy": {"port": 22}}}, "connection.proxy.host"),
        ({"connection": {"host": "h", "port": "22"}}, "connection.port"),
        ({"connection": {"host": "h", "sshPort": 22}}, "connection.sshPort"),
        ({"connection": CONNECTION, "create": ["a"]}, "create"),
        ({"connection": CONNECTION, "crate": "a"}, "crate"),
        ({"connection": CONNECTION, "logging": "all"}, "logging"),
    ],
)
def test_wrong_inputs_are_named(remote: Plugin, inputs: Mapping[str, Any], field: str) -> None:
    failures = remote.check(inputs).failures
    assert failures is not None
    assert [item.property for item in failures] == [field]


def test_an_unknown_connection_is_accepted(remote: Plugin) -> None:
    assert remote.inputs({"connection": UNKNOWN})["connection"].value == UNKNOWN
    assert plain(remote.inputs({"connection": {"host": UNKNOWN}})["connection"])["host"] == UNKNOWN


def test_only_triggers_replace_and_a_state_equals_its_inputs(remote: Plugin) -> None:
    inputs = {"connection": CONNECTION, "create": "a", "stdin": "s", "triggers": ["1"]}
    state = remote.inputs(inputs) | {"stdout": Value("x"), "stderr": Value("")}
    assert remote.diff(state, inputs).changes is False
    changed = remote.diff(state, inputs | {"create": "b", "connection": CONNECTION | {"host": "i"}})
    assert (changed.diffs, changed.replaces) == (["connection", "create"], [])
    assert remote.diff(state, inputs | {"triggers": ["2"]}).replaces == ["triggers"]


class Forwarder(asyncssh.SSHServer):
    """Lets its users connect onwards, and notes where to."""

    def __init__(self, forwarded: list[int]) -> None:
        self._forwarded = forwarded

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        self._forwarded.append(dest_port)
        return True


class Host(threading.Thread):
    """An SSH server on loopback, in a thread; its commands run in a local shell."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.key = asyncssh.generate_private_key("ssh-ed25519")
        self.user_key = asyncssh.generate_private_key("ssh-ed25519")
        self.port = 0
        self.connections = 0
        self.forwarded: list[int] = []
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()

    def run(self) -> None:
        self._loop.run_until_complete(self._listen())
        self._ready.set()
        self._loop.run_forever()

    async def _listen(self) -> None:
        authorized = asyncssh.import_authorized_keys(self.user_key.export_public_key().decode())
        server = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=lambda: Forwarder(self.forwarded),
            server_host_keys=[self.key],
            authorized_client_keys=authorized,
            process_factory=self._serve,
            sftp_factory=True,
            encoding=None,
        )
        self.port = server.get_port()

    async def _serve(self, process: "asyncssh.SSHServerProcess[bytes]") -> None:
        self.connections += 1
        command = process.command or ""
        if command == "hang up":
            process.channel.get_connection().abort()
            return
        if command == "by signal":
            process.exit_with_signal("KILL")
            return
        environment = {key: value for key, value in process.env.items() if key != "REFUSED"}
        shell = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            command,
            env={"PATH": "/usr/bin:/bin"} | {str(k): str(v) for k, v in environment.items()},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        stdout, stderr = await shell.communicate(await process.stdin.read())
        process.stdout.write(stdout)
        process.stderr.write(stderr)
        process.exit(shell.returncode or 0)

    def __enter__(self) -> "Host":
        self.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self.join(10)

    def connection(self, **changes: object) -> dict[str, Any]:
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "privateKey": self.user_key.export_private_key().decode(),
            "hostKey": self.key.export_public_key().decode(),
            "dialErrorLimit": 1,
            "perDialTimeout": 5,
        } | changes


@pytest.fixture
def host() -> Iterator[Host]:
    with Host() as running:
        yield running


def test_a_remote_command_gets_its_input_and_gives_its_output(remote: Plugin, host: Host) -> None:
    made = remote.create(
        {"connection": host.connection(), "create": "wc -c; echo e >&2", "stdin": "x" * 300_000}
    )
    assert plain(made.properties["stdout"]).strip() == "300000"
    assert plain(made.properties["stderr"]) == "e"


def test_a_failing_remote_command_reports_status_text_and_output(remote: Plugin, host: Host) -> None:
    with pytest.raises(ProviderError) as caught:
        remote.create({"connection": host.connection(), "create": "echo why; exit 3", "stdin": "swordfish"})
    assert str(caught.value) == 'Process exited with status 3: running "echo why; exit 3":\nwhy\n'


@pytest.mark.parametrize("command", ["hang up", "by signal"])
def test_a_lost_or_killed_command_is_an_error_and_no_wait(remote: Plugin, host: Host, command: str) -> None:
    with pytest.raises(ProviderError, match=command):
        remote.create({"connection": host.connection(), "create": command})


def test_a_wrong_host_key_is_refused(remote: Plugin, host: Host) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    with pytest.raises(ProviderError, match=r"after 2 failed attempts: .*127\.0\.0\.1.*hostKey"):
        remote.create({"connection": host.connection(hostKey=other), "create": "true"})
    assert host.connections == 0


def test_a_wrong_user_key_is_refused(remote: Plugin, host: Host) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    with pytest.raises(ProviderError, match="unable to authenticate"):
        remote.create({"connection": host.connection(privateKey=other), "create": "true"})


def test_what_is_no_key_is_named_but_not_shown(remote: Plugin, host: Host) -> None:
    with pytest.raises(ProviderError, match="privateKey cannot be read") as caught:
        remote.create({"connection": host.connection(privateKey="swordfish"), "create": "true"})
    assert "swordfish" not in str(caught.value)


def test_a_host_that_is_away_is_named_after_the_dials(remote: Plugin) -> None:
    connection = {"host": "127.0.0.1", "port": 9, "dialErrorLimit": 2, "perDialTimeout": 2}
    with pytest.raises(ProviderError, match=r"after 3 failed attempts: ssh to root@127\.0\.0\.1:9"):
        remote.create({"connection": connection, "create": "true"})
    assert remote.log.lines == ["Dial 1/3 failed: retrying", "Dial 2/3 failed: retrying"]


def test_a_proxy_leads_to_the_host(remote: Plugin, host: Host) -> None:
    with Host() as bastion:
        connection = host.connection(proxy=bastion.connection())
        made = remote.create({"connection": connection, "create": "echo through"})
        assert bastion.forwarded == [host.port]
    assert plain(made.properties["stdout"]) == "through"


def test_an_environment_the_host_does_not_accept_is_an_error(remote: Plugin, host: Host) -> None:
    inputs = {"connection": host.connection(), "create": 'echo "$A"', "environment": {"A": "b"}}
    assert plain(remote.create(inputs).properties["stdout"]) == "b"
    with pytest.raises(ProviderError, match="Unable to set 'REFUSED'"):
        remote.create(inputs | {"environment": {"REFUSED": "x"}})


def test_delete_runs_on_the_host_of_the_state(remote: Plugin, host: Host, tmp_path: Path) -> None:
    inputs = {
        "connection": host.connection(),
        "create": "true",
        "delete": f"cat > {tmp_path}/d",
        "stdin": "bye",
    }
    remote.delete(remote.create(inputs).properties)
    assert (tmp_path / "d").read_text() == "bye"


def test_copies(host: Host, tmp_path: Path) -> None:
    copies = Plugin("command:remote:CopyToRemote")
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "sub/file").write_text("one")
    inputs = {
        "connection": host.connection(),
        "source": Value(FileArchive(str(tree))),
        "remotePath": f"{tmp_path}/there",
    }
    state = copies.create(inputs).properties
    assert (tmp_path / "there/tree/sub/file").read_text() == "one"
    assert copies.diff(state, inputs).changes is False
    (tree / "sub/file").write_text("two")
    assert copies.diff(state, inputs).changes is True
    copies.update(state, inputs)
    assert (tmp_path / "there/tree/sub/file").read_text() == "two"
    text = inputs | {"source": Value(StringAsset("text")), "remotePath": f"{tmp_path}/text"}
    copies.create(text)
    assert (tmp_path / "text").read_text() == "text"
    with pytest.raises(ProviderError, match="is a directory"):
        copies.create(text | {"remotePath": str(tmp_path)})


def test_a_missing_source_is_an_error(host: Host) -> None:
    copies = Plugin("command:remote:CopyToRemote")
    missing = Value(FileArchive("/does/not/exist"))
    with pytest.raises(ProviderError, match="cannot read /does/not/exist"):
        copies.check({"connection": host.connection(), "source": missing, "remotePath": "/x"})
