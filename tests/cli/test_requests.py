"""Pull and merge requests: opened, found again and brought up to date, for each kind of forge."""

from __future__ import annotations

import pytest

from tests.cli.company import PROD, STAGING, tip, with_settings
from tests.cli.hosted import PROPOSE, VARIABLE, hosted, on
from tests.cli.test_cluster_away import KUBECONFIG
from tests.cli.test_proposals import BRANCH, OTHER, branch_tip
from tests.forge.fakes import HEAD, PROJECT, TOKEN, running_forge
from tests.registry.scripted import Reply, scripted
from tests.testbed.git import git


def test_a_request_is_opened_with_the_plan(member, company, forge):
    done = member(*PROPOSE, "-m", "ask @ada", "-vv", "-o", "json").ok()
    document = done.json()

    assert TOKEN not in done.stdout + done.stderr
    [made] = forge.open
    assert (made["branch"], made["base"]) == (BRANCH, "main")
    assert made["title"] == git(company.remote, "log", "-1", "--format=%s", BRANCH)
    assert "| authentication |" in made["body"]
    assert "`@ada`" in made["body"], "nobody is called by a reason"
    assert document["request"] == {"number": 1, "did": "opened", "draft": False}
    assert document["review_url"].endswith("/1")


def test_an_open_request_follows_and_keeps_what_people_wrote(member, company, forge):
    member(*PROPOSE).ok()
    forge.open[0]["body"] = f"For the fair.\n\n{forge.open[0]['body']}\n\nTested by hand."

    again = member(*PROPOSE).ok()
    assert f"quest 1 is open and up to date: {forge.url(forge.open[0])}" in again.stdout
    company.push(STAGING, {"authentication": OTHER})
    document = member(*PROPOSE, "-o", "json").ok().json()

    [made] = forge.open
    assert document["request"]["did"] == "updated"
    assert made["title"] == git(company.remote, "log", "-1", "--format=%s", BRANCH)
    assert made["body"].startswith("For the fair.")
    assert made["body"].endswith("Tested by hand.")
    assert OTHER[:7] in made["body"]


def test_a_text_without_our_marks_is_left_alone(member, forge):
    forge.opened(BRANCH)

    member(*PROPOSE).ok()

    [made] = forge.open
    assert made["body"] == "by hand"
    assert made["title"].startswith(f"{PROD}: ")


def test_a_request_that_somebody_opens_meanwhile_is_taken(member, forge):
    def race(method: str, path: str) -> None:
        if method == "POST" and not forge.requests:
            forge.opened(BRANCH)

    forge.before = race

    document = member(*PROPOSE, "-o", "json").ok().json()

    assert document["request"]["did"] == "updated"
    assert len(forge.requests) == 1


def test_a_closed_request_is_not_opened_again_but_another(member, forge):
    member(*PROPOSE).ok()
    forge.requests[0]["state"] = "closed"

    document = member(*PROPOSE, "-o", "json").ok().json()

    assert document["request"] == {"number": 2, "did": "opened", "draft": False}


def test_a_draft_with_labels_and_reviewers_stays_a_draft(member, company, forge):
    options = ("--draft", "--label", "release", "--label", "shop", "--reviewer", "grace")
    document = member(*PROPOSE, *options, "-o", "json").ok().json()
    company.push(STAGING, {"authentication": OTHER})

    again = member(*PROPOSE, "-o", "json").ok().json()

    [made] = forge.open
    assert document["request"]["draft"]
    assert again["request"] == {"number": 1, "did": "updated", "draft": True}
    assert made["labels"] == ([] if "--label" in forge.lacks else ["release", "shop"])
    assert made["reviewers"] == ["grace"]


def test_a_request_is_assigned_and_merged_by_its_forge_as_soon_as_it_may_be(member, forge):
    done = member(*PROPOSE, "--assignee", "grace", "--auto-merge").ok()

    [made] = forge.open
    assert made["assignees"] == ([] if "--assignee" in forge.lacks else ["grace"])
    assert made["auto_merge"] == (None if "--auto-merge" in forge.lacks else HEAD)
    told = {option for option in ("--assignee", "--auto-merge") if f"{option}: " in done.stderr}
    assert told == forge.lacks - {"--label"}


def test_what_a_forge_refuses_beside_the_text_is_told_and_the_request_is_open(
    github, company, gitops
):
    github.opened(BRANCH)
    github.before = lambda method, path: Reply(422) if path.endswith("/labels") else None
    asked = ("--label", "x", "--reviewer", "grace", "--reviewer", "linus", "--assignee", "grace")

    done = on(github, company, gitops)(*PROPOSE, *asked)

    assert done.code == 5
    assert done.stderr.count("pull request 1 is open, but not as asked") == 2
    assert "/labels: 422" in done.stderr
    assert "linus: " in done.stderr
    assert github.open[0]["reviewers"] == ["grace"], "whoever can be asked is"
    assert "pull request 1 updated" in done.stdout
    assert github.open[0]["assignees"] == ["grace"]


