"""The gate `check`: a command, a page, a Job in the stage before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.cli.company import PROD, STAGING, tip, trailers
from tests.cli.live import NEW, OLD, Live
from tests.cli.stepped import trust
from tests.testbed.article import Article
from tests.testbed.git import git
from tests.testbed.gitops import Gitops, Ran
from tests.testbed.manifests import workload
from tests.testbed.patience import eventually

WANTED = "b" * 40
SERVICE = "authentication"
COMMAND = """[stage.production.check.smoke]
command = ["./smoke.sh", "{environment}"]
directory = "checks"
"""


@pytest.fixture(autouse=True)
def waiting(company: Article) -> None:
    """Let staging have what production has not."""
    company.push(STAGING, {SERVICE: WANTED})


def declare(company: Article, settings: str, script: str | None = None) -> Path:
    """Push a gitops.toml, and a script that its check runs; return that clone."""
    work = company.clone("colleague")
    (work / "gitops.toml").write_text(settings)
    if script is not None:
        (work / "checks").mkdir()
        (work / "checks" / "smoke.sh").write_text(f"#!/bin/sh\n{script}\n")
        (work / "checks" / "smoke.sh").chmod(0o755)
    git(work, "add", "-A")
    git(work, "commit", "-qm", "Agree on checks")
    git(work, "push", "-q")
    return work


def promote(clone: Gitops, *more: str) -> Ran:
    return clone("promote", SERVICE, "--to", PROD, "--yes", *more)


def test_a_command_says_yes_once_it_is_trusted(
    company: Article, clone: Gitops, tmp_path: Path
) -> None:
    declare(company, COMMAND, f'cat >"{tmp_path}/asked"; echo "fine in $1"')
    before = tip(company)

    refused = promote(clone)
    assert refused.code == 6
    assert f"gitops.toml:1: {SERVICE} bbbbbbb may not come to {PROD} yet: check smoke" in (
        refused.stderr
    )
    assert "gitops trust; or --override-policy" in refused.stderr
    assert not (tmp_path / "asked").exists()
    assert tip(company) == before

    trust(clone)
    done = promote(clone, "-o", "json").ok()
    [gate] = done.json()["gates"]
    assert (gate["gate"], gate["name"], gate["passes"]) == ("check", "smoke", True)
    assert gate["says"] == f"passed: fine in {PROD}"
    asked = json.loads((tmp_path / "asked").read_text())
    assert asked["environment"] == PROD
    assert asked["changes"] == [
        {"service": SERVICE, "from": asked["changes"][0]["from"], "to": WANTED}
    ]
    assert company.recorded(PROD)[SERVICE] == WANTED


def test_a_command_that_says_no_refuses_every_writer_and_is_run_once(
    company: Article, clone: Gitops, tmp_path: Path
) -> None:
    declare(company, COMMAND, f'echo run >>"{tmp_path}/runs"; echo "not so fast"; exit 3')
    trust(clone)
    before = tip(company)

    refused = promote(clone)
    assert refused.code == 6
    assert "check smoke ended with exit code 3: not so fast" in refused.stderr
    by_hand = clone("set", f"{SERVICE}={WANTED}", "-e", PROD)
    assert (by_hand.code, "check smoke ended" in by_hand.stderr) == (6, True)
    assert tip(company) == before

    (tmp_path / "runs").unlink()
    forced = promote(clone, "--override-policy", "-m", "incident 7").ok()
    assert f"check smoke: {SERVICE} ended with exit code 3" in forced.stdout
    assert (tmp_path / "runs").read_text() == "run\n", "once, though asked on each tip"
    assert trailers(company)["Gitops-Override"] == "policy"
    assert company.recorded(PROD)[SERVICE] == WANTED


def test_content_that_changes_is_not_run(company: Article, clone: Gitops, tmp_path: Path) -> None:
    work = declare(company, COMMAND, "exit 0")
    trust(clone)
    (work / "checks" / "smoke.sh").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    git(work, "commit", "-qam", "Another check")
    git(work, "push", "-q")

    refused = promote(clone)

    assert refused.code == 6
    assert "programs changed since they were trusted here: checks/smoke.sh" in refused.stderr
    assert not (tmp_path / "ran").exists()


@contextmanager
def page(status: int, body: str) -> Iterator[str]:
    """Serve one page on this machine; yield its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "body", "expect", "said"),
    [
        (200, "", None, ""),
        (200, '{"state": "green"}', "state == 'green'", ""),
        (200, '{"state": "red"}', "state == 'green'", "state == 'green' is false of"),
        (200, "<html>", "state == 'green'", "answers no JSON"),
        (200, "{}", "nonsense(", "expect: column"),
        (503, "", None, "answers 503"),
        (302, "", None, "answers 302"),
    ],
)
def test_a_page_says_yes(
    company: Article, clone: Gitops, status: int, body: str, expect: str | None, said: str
) -> None:
    with page(status, body) as url:
        more = "" if expect is None else f'expect = "{expect}"\n'
        declare(company, f'[stage.production.check.ci]\nurl = "{url}/{{environment}}"\n{more}')

        done = promote(clone)

    assert done.code == (6 if said else 0)
    assert said in done.stderr
    if not said:
        assert f"check ci: {SERVICE} passed" in done.stdout


