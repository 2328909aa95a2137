"""Tests that changed user data is shown as changed lines."""

from __future__ import annotations

import base64

import pytest

from automation.engine.output_filter import filter_lines

OLD = "#!/bin/sh\n" + "".join(f"echo {number}\n" for number in range(20))
NEW = OLD.replace("echo 10\n", "echo ten\n")


def encode_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("name", ["userData", "customData"])
def test_changed_line_is_shown_with_context(name: str) -> None:
    shown = list(filter_lines([f'      ~ {name}: "{encode_base64(OLD)}" => "{encode_base64(NEW)}"\n']))
    assert shown[0] == f"      ~ {name}: (base64)\n"
    assert [line.strip() for line in shown[1:] if line.strip()[0] in "+-"] == ["- echo 10", "+ echo ten"]
    assert len(shown) == 1 + 3 + 2 + 3


def test_distant_changes_are_separated() -> None:
    new = NEW.replace("#!/bin/sh", "#!/bin/bash")
    engine_line = f'  ~ userData: "{encode_base64(OLD)}" => "{encode_base64(new)}"\n'
    shown = [line.strip() for line in filter_lines([engine_line])]
    assert shown.count("...") == 1
    assert shown.index("+ #!/bin/bash") < shown.index("...") < shown.index("+ echo ten")


def test_colors_of_the_engine_are_kept() -> None:
    old, new = encode_base64(OLD), encode_base64(NEW)
    line = f'\x1b[0m\x1b[38;5;3m  ~ userData: \x1b[0m"\x1b[38;5;1m{old}\x1b[0m" => "{new}"\n'
    shown = list(filter_lines([line]))
    assert "\x1b[38;5;1m      - echo 10\x1b[0m\n" in shown
    assert "\x1b[38;5;2m      + echo ten\x1b[0m\n" in shown


@pytest.mark.parametrize(
    "line",
    [
        "  ~ userData: [secret] => [secret]\n",
        '  ~ userData: "no base64!" => "neither"\n',
        f'  ~ content: "{encode_base64(OLD)}" => "{encode_base64(NEW)}"\n',
        f'  + userData: "{encode_base64(NEW)}"\n',
        f'  ~ userData: "{encode_base64(OLD)}" => [unknown]\n',
        f'  ~ userData: "{base64.b64encode(bytes(range(256))).decode()}" => "{encode_base64(NEW)}"\n',
    ],
)
def test_other_lines_are_unchanged(line: str) -> None:
    assert list(filter_lines([line])) == [line]