def test_a_label_that_gitea_leaves_out_is_told(company, gitops):
    with running_forge("gitea") as (forge, _):
        done = on(forge, company, gitops)(*PROPOSE, "--label", "release", "--label", "unheard-of")

    assert done.code == 5
    assert "the forge has no label unheard-of" in done.stderr
    assert forge.open[0]["labels"] == ["release"]


def test_a_request_that_github_will_not_merge_by_itself_is_told(github, company, gitops):
    github.clean = True

    done = on(github, company, gitops)(*PROPOSE, "--auto-merge")

    assert done.code == 5
    assert "is in clean status" in done.stderr
    assert len(github.open) == 1


def test_the_page_of_a_request_is_opened_by_the_browser(github, company, gitops, tmp_path):
    seen = tmp_path / "seen"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >{seen}\n')
    browser.chmod(0o755)

    on(github, company, gitops).using(BROWSER=f"{browser} %s")(*PROPOSE, "--web").ok()

    assert seen.read_text().strip() == f"http://{github.address}/{PROJECT}/pull/1"


def test_a_stage_of_pull_requests_opens_them_unasked(member, company, forge):
    with_settings(company, '[stage.production]\nmode = "pr"\n')

    member(*PROPOSE[:-1]).ok()

    assert [made["branch"] for made in forge.open] == [BRANCH]


def test_an_expired_token_is_told_and_the_branch_is_pushed(member, company, forge):
    done = member.using(**{VARIABLE: "expired"})(*PROPOSE)

    assert done.code == 4
    assert f"refuses the token of {VARIABLE}" in done.stderr
    assert "open a pull request" in done.stdout
    assert branch_tip(company)
    assert "expired" not in done.stdout.replace("it has expired", "")


def test_without_a_token_it_is_as_ever(member, company, forge):
    done = member.using(**{VARIABLE: ""})(*PROPOSE, "--reviewer", "grace").ok()

    assert "open a pull request" in done.stdout
    assert "without a token" in done.stderr
    assert forge.log == []


def test_a_forge_that_is_away_is_told_and_the_branch_is_pushed(github, company, gitops):
    github.before = lambda method, path: Reply(500, body=b"<html>down</html>")

    done = on(github, company, gitops)(*PROPOSE)

    assert done.code == 5
    assert "the branch is pushed, and no request" in done.stderr
    assert branch_tip(company)


def test_an_answer_of_something_else_is_no_request(github, company, gitops):
    github.before = lambda method, path: Reply(200, body=b"<html>log in</html>")

    done = on(github, company, gitops)(*PROPOSE)

    assert done.code == 5
    assert "its answer is not one of this API" in done.stderr


def test_a_token_goes_to_no_other_host_by_a_redirect(member, forge):
    with scripted(lambda request: Reply(200, body=b"[]")) as other:
        to = {"Location": f"http://{other.address}/"}
        forge.before = lambda method, path: Reply(307, to)

        done = member(*PROPOSE)

    assert done.code == 5
    assert other.requests == []


def test_a_variable_for_another_host_is_not_sent(github, company, gitops):
    here = gitops.at(hosted(company, github))
    here("config", "set", f"forge.{github.address}.kind", "github").ok()
    tokens = {"GITHUB_TOKEN": TOKEN, "GH_TOKEN": TOKEN, "GITLAB_TOKEN": TOKEN}

    here.using(**tokens)(*PROPOSE).ok()
    assert github.log == []

    here.using(GITHUB_TOKEN=TOKEN, GITHUB_SERVER_URL=f"http://{github.address}")(*PROPOSE).ok()
    assert len(github.open) == 1


def test_a_pushed_gitops_toml_names_no_forge(github, company, gitops):
    with_settings(company, f'[forge."{github.address}"]\nkind = "github"\ntoken = "{VARIABLE}"\n')
    here = gitops.at(hosted(company, github)).using(**{VARIABLE: TOKEN})

    here(*PROPOSE)

    assert github.log == []


def test_what_git_pushes_with_opens_a_request_too(github, company, gitops):
    here = on(github, company, gitops).using(**{VARIABLE: ""})
    helper = f"!f() {{ echo username=ada; echo password={TOKEN}; }}; f"
    git(here.directory, "config", f"credential.http://{github.address}.helper", helper)

    here(*PROPOSE).ok()
    assert len(github.open) == 1

    github.token = "another"
    done = here(*PROPOSE).ok()
    assert "no request is opened" in done.stderr
    assert "open a pull request" in done.stdout


