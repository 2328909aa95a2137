"""Tests of changes of the engine in stack files: encryption keys, and edits by commands."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from automation import stack_file, workspace
from automation.engine.edit import edit_stack_file, edits_stack_file
from automation.engine.program import Engine
from automation.environment import Environment
from automation.errors import UserError

# The program edits the stack file with the command `edit`, and prints its arguments, its input and the file.
ENGINE = """#!/bin/sh
echo "arguments: $*"
echo "input: $(cat)"
cat Pulumi.prod.yaml
{edit}
"""
STACK_FILE = "# comment\nconfig:\n  kubewright:cluster: {name: prod}  # name\n"
SECURE = "  x:token: {secure: v1:a}\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "Pulumi.prod.yaml"
    path.write_text(STACK_FILE)
    return path


def prepare(tmp_path: Path, source: Path, edit: str = "") -> Engine:
    environment = Environment(state=tmp_path / "state", cache=tmp_path / "cache")
    environment.tools.mkdir(parents=True, exist_ok=True)
    (environment.tools / "pulumi").write_text(ENGINE.format(edit=edit))
    (environment.tools / "pulumi").chmod(0o755)
    prepared = workspace.prepare(environment=environment, stack="acme/prod", source=source)
    return Engine(environment, prepared)


def write_copy(engine: Engine, **encryption: str) -> None:
    """Add lines to the copy of the stack file, as the engine does."""
    copy = engine.workspace.merged_stack_file
    copy.write_text(copy.read_text() + yaml.safe_dump(encryption))


class TestEncryption:
    def test_generated_salt_is_not_written_to_a_stack_file_without_secrets(
        self, tmp_path: Path, source: Path
    ) -> None:
        engine = prepare(tmp_path, source)
        write_copy(engine, encryptionsalt="v1:s")
        engine.workspace.save_encryption_keys()
        assert source.read_text() == STACK_FILE
        assert prepare(tmp_path, source).workspace.encryption_keys == {"encryptionsalt": "v1:s"}

    def test_salt_of_encrypted_values_is_written_into_the_stack_file(
        self, tmp_path: Path, source: Path
    ) -> None:
        source.write_text(STACK_FILE + SECURE)
        engine = prepare(tmp_path, source)
        write_copy(engine, encryptionsalt="v1:s")
        engine.workspace.save_encryption_keys()
        assert source.read_text() == f"{STACK_FILE}{SECURE}encryptionsalt: v1:s\n"

    def test_data_key_of_a_secrets_provider_is_written_into_the_stack_file(
        self, tmp_path: Path, source: Path
    ) -> None:
        head = "secretsprovider: awskms://alias/x\n"
        source.write_text(head + STACK_FILE)
        engine = prepare(tmp_path, source)
        write_copy(engine, encryptedkey="abc")
        engine.workspace.save_encryption_keys()
        assert source.read_text() == f"{head}{STACK_FILE}encryptedkey: abc\n"
        merged = yaml.safe_load(prepare(tmp_path, source).workspace.merged_stack_file.read_text())
        assert (merged["secretsprovider"], merged["encryptedkey"]) == ("awskms://alias/x", "abc")

    def test_key_of_another_secrets_provider_is_not_used(self, tmp_path: Path, source: Path) -> None:
        source.write_text(f"secretsprovider: awskms://alias/x\n{STACK_FILE}")
        write_copy(prepare(tmp_path, source), encryptedkey="abc")
        source.write_text(f"secretsprovider: awskms://alias/y\n{STACK_FILE}")
        assert prepare(tmp_path, source).workspace.encryption_keys == {"secretsprovider": "awskms://alias/y"}

    def test_key_in_the_stack_file_is_preferred(self) -> None:
        assert stack_file.encryption_keys_of({"encryptionsalt": "own"}, {"encryptionsalt": "earlier"}) == {
            "encryptionsalt": "own"
        }


class TestEdit:
    EDIT = "echo '  x:new: 1' >>Pulumi.prod.yaml"

    def test_edit_of_the_engine_is_written_to_the_stack_file(
        self, tmp_path: Path, source: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        source.chmod(0o640)
        engine = prepare(tmp_path, source, self.EDIT)
        assert edit_stack_file(engine, "config", ["set", "--secret", "x:new"], "the-value") == 0
        assert source.read_text() == f"{STACK_FILE}  x:new: 1\n"
        assert source.stat().st_mode & 0o777 == 0o640
        output = capsys.readouterr().out
        assert "arguments: config set --secret x:new --stack acme/prod --non-interactive" in output
        assert "input: the-value" in output

    def test_engine_edits_the_file_without_its_bases_and_with_its_encryption(
        self, tmp_path: Path, source: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        source.with_name("Pulumi.base.yaml").write_text("config: {'x:of-base': 1}\n")
        source.write_text(f"{STACK_FILE}  kubewright:base: Pulumi.base.yaml\n")
        write_copy(prepare(tmp_path, source), encryptionsalt="v1:s")
        edit_stack_file(prepare(tmp_path, source), "config", ["set"], "")
        output = capsys.readouterr().out
        assert "of-base" not in output
        assert "encryptionsalt: v1:s" in output
        assert "encryptionsalt" not in source.read_text()

    def test_salt_is_not_written_to_a_file_without_encrypted_values(
        self, tmp_path: Path, source: Path
    ) -> None:
        write_copy(prepare(tmp_path, source), encryptionsalt="v1:s")
        edit = "sed -i 's/name: prod/name: new/' Pulumi.prod.yaml"
        edit_stack_file(prepare(tmp_path, source, edit), "config", ["set"], "")
        assert source.read_text() == STACK_FILE.replace("name: prod", "name: new")

    def test_file_that_changed_during_the_edit_is_not_overwritten(self, tmp_path: Path, source: Path) -> None:
        engine = prepare(tmp_path, source, f"{self.EDIT}; echo '  x:other: 2' >>{source}")
        with pytest.raises(UserError, match="changed while the engine edited a copy"):
            edit_stack_file(engine, "config", ["set"], "")
        assert "x:other" in source.read_text()
        assert "x:new" not in source.read_text()

    def test_exit_code_of_the_engine_is_returned(self, tmp_path: Path, source: Path) -> None:
        assert edit_stack_file(prepare(tmp_path, source, "exit 3"), "config", ["set"], "") == 3
        assert source.read_text() == STACK_FILE

    @pytest.mark.parametrize(
        ("command", "edits"),
        [
            ("config set --secret x", True),
            ("config --json set x", True),
            ("config env add prod", True),
            ("config rm x", True),
            ("stack change-secrets-provider passphrase", True),
            ("config", False),
            ("config get x", False),
            ("stack output", False),
            ("up", False),
        ],
    )
    def test_commands_that_edit_the_stack_file(self, command: str, edits: bool) -> None:
        name, *arguments = command.split()
        assert edits_stack_file(name, arguments) is edits

    @pytest.mark.parametrize("command", ["refresh", "cp", "copy"])
    def test_commands_that_do_not_work_on_a_copy_are_refused(self, command: str) -> None:
        with pytest.raises(UserError, match=f"^config {command}: "):
            edits_stack_file("config", [command])
