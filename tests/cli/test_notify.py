"""Notices of commands: a signed webhook, a mail, and what never gets into them or their way."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller

from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.notices import Notice
from gitops_cli.domain.recorded.notify import Event, NoticeRules
from gitops_cli.notify.apprised import tell
from gitops_cli.notify.failing import NotSent
from gitops_cli.notify.sending import send_all
from tests.cli.company import DEV, PROD, STAGING, tip, with_settings
from tests.cli.live import ABSENT, OLD, Live
from tests.cli.live import NEW as NEWER
from tests.registry.scripted import Reply, Scripted, scripted
from tests.testbed import schemas
from tests.testbed.article import Article
from tests.testbed.git import git
from tests.testbed.gitops import Gitops
from tests.testbed.ports import free_port

NEW = "b" * 40
SERVICE = "authentication"
SECRET = "hunter2-signs"
EVENTS = '["recorded", "promoted", "rolled-back", "locked", "synced", "failed"]'
TABLE = f"[notify.chat]\nevents = {EVENTS}\n"


@pytest.fixture
def hook() -> Iterator[Scripted]:
    with scripted(lambda request: Reply(204)) as server:
        yield server


def sending(clone: Gitops, hook: Scripted) -> Gitops:
    return clone.using(
        GITOPS_NOTIFY_CHAT=f"http://{hook.address}/T0/token-in-path",
        GITOPS_NOTIFY_CHAT_SECRET=SECRET,
    )


def documents(hook: Scripted) -> list[dict]:
    found = [json.loads(request.body) for request in hook.requests]
    for document in found:
        schemas.check(document)
    return found


def test_a_promotion_is_told_and_signed(company: Article, clone: Gitops, hook: Scripted) -> None:
    with_settings(company, TABLE)
    company.push(STAGING, {SERVICE: NEW})

    ran = sending(clone, hook)("promote", SERVICE, "--to", PROD, "--yes", "-m", "load test").ok()

    [document] = documents(hook)
    assert document["event"] == "promoted"
    assert document["environments"] == [PROD]
    assert document["services"] == [SERVICE]
    assert (document["by"], document["reason"]) == ("Ada Lovelace", "load test")
    assert document["text"].startswith(f"{PROD}: {SERVICE}")
    assert document["commit"] == tip(company)
    [request] = hook.requests
    assert (request.method, request.path) == ("POST", "/T0/token-in-path")
    at, signed = (part.partition("=")[2] for part in request.headers["gitops-signature"].split(","))
    expected = hmac.new(SECRET.encode(), f"{at}.".encode() + request.body, hashlib.sha256)
    assert hmac.compare_digest(signed, expected.hexdigest())
    assert "token-in-path" not in ran.stdout + ran.stderr
    assert SECRET not in ran.stdout + ran.stderr + request.body.decode()


def test_each_deed_has_its_event_and_what_changes_nothing_has_none(
    company: Article, clone: Gitops, hook: Scripted
) -> None:
    with_settings(company, TABLE)
    told = sending(clone, hook)
    told("set", f"{SERVICE}={NEW}", "-e", DEV).ok()
    told("set", f"{SERVICE}={NEW}", "-e", DEV).ok()
    told("set", f"{SERVICE}={'c' * 40}", "-e", DEV, "--dry-run").ok()
    told("lock", SERVICE, "-e", DEV, "-m", "audit").ok()
    told("unlock", SERVICE, "-e", DEV).ok()
    told("rollback", SERVICE, "-e", DEV, "--yes").ok()
    told("status").ok()

    events = [(d["event"], d["reason"]) for d in documents(hook)]
    assert events == [
        ("recorded", None),
        ("locked", "audit"),
        ("locked", None),
        ("rolled-back", None),
    ]


def test_only_stages_that_are_asked_for_and_by_the_template(
    company: Article, clone: Gitops, hook: Scripted
) -> None:
    more = 'stages = ["production"]\ntemplate = "{event} {services} in {environment} by {by}"\n'
    with_settings(company, TABLE + more)
    told = sending(clone, hook)
    told("set", f"{SERVICE}={NEW}", "-e", DEV).ok()
    told("set", f"{SERVICE}={NEW}", "-e", PROD).ok()
    [document] = documents(hook)
    assert document["text"] == f"recorded {SERVICE} in {PROD} by Ada Lovelace"


def test_without_an_address_of_this_machine_nobody_is_told(
    company: Article, clone: Gitops, hook: Scripted
) -> None:
    with_settings(company, TABLE)
    ran = clone("set", f"{SERVICE}={NEW}", "-e", DEV).ok()
    assert "notice" not in ran.stderr
    other = clone.using(GITOPS_NOTIFY_OTHER=f"http://{hook.address}/")
    other("set", f"{SERVICE}={'c' * 40}", "-e", DEV).ok()
    assert hook.requests == []


def test_the_address_may_be_in_a_file(company: Article, clone: Gitops, hook: Scripted) -> None:
    with_settings(company, TABLE)
    directory = Path(clone.environment["XDG_CONFIG_HOME"], "gitops", "notify")
    directory.mkdir(parents=True)
    (directory / "chat").write_text(f"http://{hook.address}/file\n{SECRET}\n")
    clone("set", f"{SERVICE}={NEW}", "-e", DEV).ok()
    [request] = hook.requests
    assert request.path == "/file"
    assert "gitops-signature" in request.headers


@pytest.mark.parametrize(
    ("url", "said"),
    [
        pytest.param("http://{hook}/token", "answered 500", id="500"),
        pytest.param("http://127.0.0.1:1/token", "127.0.0.1:1", id="nobody there"),
        pytest.param("http://chat.example.com/token", "plain HTTP", id="plain"),
        pytest.param("nonsense://token", "apprise does not know", id="unknown"),
        pytest.param("https://ada:token@example.com/", "not an address", id="credentials"),
    ],
)
def test_a_notice_that_fails_is_a_warning_without_its_address(
    company: Article, clone: Gitops, url: str, said: str
) -> None:
    with_settings(company, TABLE)
    with scripted(lambda request: Reply(500)) as broken:
        told = clone.using(GITOPS_NOTIFY_CHAT=url.format(hook=broken.address))
        ran = told("set", f"{SERVICE}={NEW}", "-e", DEV, "-o", "json").ok()
    assert "the notice for chat was not sent" in ran.stderr
    assert said in ran.stderr
    assert "token" not in ran.stdout + ran.stderr
    assert company.recorded(DEV)[SERVICE] == NEW


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"": "https://chat.example.com/token"}, "https_proxy of the environment"),
        ({"": "http://127.0.0.1:1/x", "_SECRET": "token\udcff"}, "is no text"),
    ],
)
def test_whatever_keeps_a_notice_back_is_a_warning(
    variables: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("https_proxy", "ftp://proxy.example.com")
    monkeypatch.delenv("no_proxy", raising=False)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    notice = Notice(Event.RECORDED, (EnvironmentName(DEV),), "said", at, run="x\udcff")
    environ = {f"GITOPS_NOTIFY_CHAT{end}": value for end, value in variables.items()}

    [warning] = send_all([(NoticeRules("chat"), notice)], environ, tmp_path)

    assert warning.startswith("the notice for chat was not sent: ")
    assert said in warning
    assert "token" not in warning


def test_an_apprise_that_breaks_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apprise.Apprise.notify", lambda *_, **__: {}["json://token"])
    with pytest.raises(NotSent, match="could not send it") as error:
        tell("json://localhost", "title", "text")
    assert "token" not in str(error.value)


class Mails:
    def __init__(self) -> None:
        self.got: list[str] = []

    async def handle_DATA(self, server, session, envelope) -> str:
        self.got.append(envelope.content.decode())
        return "250 OK"


def test_a_mail_goes_through_apprise(company: Article, clone: Gitops) -> None:
    with_settings(company, TABLE)
    mails = Mails()
    server = Controller(mails, hostname="127.0.0.1", port=free_port())
    server.start()
    try:
        url = f"mailto://127.0.0.1:{server.port}/?from=gitops@example.com&to=ada@example.com&mode=insecure"
        told = clone.using(GITOPS_NOTIFY_CHAT=url)
        ran = told("set", f"{SERVICE}={NEW}", "-e", DEV).ok()
    finally:
        server.stop()
    assert "not sent" not in ran.stderr
    [mail] = mails.got
    assert f"Subject: gitops: recorded in {DEV}" in mail
    assert "ada@example.com" in mail


def test_an_address_in_the_repository_is_a_finding(company: Article, clone: Gitops) -> None:
    with_settings(company, TABLE + 'url = "https://hooks.example.com/T0/hunter2"\n')
    git(clone.directory, "pull", "-q")
    ran = clone("validate")
    assert ran.code == 1
    assert "has no place in the repository" in ran.stdout
    assert "hunter2" not in ran.stdout + ran.stderr
    clone("set", f"{SERVICE}={NEW}", "-e", DEV).ok()


def test_what_a_pusher_writes_chooses_no_address(
    company: Article, clone: Gitops, hook: Scripted, tmp_path: Path
) -> None:
    """S1: whoever may push decides what is told, never whom a laptop talks to."""
    with_settings(company, '[notify.repo]\nevents = ["recorded"]\n')
    told = clone.using(REPO=f"http://{hook.address}/", GITOPS_REPO_URL=f"http://{hook.address}/")
    told("set", f"{SERVICE}={NEW}", "-e", DEV).ok()
    assert hook.requests == []


def test_what_a_sync_came_to_is_told_and_what_a_failed_one_took_back(
    live: Live, hook: Scripted
) -> None:
    live.record({"/gitops.toml": TABLE, "web.deployment": OLD})
    live.running("web", OLD)
    live.gitops = sending(live.gitops, hook)
    live.sync("--wait").ok()
    assert documents(hook) == [], "nothing was to do"

    live.record({"web.deployment": NEWER})
    live.sync("--wait").ok()
    live.record({"web.deployment": ABSENT})
    assert live.sync("--wait", "--rollback-on-failure").code == 7
    name = live.namespace
    told = [(document["event"], document["text"]) for document in documents(hook)]
    assert told[0] == ("synced", f"{name} follows: web → {NEWER[:7]}")
    assert told[1][0] == "failed"
    assert told[1][1].startswith(f"{name} does not follow: web: ")
    assert f"roll back web {ABSENT[:7]} → {NEWER[:7]}" in told[2][1]
    assert [event for event, _ in told] == ["synced", "failed", "rolled-back", "synced"]

    hook.requests.clear()
    live.record({"web.deployment": ABSENT})
    live.sync().ok()
    hook.requests.clear()
    assert live.gitops("wait", name).code == 7
    assert [document["event"] for document in documents(hook)] == ["failed"]
