"""`gitops report`: the figures of a made repository equal those computed by hand."""

from __future__ import annotations

import csv
import http.client
import io
import json
import re
import signal
import threading
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from gitops_cli.domain.errors import RemoteUnreachable
from gitops_cli.report.serving import Pages, PageServer
from tests.render.test_page import check_safe
from tests.testbed import schemas
from tests.testbed.git import Commit, add_commits, git, init_bare
from tests.testbed.gitops import Gitops
from tests.testbed.patience import PATIENCE

HOUR, DAY = 3600, 86400
START = 1_790_000_000 // DAY * DAY
SINCE = datetime.fromtimestamp(START, UTC).isoformat()
STAGING, PROD = "shop-staging", "shop-production"
A, B, C, D, E = ("a" * 40, "b" * 40, "c" * 40, "d" * 40, "e" * 40)


class Shop:
    """A state repository that is written hour by hour."""

    def __init__(self, root: Path, gitops: Gitops) -> None:
        self.remote = init_bare(root / "state.git")
        begin = {f"{name}/images_path": "r/\n" for name in (STAGING, PROD)}
        self.commit(-1, "Begin", begin | {f"{PROD}/old.deployment": f"{A}\n"})
        git(root, "clone", "-q", self.remote, "clone")
        self.clone = root / "clone"
        self.gitops = gitops.at(self.clone)

    def commit(self, hours: float, subject: str, files: dict[str, str | None]) -> str:
        [made] = add_commits(self.remote, [Commit(subject, files, START + int(hours * HOUR))])
        return made

    def ship(self, hours: float, version: str, *, made: float | None = None, **more: str) -> str:
        """Record a version of web; `made` is when its commit was, in hours."""
        where, action = more.get("where", PROD), more.get("action", "set")
        trailers = f"\n\nGitops-Action: {action}\nGitops-Env: {where}"
        if made is not None:
            at = datetime.fromtimestamp(START + made * HOUR, UTC).isoformat()
            trailers += f"\nGitops-Source-Time: {at}"
        path = more.get("path", f"{where}/web.deployment")
        return self.commit(hours, f"{where}: web{trailers}", {path: f"{version}\n"})

    def report(self, *arguments: str) -> Any:
        return self.gitops("report", *arguments, "--since", SINCE, "-o", "json").ok().json()

    def figures(self, *arguments: str, service: str | None = "web") -> dict[str, Any]:
        """Return the figures of a service in production."""
        [found] = [
            each
            for each in self.report(*arguments)["figures"]
            if each["stage"] == "production" and each["service"] == service and each["project"]
        ]
        return dict(found)


@pytest.fixture
def shop(tmp_path: Path, gitops: Gitops) -> Shop:
    return Shop(tmp_path, gitops)


def hours(figure: dict[str, Any]) -> tuple[int, float | None, float | None]:
    """Return of how many, the median and nine of ten, in hours."""
    seconds = (figure["median_seconds"], figure["p90_seconds"])
    median, most = (None if each is None else each / HOUR for each in seconds)
    return figure["known"], median, most


def test_the_four_figures_by_hand(shop: Shop) -> None:
    shop.ship(0, A, made=-2)  # 2 h
    shop.ship(10, B, made=0)  # 10 h, taken back after 3
    shop.ship(13, A, action="rollback")
    shop.ship(24, C, made=20)  # 4 h, taken back by hand after 1
    shop.ship(25, A, action="set")
    shop.ship(30, D)  # nobody knows when it was made
    shop.ship(31, D, where=STAGING, made=30)  # says it: 0 h
    found = shop.figures()
    assert (found["deployments"], found["failed"], found["rollbacks"]) == (4, 2, 2)
    assert found["failure_rate"] == 0.5
    assert hours(found["lead_time"]) == (4, 3.0, 10.0), "0, 2, 4 and 10 hours"
    assert hours(found["restore"]) == (2, 2.0, 3.0)
    assert sum(found["weeks"]) == 4


def test_what_was_there_at_the_begin_was_not_delivered(shop: Shop) -> None:
    shop.ship(1, A)
    assert [e["sort"] for e in shop.report()["events"]] == ["deployment"]
    begin = ["--since", "2020-01-01"]
    events = shop.gitops("report", *begin, "-o", "json").ok().json()["events"]
    assert [(e["service"], e["sort"]) for e in events] == [("web", "deployment"), ("old", "other")]


def test_a_way_back_from_what_was_recorded_before_the_period(shop: Shop) -> None:
    shop.ship(-40, A)
    shop.ship(-20, B)
    shop.ship(4, A, action="rollback")
    found = shop.figures()
    assert (found["deployments"], found["rollbacks"]) == (0, 1)
    assert hours(found["restore"]) == (1, 24.0, 24.0)


