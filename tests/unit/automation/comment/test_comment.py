"""Tests of comments and issues, with a fake server for the API calls of GitHub and GitLab."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from automation.cli.app import app
from automation.comment import select
from automation.comment.forge import Forge
from automation.comment.post import ATTEMPTS, MAX_WAIT, marker, post
from automation.errors import UserError
from testkit import forges
from testkit.forges import Failure, ForgeServer

KINDS = ["github", "gitlab"]
_NAMES = {"github": f"{forges.PROJECT}#{forges.NUMBER}", "gitlab": f"{forges.PROJECT}!{forges.NUMBER}"}
_VARIABLES = {"GITHUB_TOKEN": forges.TOKEN, "GITLAB_TOKEN": forges.TOKEN}


@pytest.fixture
def server() -> Iterator[ForgeServer]:
    with forges.serve_forges() as server:
        yield server


@pytest.fixture(params=KINDS)
def forge(request: pytest.FixtureRequest, server: ForgeServer) -> Forge:
    kind = str(request.param)
    names = {"github": "", "gitlab": ""} | {kind: _NAMES[kind]}
    return select.select_pull_request(names["github"], names["gitlab"], server.url, _VARIABLES)


def test_second_report_replaces_the_first(forge: Forge, server: ForgeServer) -> None:
    first = post(forge, "dev", "first report")
    assert first.created
    assert str(first.comment.number) in first.comment.url
    second = post(forge, "dev", "second report")
    assert not second.created
    assert second.comment.number == first.comment.number
    assert server.texts() == [f"{marker('dev')}\nsecond report"]


def test_each_stack_has_a_separate_comment(forge: Forge, server: ForgeServer) -> None:
    for report in ("one", "two"):
        for stack in ("dev", "dev-2", "prod"):
            post(forge, stack, f"{report} of {stack}")
    assert [text.splitlines()[1] for text in server.texts()] == ["two of dev", "two of dev-2", "two of prod"]


def test_comment_is_found_after_many_others(forge: Forge, server: ForgeServer) -> None:
    for number in range(230):
        server.add(f"talk {number}", author=2)
    own = server.add(f"{marker('dev')}\nold")
    for number in range(5):
        server.add(f"more talk {number}", author=3)
    assert not post(forge, "dev", "new").created
    assert own["body"].endswith("new")
    assert len(server.comments) == 236
    pages = [line for line in server.requests if line.startswith("GET") and line.split("/")[-1] != "user"]
    assert len(pages) == 3, "expected pages of 100 comments, up to the page of the comment"


@pytest.mark.parametrize("may_ask", [True, False])
def test_github_comments_of_other_accounts_are_ignored(server: ForgeServer, may_ask: bool) -> None:
    """Other authors can edit their comments later, so their comments must not be updated.

    The token of a workflow cannot read the name of its account. In that case, comments of bots count as
    comments of the account.
    """
    server.may_read_account = may_ask
    forged = server.add(f"{marker('dev')}\nall is well", author=7)
    quoting = server.add(f"> {marker('dev')}\n> look at this")
    forge = select.select_pull_request(_NAMES["github"], "", server.url, _VARIABLES)
    assert post(forge, "dev", "report").created
    assert forged["body"].endswith("all is well")
    assert quoting["body"].endswith("look at this")
    assert not post(forge, "dev", "report 2").created
    assert server.texts()[2].endswith("report 2")


def test_gitlab_notes_of_other_accounts_are_ignored(server: ForgeServer) -> None:
    forged = server.add(f"{marker('dev')}\nall is well", author=7)
    assert post(
        select.select_pull_request("", _NAMES["gitlab"], server.url, _VARIABLES), "dev", "report"
    ).created
    assert forged["body"].endswith("all is well")


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_server_errors_are_retried(forge: Forge, server: ForgeServer, status: int) -> None:
    server.failures += [Failure(status), Failure(status)]
    waits: list[float] = []
    assert post(forge, "dev", "report", sleep=waits.append).created
    assert waits == [2.0, 4.0]
    assert len(server.comments) == 1


def test_lost_response_creates_no_second_comment(forge: Forge, server: ForgeServer) -> None:
    """The server creates the comment, but a gateway responds 502. The retry finds the comment."""
    server.failures.append(Failure(502, method="POST", after=True))
    assert not post(forge, "dev", "report", sleep=_skip_wait).created
    assert len(server.comments) == 1


@pytest.mark.parametrize(("requested", "waited"), [("7", 7.0), ("86400", MAX_WAIT)])
def test_wait_for_the_rate_limit_of_github_is_limited(
    server: ForgeServer, requested: str, waited: float
) -> None:
    limited = {"message": "You have exceeded a secondary rate limit. Please wait a few minutes."}
    server.failures.append(Failure(403, {"Retry-After": requested}, limited))
    waits: list[float] = []
    forge = select.select_pull_request(_NAMES["github"], "", server.url, _VARIABLES)
    assert post(forge, "dev", "report", sleep=waits.append).created
    assert waits == [waited]


def test_permanent_server_error_is_reported_in_one_line(forge: Forge, server: ForgeServer) -> None:
    server.failures += [Failure(503) for _ in range(50)]
    with pytest.raises(UserError, match=f"503; failed {ATTEMPTS} times") as error:
        post(forge, "dev", "report", sleep=_skip_wait)
    assert "\n" not in str(error.value)
    assert len(server.requests) == ATTEMPTS


@pytest.mark.parametrize(
    ("status", "phrase"),
    [(401, "token is not accepted"), (403, "the token lacks"), (404, "the token cannot see it")],
)
def test_rejection_is_reported_in_one_line_without_retries(
    forge: Forge, server: ForgeServer, status: int, phrase: str
) -> None:
    # A proxy can return the token in its response.
    server.failures.append(Failure(status, body={"message": f"no: {forges.TOKEN}"}, method="POST"))
    with pytest.raises(UserError, match=phrase) as error:
        post(forge, "dev", "report", sleep=_fail_on_retry)
    assert "\n" not in str(error.value)
    assert forges.TOKEN not in str(error.value)
    assert f"{forges.NUMBER}: {status}" in str(error.value)
    assert server.comments == []


@pytest.mark.parametrize("kind", KINDS)
def test_unreachable_server_is_reported_in_one_line(kind: str) -> None:
    names = {"github": "", "gitlab": ""} | {kind: _NAMES[kind]}
    forge = select.select_pull_request(names["github"], names["gitlab"], "http://127.0.0.1:9", _VARIABLES)
    with pytest.raises(UserError, match=r"cannot be reached \(ConnectionError\)"):
        post(forge, "dev", "report", sleep=_skip_wait)


def test_report_that_is_too_long_is_not_sent(forge: Forge, server: ForgeServer) -> None:
    with pytest.raises(UserError, match=f"a comment can have at most {forge.limit}"):
        post(forge, "dev", "x" * forge.limit)
    assert server.requests == []


# Issues --------------------------------------------------------------------------------------


@pytest.fixture(params=KINDS)
def issues(request: pytest.FixtureRequest, server: ForgeServer) -> Forge:
    names = {"github": "", "gitlab": ""} | {str(request.param): forges.PROJECT}
    return select.select_drift_issues("prod", names["github"], names["gitlab"], server.url, _VARIABLES)


def test_second_report_updates_the_open_issue(issues: Forge, server: ForgeServer) -> None:
    first = post(issues, "prod", "first night")
    second = post(issues, "prod", "second night")
    assert (first.created, second.created) == (True, False)
    assert first.comment == second.comment
    assert server.texts() == [f"{marker('prod')}\nsecond night"]
    assert server.comments[0]["title"] == "Stack prod: drift"
    assert server.comments[0]["labels"] == [select.LABEL]


def test_closed_issue_is_not_updated(issues: Forge, server: ForgeServer) -> None:
    post(issues, "prod", "first")
    server.comments[0]["state"] = "closed"
    assert post(issues, "prod", "second").created
    assert server.texts()[0].endswith("first")


def test_issues_of_other_accounts_are_ignored(issues: Forge, server: ForgeServer) -> None:
    forged = server.add(f"{marker('prod')}\nall is well", author=7)
    forged |= {"title": "x", "labels": [select.LABEL], "state": "open"}
    assert post(issues, "prod", "drift").created
    assert forged["body"].endswith("all is well")


def test_missing_permission_for_issues_is_reported_in_one_line(issues: Forge, server: ForgeServer) -> None:
    server.failures.append(Failure(403, method="POST"))
    with pytest.raises(UserError, match="403: the token lacks") as error:
        post(issues, "prod", "drift", sleep=_fail_on_retry)
    assert "\n" not in str(error.value)


# The command ---------------------------------------------------------------------------------


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, server: ForgeServer, tmp_path: Path
) -> Callable[..., SimpleNamespace]:
    """Return a function that runs `kubewright comment` with a report and tokens in the environment."""
    for name, value in _VARIABLES.items():
        monkeypatch.setenv(name, value)
    for name in ("GITHUB_API_URL", "CI_SERVER_URL"):
        monkeypatch.delenv(name, raising=False)
    report = tmp_path / "report.md"
    report.write_text("# what would change\n")

    def run(*words: str, command: str = "comment") -> SimpleNamespace:
        result = CliRunner().invoke(app, [command, "--report", str(report), *words])
        return SimpleNamespace(code=result.exit_code, text=result.output, error=result.exception)

    return run


@pytest.mark.parametrize("kind", KINDS)
def test_command_prints_the_address_and_never_the_token(
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
def test_command_opens_and_updates_an_issue(
    run: Callable[..., SimpleNamespace], server: ForgeServer, kind: str
) -> None:
    words = ("--stack", "prod", f"--{kind}", forges.PROJECT, "--api-url", server.url)
    assert run(*words, command="issue").text.startswith("issue opened: http")
    assert run(*words, command="issue").text.startswith("issue updated: http")


@pytest.mark.parametrize(
    ("words", "phrase"),
    [
        ((), "give one of --github"),
        (("--github", "a/b#1", "--gitlab", "a/b!1"), "give one of --github"),
        (("--github", "a/b!1"), r"expected owner/repository#12"),
        (("--github", "a/b#0"), r"expected owner/repository#12"),
        (("--gitlab", "b!1"), r"expected group/project!12"),
        (("--github", "a/b#1", "--api-url", "http://github.example"), "sent encrypted"),
        (("--github", "a/b#1", "--api-url", "https://u:p@github.example"), "in the environment instead"),
        (("--github", "a/b#1", "--report", "/does/not/exist.md"), "cannot be read"),
    ],
)
def test_error_names_the_wrong_option(
    run: Callable[..., SimpleNamespace], server: ForgeServer, words: tuple[str, ...], phrase: str
) -> None:
    result = run(*words)
    assert isinstance(result.error, UserError)
    with pytest.raises(UserError, match=phrase):
        raise result.error
    assert server.requests == []


@pytest.mark.parametrize("token", ["", "  ", "two words", "line\nbreak"])
def test_invalid_token_is_rejected_before_a_request(token: str) -> None:
    with pytest.raises(UserError, match="GITHUB_TOKEN") as error:
        select.select_pull_request("a/b#1", "", "", {"GITHUB_TOKEN": token})
    assert not token.strip() or token not in str(error.value)


def _skip_wait(seconds: float) -> None:
    """Replace `sleep` without waiting."""


def _fail_on_retry(seconds: float) -> None:
    raise AssertionError("retried after a rejection")
