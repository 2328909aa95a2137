"""One comment on a pull or merge request, against a server that speaks the calls it uses."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer
from testkit.forges import Failure, ForgeServer
from typer.testing import CliRunner

from automation.comment import commands
from automation.comment.commands import register
from automation.comment.forge import Forge
from automation.comment.post import ATTEMPTS, LONGEST_WAIT, marker, post
from automation.errors import UserError
from testkit import forges

KINDS = ["github", "gitlab"]
_NAMES = {"github": f"{forges.PROJECT}#{forges.NUMBER}", "gitlab": f"{forges.PROJECT}!{forges.NUMBER}"}
_VARIABLES = {"GITHUB_TOKEN": forges.TOKEN, "GITLAB_TOKEN": forges.TOKEN}


@pytest.fixture
def server() -> Iterator[ForgeServer]:
    with forges.serving() as server:
        yield server


@pytest.fixture(params=KINDS)
def forge(request: pytest.FixtureRequest, server: ForgeServer) -> Forge:
    kind = str(request.param)
    names = {"github": "", "gitlab": ""} | {kind: _NAMES[kind]}
    return commands.forge(names["github"], names["gitlab"], server.url, _VARIABLES)


def test_the_first_report_is_posted_and_the_next_one_takes_its_place(
    forge: Forge, server: ForgeServer
) -> None:
    first = post(forge, "dev", "first report")
    assert first.created
    assert str(first.comment.number) in first.comment.url
    second = post(forge, "dev", "second report")
    assert not second.created
    assert second.comment.number == first.comment.number
    assert server.texts() == [f"{marker('dev')}\nsecond report"]


def test_every_stack_has_a_comment_of_its_own(forge: Forge, server: ForgeServer) -> None:
    for report in ("one", "two"):
        for stack in ("dev", "dev-2", "prod"):
            post(forge, stack, f"{report} of {stack}")
    assert [text.splitlines()[1] for text in server.texts()] == ["two of dev", "two of dev-2", "two of prod"]


def test_the_comment_is_found_behind_many_others(forge: Forge, server: ForgeServer) -> None:
    for number in range(230):
        server.add(f"talk {number}", author=2)
    own = server.add(f"{marker('dev')}\nold")
    for number in range(5):
        server.add(f"more talk {number}", author=3)
    assert not post(forge, "dev", "new").created
    assert own["body"].endswith("new")
    assert len(server.comments) == 236
    pages = [line for line in server.requests if line.startswith("GET") and line.split("/")[-1] != "user"]
    assert len(pages) == 3, "pages of a hundred, up to the one it is on"


@pytest.mark.parametrize("may_ask", [True, False])
def test_somebody_elses_comment_with_the_marker_is_never_taken(server: ForgeServer, may_ask: bool) -> None:
    """They could change it later, and it would look like a report.

    A workflow's token may not ask whose it is: then only a bot's comments are its own.
    """
    server.may_ask_who = may_ask
    forged = server.add(f"{marker('dev')}\nall is well", author=7)
    quoting = server.add(f"> {marker('dev')}\n> look at this")
    forge = commands.forge(_NAMES["github"], "", server.url, _VARIABLES)
    assert post(forge, "dev", "report").created
    assert forged["body"].endswith("all is well")
    assert quoting["body"].endswith("look at this")
    assert not post(forge, "dev", "report 2").created
    assert server.texts()[2].endswith("report 2")


def test_somebody_elses_note_with_the_marker_is_never_taken(server: ForgeServer) -> None:
    forged = server.add(f"{marker('dev')}\nall is well", author=7)
    assert post(commands.forge("", _NAMES["gitlab"], server.url, _VARIABLES), "dev", "report").created
    assert forged["body"].endswith("all is well")


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_server_in_trouble_is_asked_again(forge: Forge, server: ForgeServer, status: int) -> None:
    server.failures += [Failure(status), Failure(status)]
    waits: list[float] = []
    assert post(forge, "dev", "report", sleep=waits.append).created
    assert waits == [2.0, 4.0]
    assert len(server.comments) == 1


def test_an_answer_that_was_lost_makes_no_second_comment(forge: Forge, server: ForgeServer) -> None:
    """The comment was made, and a gateway answered 502: looking again finds it."""
    server.failures.append(Failure(502, method="POST", after=True))
    assert not post(forge, "dev", "report", sleep=_nothing).created
    assert len(server.comments) == 1


@pytest.mark.parametrize(("asked", "waited"), [("7", 7.0), ("86400", LONGEST_WAIT)])
def test_githubs_rate_limit_is_waited_for_within_bounds(
    server: ForgeServer, asked: str, waited: float
) -> None:
    limited = {"message": "You have exceeded a secondary rate limit. Please wait a few minutes."}
    server.failures.append(Failure(403, {"Retry-After": asked}, limited))
    waits: list[float] = []
    forge = commands.forge(_NAMES["github"], "", server.url, _VARIABLES)
    assert post(forge, "dev", "report", sleep=waits.append).created
    assert waits == [waited]


def test_trouble_without_end_is_one_line(forge: Forge, server: ForgeServer) -> None:
    server.failures += [Failure(503) for _ in range(50)]
    with pytest.raises(UserError, match=f"503; tried {ATTEMPTS} times") as error:
        post(forge, "dev", "report", sleep=_nothing)
    assert "\n" not in str(error.value)
    assert len(server.requests) == ATTEMPTS


@pytest.mark.parametrize(
    ("status", "says"),
    [(401, "token is not accepted"), (403, "may not do this"), (404, "the token cannot see it")],
)
def test_a_refusal_is_one_line_and_final(forge: Forge, server: ForgeServer, status: int, says: str) -> None:
    # An answer that repeats the token, as a curious proxy might.
    server.failures.append(Failure(status, body={"message": f"no: {forges.TOKEN}"}, method="POST"))
    with pytest.raises(UserError, match=says) as error:
        post(forge, "dev", "report", sleep=_never)
    assert "\n" not in str(error.value)
    assert forges.TOKEN not in str(error.value)
    assert f"{forges.NUMBER}: {status}" in str(error.value)
    assert server.comments == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_is_not_there_is_one_line(kind: str) -> None:
    names = {"github": "", "gitlab": ""} | {kind: _NAMES[kind]}
    forge = commands.forge(names["github"], names["gitlab"], "http://127.0.0.1:9", _VARIABLES)
    with pytest.raises(UserError, match=r"cannot be reached \(ConnectionError\)"):
        post(forge, "dev", "report", sleep=_nothing)


def test_a_report_that_is_too_long_is_not_sent(forge: Forge, server: ForgeServer) -> None:
    with pytest.raises(UserError, match=f"a comment may have {forge.limit}"):
        post(forge, "dev", "x" * forge.limit)
    assert server.requests == []


# Issues --------------------------------------------------------------------------------------


@pytest.fixture(params=KINDS)
def issues(request: pytest.FixtureRequest, server: ForgeServer) -> Forge:
    names = {"github": "", "gitlab": ""} | {str(request.param): forges.PROJECT}
    return commands.issues("prod", names["github"], names["gitlab"], server.url, _VARIABLES)


def test_an_issue_is_opened_and_the_next_night_updated(issues: Forge, server: ForgeServer) -> None:
    first = post(issues, "prod", "first night")
    second = post(issues, "prod", "second night")
    assert (first.created, second.created) == (True, False)
    assert first.comment == second.comment
    assert server.texts() == [f"{marker('prod')}\nsecond night"]
    assert server.comments[0]["title"] == "Stack prod: drift"
    assert server.comments[0]["labels"] == [commands.LABEL]


def test_an_issue_that_was_closed_is_not_written_to_again(issues: Forge, server: ForgeServer) -> None:
    post(issues, "prod", "first")
    server.comments[0]["state"] = "closed"
    assert post(issues, "prod", "second").created
    assert server.texts()[0].endswith("first")


def test_an_issue_of_somebody_else_is_never_taken(issues: Forge, server: ForgeServer) -> None:
    forged = server.add(f"{marker('prod')}\nall is well", author=7)
    forged |= {"title": "x", "labels": [commands.LABEL], "state": "open"}
    assert post(issues, "prod", "drift").created
    assert forged["body"].endswith("all is well")


def test_an_issue_that_may_not_be_opened_is_one_line(issues: Forge, server: ForgeServer) -> None:
    server.failures.append(Failure(403, method="POST"))
    with pytest.raises(UserError, match="403: the token may not do this") as error:
        post(issues, "prod", "drift", sleep=_never)
    assert "\n" not in str(error.value)


# The command ---------------------------------------------------------------------------------


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, server: ForgeServer, tmp_path: Path
) -> Callable[..., SimpleNamespace]:
    """Runs `kubewright comment` with a report, tokens in the environment."""
    for name, value in _VARIABLES.items():
        monkeypatch.setenv(name, value)
    for name in ("GITHUB_API_URL", "CI_SERVER_URL"):
        monkeypatch.delenv(name, raising=False)
    report = tmp_path / "report.md"
    report.write_text("# what would change\n")

    def run(*words: str, command: str = "comment") -> SimpleNamespace:
        app = typer.Typer()
        register(app)
        done = CliRunner().invoke(app, [command, "--report", str(report), *words])
        return SimpleNamespace(code=done.exit_code, text=done.output, error=done.exception)

    return run


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_says_where_the_comment_is_and_never_the_token(
    run: Callable[..., SimpleNamespace],
    server: ForgeServer,
    kind: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    first = run(f"--{kind}", _NAMES[kind], "--api-url", server.url)
    second = run(f"--{kind}", _NAMES[kind], "--api-url", server.url)
    assert (first.code, second.code) == (0, 0), first.text + second.text
    assert first.text.startswith("comment posted: http")
    assert second.text.startswith("comment updated: http")
    assert forges.TOKEN not in first.text + second.text + caplog.text


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_opens_an_issue(
    run: Callable[..., SimpleNamespace], server: ForgeServer, kind: str
) -> None:
    words = ("--stack", "prod", f"--{kind}", forges.PROJECT, "--api-url", server.url)
    assert run(*words, command="issue").text.startswith("issue opened: http")
    assert run(*words, command="issue").text.startswith("issue updated: http")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "name one of --github"),
        (("--github", "a/b#1", "--gitlab", "a/b!1"), "name one of --github"),
        (("--github", "a/b!1"), r"expected owner/repository#12"),
        (("--github", "a/b#0"), r"expected owner/repository#12"),
        (("--gitlab", "b!1"), r"expected group/project!12"),
        (("--github", "a/b#1", "--api-url", "http://github.example"), "travels encrypted"),
        (("--github", "a/b#1", "--api-url", "https://u:p@github.example"), "environment alone"),
        (("--github", "a/b#1", "--report", "/does/not/exist.md"), "cannot be read"),
    ],
)
def test_a_wrong_option_is_named(
    run: Callable[..., SimpleNamespace], server: ForgeServer, words: tuple[str, ...], says: str
) -> None:
    done = run(*words)
    assert isinstance(done.error, UserError)
    with pytest.raises(UserError, match=says):
        raise done.error
    assert server.requests == []


@pytest.mark.parametrize("token", ["", "  ", "two words", "line\nbreak"])
def test_a_token_that_is_none_is_refused_before_anything_is_sent(token: str) -> None:
    with pytest.raises(UserError, match="GITHUB_TOKEN") as error:
        commands.forge("a/b#1", "", "", {"GITHUB_TOKEN": token})
    assert not token.strip() or token not in str(error.value)


def _nothing(seconds: float) -> None:
    """Waits not."""


def _never(seconds: float) -> None:
    raise AssertionError("asked again after a refusal")