WRITERS = [
    ("set", f"authentication={OTHER}", "-e", PROD),
    ("remove", "authentication", "-e", PROD, "--yes"),
    ("rollback", "authentication", "-e", PROD, "--yes"),
]


@pytest.mark.parametrize("words", WRITERS, ids=lambda words: words[0])
def test_other_writers_propose_too(words, github, company, gitops):
    company.push(PROD, {"authentication": "d" * 40})
    with_settings(company, '[stage.production]\nmode = "pr"\n')
    before, here = tip(company), on(github, company, gitops)

    document = here(*words, "--pr", "--label", "shop", "-o", "json").ok().json()
    again = here(*words, "--pr", "-o", "json").ok().json()

    branch = f"gitops/{words[0]}/{PROD}+authentication"
    assert tip(company) == before
    assert (document["branch"], document["commit"]) == (branch, branch_tip(company, branch))
    assert document["request"]["did"] == "opened"
    assert again["request"]["did"] == "unchanged"
    assert [made["branch"] for made in github.open] == [branch]
    assert "| authentication |" in github.open[0]["body"]


@pytest.mark.parametrize("words", WRITERS[:2], ids=lambda words: words[0])
def test_a_stage_of_pull_requests_is_written_by_requests_whoever_writes(
    words, github, company, gitops
):
    company.push(PROD, {"authentication": "d" * 40})
    with_settings(company, '[stage.production]\nmode = "pr"\n')
    before, here = tip(company), on(github, company, gitops)

    planned = here(*words, "--dry-run").ok().stdout
    document = here(*words, "--reviewer", "grace", "-o", "json").ok().json()

    assert f"would push gitops/{words[0]}/{PROD}+authentication" in planned
    assert tip(company) == before
    assert document["branch"] == f"gitops/{words[0]}/{PROD}+authentication"
    assert [made["reviewers"] for made in github.open] == [["grace"]]
    here(*words, "--override-policy", "-m", "now").ok()
    assert tip(company) != before


def test_a_rollback_waits_for_no_request_unless_it_is_told_to(github, company, gitops):
    company.push(PROD, {"authentication": "d" * 40})
    with_settings(company, '[stage.production]\nmode = "pr"\n')
    before = tip(company)

    on(github, company, gitops)(*WRITERS[2]).ok()

    assert tip(company) != before
    assert github.log == []


def test_a_writer_waits_for_the_merge_and_then_for_the_cluster(github, company, gitops, tmp_path):
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(KUBECONFIG)
    alone = on(github, company, gitops)
    here = alone.using(KUBECONFIG=kubeconfig)

    def somebody(does: str) -> None:
        def act(method: str, path: str) -> None:
            if method == "GET" and path.endswith("/pulls/1"):
                github.requests[0]["state"] = does
                if does == "merged":
                    git(company.remote, "update-ref", "refs/heads/main", branch)

        github.before = act

    branch = f"gitops/set/{PROD}+authentication"
    waiting = (*WRITERS[0], "--pr", "--wait", "--timeout", "6s")
    somebody("closed")
    nowhere = alone(*waiting)
    closed = here(*waiting)
    github.requests[0]["state"] = "open"
    somebody("merged")
    merged = here(*waiting)

    assert (nowhere.code, "no kubeconfig" in nowhere.stderr) == (2, True), "nobody waits in vain"
    assert github.log, "and the request is open"
    assert closed.code == 1
    assert "was closed without a merge" in closed.stderr
    assert "pull request 1 is merged" in merged.stderr
    assert f"waiting until {PROD} has it" in merged.stderr
    assert merged.code in (5, 8), merged
    assert company.recorded(PROD)["authentication"] == OTHER


def test_a_request_says_how_to_look_at_what_it_brings(github, company, gitops):
    here = on(github, company, gitops)
    here(*PROPOSE).ok()
    assert f"gitops diff {PROD} --rev origin/{BRANCH}`" in github.open[0]["body"]

    git(here.directory, "fetch", "-q")

    assert "no kubeconfig" in here("diff", PROD, "--rev", f"origin/{BRANCH}").stderr
    assert "no kubeconfig" not in here("diff", PROD, "--rev", "origin/nothing").stderr


def test_options_of_a_request_need_one(clone):
    done = clone(*PROPOSE[:-1], "--draft")

    assert done.code == 2
    assert "add --pr" in done.stderr