def test_renames_deliver_nothing_and_lose_nothing(shop: Shop) -> None:
    shop.ship(0, A)
    shop.ship(2, B)
    moved = {
        f"{PROD}/images_path": None,
        f"{PROD}/old.deployment": None,
        f"{PROD}/web.deployment": None,
        "store-production/images_path": "r/\n",
        "store-production/old.deployment": f"{A}\n",
        "store-production/web.deployment": f"{B}\n",
    }
    shop.commit(3, "Rename the shop", moved)
    path = "store-production/site.deployment"
    files: dict[str, str | None] = {"store-production/web.deployment": None, path: f"{B}\n"}
    shop.commit(4, "Rename web", files)
    shop.ship(5, A, action="rollback", where="store-production", path=path)
    found = shop.figures(service="site")
    assert (found["project"], found["deployments"], found["failed"]) == ("store", 2, 1)
    assert hours(found["restore"]) == (1, 3.0, 3.0)
    assert {e["environment"] for e in shop.report()["events"]} == {"store-production"}


def merge(shop: Shop, hours: float, version: str, commits: int = 1, action: str = "set") -> None:
    """Merge a branch of some commits, the last of which records the version."""
    git(shop.remote, "branch", "-f", "change", "main")
    path, at = f"{PROD}/web.deployment", START + int(hours * HOUR)
    text = f"Change web\n\nGitops-Action: {action}"
    made = [
        Commit(text, {path: f"{version if last else E}\n"}, at - 7 * HOUR, "Cleo Example")
        for last in [False] * (commits - 1) + [True]
    ]
    tip = add_commits(shop.remote, made, branch="change")[-1]
    date = {f"GIT_{who}_DATE": f"{at} +0000" for who in ("AUTHOR", "COMMITTER")}
    parents = ("-p", git(shop.remote, "rev-parse", "main"), "-p", tip)
    commit = git(shop.remote, "commit-tree", f"{tip}^{{tree}}", *parents, "-m", "Merge", env=date)
    git(shop.remote, "update-ref", "refs/heads/main", commit)


@pytest.mark.parametrize("commits", [1, 2])
def test_a_merge_counts_once_and_from_when_it_came(shop: Shop, commits: int) -> None:
    shop.ship(0, A)
    merge(shop, 10, B, commits)
    merge(shop, 16, A, commits, "rollback")
    found = shop.figures()
    assert (found["deployments"], found["failed"], found["rollbacks"]) == (2, 1, 1)
    assert hours(found["restore"]) == (1, 6.0, 6.0)
    newest = shop.report()["events"][0]
    assert (newest["by"]["name"], newest["action"]) == ("Cleo Example", "rollback")


def test_a_clock_that_was_wrong_moves_no_other_commit(shop: Shop) -> None:
    shop.ship(0, A, made=-1)
    shop.ship(-900, B, made=-1)  # as if long before
    shop.ship(4, A, action="rollback")
    shop.ship(9000, C, made=5)  # as if in a year
    shop.ship(6, D, made=5)
    found = shop.figures()
    assert (found["deployments"], found["failed"]) == (4, 1)
    assert hours(found["restore"]) == (1, 4.0, 4.0)
    # A after 1 h, B at the time of A, C at that of the way back and so before it was made, D.
    assert hours(found["lead_time"]) == (4, 1.0, 1.0)


def test_what_waits_and_since_when(shop: Shop) -> None:
    shop.ship(0, A, where=STAGING)
    shop.ship(1, A)
    shop.ship(2, B, where=STAGING)
    shop.ship(4, C, where=STAGING)
    for arguments in ([], ["prod"], ["shop"]):
        [waits] = shop.report(*arguments)["waiting"]
        assert (waits["environment"], waits["version"], waits["next"]) == (PROD, A, C)
        assert datetime.fromisoformat(waits["since"]).timestamp() == START + 2 * HOUR
    assert shop.report("staging")["waiting"] == []
    lines = shop.gitops("report", "--since", SINCE).ok().stdout
    assert "waiting\nENVIRONMENT" in lines


def test_what_waits_for_longer_than_is_told(shop: Shop) -> None:
    shop.ship(-90, A, where=STAGING)
    shop.ship(-89, A)
    shop.ship(-80, B, where=STAGING)
    [waits] = shop.report()["waiting"]
    assert (waits["since"], waits["waiting_seconds"]) == (None, None)
    text = shop.gitops("report", "--since", SINCE).ok().stdout
    assert f"{PROD}  web      aaaaaaa  bbbbbbb       ?" in text


