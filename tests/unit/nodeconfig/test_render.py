"""Tests of delivery texts and payloads: size, completeness, no secret in a text."""

from __future__ import annotations

import base64
import io
import subprocess
import tarfile
from dataclasses import replace

import pytest

from nodeconfig import BundleError, bundles
from nodeconfig.bundle import Bundle, File, Identity
from nodeconfig.host_program import program
from nodeconfig.render import LOAD_PROGRAM, MAX_TEXT_BYTES, payload, reset_script, script
from testkit import pki
from testkit.bundles import FakeIndex, cluster
from topology.model import Role

IDENTITY = Identity("cp-1", "10.9.0.11")


@pytest.fixture
def bundle(index: FakeIndex) -> Bundle:
    return bundles(cluster(), index)["cp-1", Role.CONTROL_PLANE]


def archive_members(text: str) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(text))) as archive:
        contents = {}
        for info in archive:
            content = archive.extractfile(info)
            assert content is not None
            assert info.mode == 0o600
            contents[info.name] = content.read().decode()
        return contents


def test_texts_are_valid_shell_short_and_reproducible(index: FakeIndex) -> None:
    for topology in (cluster(), cluster(workers=0), cluster(etcd=3)):
        for item in bundles(topology, index).values():
            for sudo in (False, True):
                text = script(item, IDENTITY, sudo=sudo)
                assert text == script(item, IDENTITY, sudo=sudo)
                assert len(text.encode()) < MAX_TEXT_BYTES
                body = text.split("<<'KUBEWRIGHT' || exit 1\n")[1].split("\nKUBEWRIGHT\n")[0]
                for shell_text in (text, body):
                    subprocess.run(["sh", "-n"], input=shell_text, text=True, check=True)


def test_sudo_is_used_for_everything_that_needs_root(bundle: Bundle) -> None:
    text = script(bundle, IDENTITY, sudo=True)
    assert text.rstrip().endswith('sudo -n sh "$work/script" "$work" </dev/null')
    assert "trap 'sudo -n rm -rf \"$work\"' EXIT" in text
    assert "sudo" not in script(bundle, IDENTITY)


def test_secrets_of_a_login_user_are_unpacked_in_memory(bundle: Bundle) -> None:
    """A directory of another user than root could be on the disk."""
    text = script(bundle, IDENTITY, sudo=True)
    assert "work=$(sudo -n mktemp -d /run/kubewright.XXXXXX) || exit 1\n" in text
    assert 'base64 -d | sudo -n tar -x -C "$work" || exit 1\n' in text


def test_the_payload_has_exactly_the_bundles_secrets_and_the_prelude(bundle: Bundle) -> None:
    secrets = pki.create_secrets(cluster())
    contents = archive_members(payload(bundle, secrets | {"other": "never"}))
    prelude = contents.pop("prelude.sh")
    assert "program() {" in prelude
    assert len(prelude) < len(program()) / 10
    assert contents == {f"secrets{item.path}": secrets[item.secret] for item in bundle.secrets}
    assert payload(bundle, secrets) == payload(bundle, secrets)


def test_no_secret_is_in_the_text(bundle: Bundle) -> None:
    text = script(bundle, IDENTITY)
    for name, content in pki.create_secrets(cluster()).items():
        assert name.endswith(".crt") or content.strip() not in text
    assert "PRIVATE" not in text


def test_missing_secrets_are_named_and_no_content_is_shown(bundle: Bundle) -> None:
    secrets = pki.create_secrets(cluster())
    encryption = secrets.pop("encryption.yaml")
    del secrets["scheduler.key"]
    with pytest.raises(BundleError) as caught:
        payload(bundle, secrets)
    assert "encryption.yaml, scheduler.key" in str(caught.value)
    assert encryption not in str(caught.value)


def test_a_text_that_is_too_long_raises_an_error(bundle: Bundle) -> None:
    large = replace(bundle, files=(*bundle.files, File("/etc/large", "x" * MAX_TEXT_BYTES + "\n")))
    with pytest.raises(BundleError, match=r"cp-1, control-plane: .* bytes"):
        script(large, IDENTITY)


def test_contents_may_contain_the_end_of_a_here_document(bundle: Bundle) -> None:
    unusual = replace(bundle, files=(File("/etc/tricky", "a\nEOF\n$(b)\n"),))
    assert "<<'EOF_'\na\nEOF\n$(b)\nEOF_\n" in script(unusual, IDENTITY)
    with pytest.raises(BundleError, match="KUBEWRIGHT"):
        script(replace(bundle, files=(File("/etc/x", "KUBEWRIGHT\n"),)), IDENTITY)


def test_a_path_with_a_blank_is_refused(bundle: Bundle) -> None:
    with pytest.raises(BundleError, match="/etc/a b"):
        script(replace(bundle, files=(File("/etc/a b", "x\n"),)), IDENTITY)


def test_the_program_and_reset_are_posix_shell() -> None:
    for role in Role:
        for text in (reset_script(role), reset_script(role, sudo=True, leave=False), program()):
            subprocess.run(["sh", "-n"], input=text, text=True, check=True)
    assert "reset node leave 300\n" in reset_script(Role.NODE)
    assert "leave" not in reset_script(Role.NODE, leave=False)


def test_reset_loads_a_copy_of_the_program_because_the_last_reset_removes_it() -> None:
    lines = reset_script(Role.NODE).splitlines()
    assert lines.index('cp "$program" "$1/host.sh"') + 1 == lines.index(LOAD_PROGRAM)