def test_a_page_that_nobody_serves_is_told(company: Article, clone: Gitops) -> None:
    declare(company, '[stage.production.check.ci]\nurl = "http://127.0.0.1:1/"\n')

    refused = promote(clone)

    assert refused.code == 6
    assert "check ci could not be asked: http://127.0.0.1:1/" in refused.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('url = "http://ci.example.com/"', "https, or with http on this machine"),
        ('url = "https://a:b@ci.example.com/"', "without login"),
        ('command = ["x"]', "directory: is missing"),
        ('job = "e2e"\nurl = "https://ci.example.com"', "one of `command`, `url` or `job`"),
        ('job = "e2e"\nexpect = "a"', "means nothing to what is no `url`"),
    ],
)
def test_a_check_that_cannot_be_meant_stops_the_writers(
    company: Article, clone: Gitops, text: str, said: str
) -> None:
    declare(company, f"[stage.production.check.ci]\n{text}\n")

    refused = promote(clone)

    assert refused.code == 2
    assert said in refused.stderr


def test_a_job_in_the_stage_before_has_to_run_after_the_version_came(live: Live) -> None:
    stage = live.namespace.rpartition("-")[2]
    after = f"shop-after{stage}"
    live.record(
        {
            "/gitops.toml": f'stages = ["{stage}", "after{stage}"]\n'
            f'[stage.after{stage}.check.e2e]\njob = "e2e"\n',
            "web.deployment": OLD,
            f"/{after}/images_path": "registry.example.com/shop/",
        }
    )
    words = ("promote", "web", "--from", live.namespace, "--to", after, "--yes")
    refused = live.gitops(*words)
    assert refused.code == 6
    assert f"there is no Job e2e in {live.namespace}" in refused.stderr

    live.kube.create(workload("Job", "e2e", {"e2e": f"r/e2e:{NEW}"}), live.namespace)
    eventually(
        lambda: any(
            one["type"] == "Complete" and one["status"] == "True"
            for one in live.kube.get("Job", live.namespace, "e2e")
            .get("status", {})
            .get("conditions", [])
        )
    )
    done = live.gitops(*words).ok()
    assert f"check e2e: web passed: Job e2e in {live.namespace}" in done.stdout

    live.seconds = 4_000_000_000  # a version that came after the Job began
    live.record({"web.deployment": NEW})
    stale = live.gitops(*words)
    assert stale.code == 6
    assert f"Job e2e has not run since it came to {live.namespace}" in stale.stderr