def test_overrides_locks_and_freezes(shop: Shop) -> None:
    toml = '[stage.production]\nfreeze = ["Fri 16:00 - Mon 08:00 UTC"]\n'
    shop.commit(0, "Settings", {"gitops.toml": toml})
    text = "x\n\nGitops-Action: set\nGitops-Override: freeze\nGitops-Reason: hotfix"
    shop.commit(1, text, {f"{PROD}/web.deployment": f"{A}\n"})
    shop.commit(2, "Hold", {f"{PROD}/web.lock": 'by = "Ada"\nreason = "audit"\n'})
    document = shop.report()
    assert document["freezes"] == [
        {"stage": "production", "windows": ["Fri 16:00 - Mon 08:00 UTC"]}
    ]
    assert [e["overrides"] for e in document["events"]] == [[], ["freeze"]]
    assert document["events"][0]["lock"]["reason"] == "audit"
    text = shop.gitops("report", "--since", SINCE).ok().stdout
    assert "production freezes: Fri 16:00 - Mon 08:00 UTC" in text
    assert "web is locked by Ada: audit" in text
    assert "overrides\n" in text
    assert "hotfix" in text


def test_which_environments(shop: Shop) -> None:
    shop.commit(0, "More", {"blog-production/images_path": "r/\n"})
    shop.commit(1, "Blog", {"blog-production/site.deployment": f"{A}\n"})
    shop.ship(2, A)
    shop.ship(3, A, where=STAGING)

    def told(*arguments: str) -> set[str]:
        return {e["environment"] for e in shop.report(*arguments)["events"]}

    assert told() == {"blog-production", PROD, STAGING}
    assert told("prod") == {"blog-production", PROD}
    assert (
        told("blog") == told("-p", "blog") == told("-e", "blog-production") == {"blog-production"}
    )
    assert told("blog", STAGING) == {"blog-production", STAGING}
    gone: dict[str, str | None] = {
        "blog-production/images_path": None,
        "blog-production/site.deployment": None,
        "blog-staging/images_path": "r/\n",
    }
    shop.commit(4, "Drop the blog", gone)
    assert "blog-production" in told()
    assert told("blog") == {"blog-production"}, "it was its"
    assert told("shop") == {PROD, STAGING}
    ran = shop.gitops("report", "blgo")
    assert (ran.code, ran.stdout) == (2, "")
    assert "no environment or stage `blgo`" in ran.stderr


def test_an_environment_s_weeks_are_its_deployments(shop: Shop) -> None:
    shop.ship(0, A)
    shop.ship(1, B, where=STAGING, action="capture")

    rows = shop.gitops("report", "--since", SINCE).ok().stdout.partition("environments\n")[2]

    shown = {row.split()[0]: row.split()[1:] for row in rows.splitlines()[:3]}
    assert shown["ENVIRONMENT"] == ["DEPLOYED", "TAKEN", "BACK", "LAST", "WEEKS"]
    assert shown[PROD][0] == "1"
    assert "█" in shown[PROD][-1]
    assert shown[STAGING][:3] == ["0", "0", "-"]
    assert "█" not in shown[STAGING][-1]


def test_every_figure_is_a_row(shop: Shop) -> None:
    shop.ship(0, A, made=-1)
    text = shop.gitops("report", "--since", SINCE, "-o", "csv").ok().stdout
    stage, project, service = csv.DictReader(io.StringIO(text, newline=""))
    assert (stage["project"], project["project"], service["service"]) == ("", "shop", "web")
    assert service["lead_time_median"] == "3600"
    assert "| production | 1 |" in shop.gitops("report", "--since", SINCE, "-o", "markdown").stdout


def test_an_empty_repository_has_nothing_to_tell(tmp_path: Path, gitops: Gitops) -> None:
    remote = init_bare(tmp_path / "empty.git")
    add_commits(remote, [Commit("Begin", {"gitops.toml": ""}, START)])
    ran = gitops("report", "-R", str(remote)).ok()
    assert "no environments yet" in ran.stdout
    assert gitops("report", "-R", str(remote), "-o", "json").ok().json()["events"] == []


def test_sources_say_when_a_version_was_made(shop: Shop, tmp_path: Path) -> None:
    source = init_bare(tmp_path / "web.git")
    [made] = add_commits(source, [Commit("Feature", {"a": "1"}, START - 5 * HOUR)])
    toml = f'[service.web]\nsource = "file://{source}"\n'
    shop.commit(0, "Settings", {"gitops.toml": toml})
    shop.ship(1, made)
    shop.ship(3, B)
    assert hours(shop.figures()["lead_time"]) == (1, 6.0, 6.0)


def test_the_schema_has_what_others_have() -> None:
    report, status, history = (
        json.loads((schemas.DIRECTORY / f"{kind}.json").read_text())["properties"]
        for kind in ("report", "status", "history")
    )
    assert report["projects"]["items"] == status["projects"]["items"], "copy it from status.json"
    events, entries = (
        found["items"]["properties"] for found in (report["events"], history["entries"])
    )
    assert {name: events[name] for name in entries} == entries, "copy it from history.json"


def test_the_page_has_everything_as_text(shop: Shop) -> None:
    shop.ship(0, A, where=STAGING)
    shop.ship(1, A)
    shop.ship(2, B, where=STAGING)
    text = "x\n\nGitops-Action: set\nGitops-Override: freeze\nGitops-Reason: <b>hot</b>fix"
    shop.commit(3, text, {f"{PROD}/web.deployment": f"{C}\n"})
    shop.commit(4, "Hold", {f"{PROD}/web.lock": 'by = "<i>Ada"\n'})
    page = shop.gitops("report", "--since", SINCE, "-o", "html").ok().stdout
    read = check_safe(page)
    assert {"b", "i"}.isdisjoint(name for name, _ in read.elements)
    for said in ("<b>hot</b>fix", "<i>Ada", "over freeze", "ccccccc", "bbbbbbb", STAGING):
        assert said in read.text


def asked(url: str, path: str = "/", **headers: str) -> tuple[int, str, Mapping[str, str]]:
    place = urlsplit(url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=PATIENCE)
    with closing(connection):
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), dict(answer.getheaders())


def test_what_can_be_no_namespace_is_no_environment_that_is_gone(shop: Shop) -> None:
    shop.ship(1, A)
    for hours, version in ((3, A), (4, B)):
        shop.ship(hours, version, path='"<b>of two\\nlines-production/web.deployment"')

    found = shop.report()

    assert {event["environment"] for event in found["events"]} == {PROD}
    assert {figure["project"] for figure in found["figures"]} == {None, "shop"}
    page = shop.gitops("report", "--since", SINCE, "-o", "html").ok().stdout
    assert "lines-production" not in page
    told = shop.gitops("history", "-e", "<b>of two\nlines-production")
    assert told.code == 2


def test_the_page_is_served_to_this_machine_only(shop: Shop) -> None:
    shop.ship(0, A)
    with shop.gitops.start("report", "--since", SINCE, "--serve", "--port", "0") as serving:
        assert serving.stdout is not None
        url = serving.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", url)
        status, page, headers = asked(url)
        assert (status, headers["Cache-Control"]) == (200, "no-store")
        assert check_safe(page).of("html")[0]["data-refresh"] == "60"
        assert asked(url, "/favicon.ico")[0] == 404
        status, text, _ = asked(url, Host="evil.example.com")
        assert (status, text) == (421, f"This is {url} only.\n")
        port = str(urlsplit(url).port)
        taken = shop.gitops("report", "--serve", "--port", port)
        assert (taken.code, taken.stdout) == (2, "")
        assert f"port {port} of 127.0.0.1" in taken.stderr
        assert "--port 0" in taken.stderr
        serving.send_signal(signal.SIGINT)
        assert serving.wait(PATIENCE) == 130


def test_what_is_wrong_is_told_before_anything_is_served(shop: Shop) -> None:
    ran = shop.gitops("report", "nope", "--serve", "--port", "0")
    assert (ran.code, ran.stdout) == (2, "")
    assert "nope" in ran.stderr
    ran = shop.gitops("report", "--serve", "-o", "json")
    assert (ran.code, ran.stdout) == (2, "")
    assert "--serve shows the page" in ran.stderr


def test_a_served_page_is_fresh(tmp_path: Path) -> None:
    """It is made again when it is old, and what fails then is told to the browser."""
    made: list[str] = []

    def make() -> str:
        made.append("x")
        return f"page {len(made)}"

    pages = Pages(make, kept=0.0)
    assert [pages.now(), pages.now()] == ["page 1", "page 2"]
    kept = Pages(make, kept=1000.0)
    assert kept.now() == kept.now() == "page 3"

    def fail() -> str:
        raise RemoteUnreachable("no answer")

    with PageServer(0, fail) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            assert asked(server.url)[:2] == (503, "no answer\n")
        finally:
            server.shutdown()
            thread.join()


def test_a_report_is_of_what_was(shop: Shop) -> None:
    refused = shop.gitops("report", "--since", "2099-01-01")
    assert (refused.code, "--since lies ahead" in refused.stderr) == (2, True)
