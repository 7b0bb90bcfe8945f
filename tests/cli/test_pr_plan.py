"""`gitops pr plan`: a proposed promotion on the present tip."""

from __future__ import annotations

import pytest

from tests.cli.company import PROD, STAGING, tip, with_settings
from tests.cli.test_proposals import BRANCH, OTHER
from tests.testbed.article import Article
from tests.testbed.git import git
from tests.testbed.gitops import Gitops

PROPOSE = ("promote", "authentication", "--to", PROD, "--yes", "--pr")
PROPOSED = f"origin/{BRANCH}"


def fetched(clone: Gitops) -> Gitops:
    git(clone.directory, "fetch", "-q", "origin")
    return clone


def test_it_has_the_versions_of_the_proposal_wherever_others_went_meanwhile(
    company: Article, clone: Gitops
) -> None:
    wanted = company.recorded(STAGING)["authentication"]
    clone(*PROPOSE, "-m", "fair").ok()
    company.push(STAGING, {"authentication": OTHER})
    company.push(PROD, {"authentication": "d" * 40})
    before = tip(company)

    document = fetched(clone)("pr", "plan", PROPOSED, "-o", "json").ok().json()

    [change] = document["changes"]
    assert (change["from"], change["to"]) == ("d" * 40, wanted)
    assert (document["source"], document["reason"]) == (STAGING, "fair")
    assert document["dry_run"]
    assert tip(company) == before


def test_a_branch_that_its_forge_brought_up_to_date_is_still_its_proposal(
    company: Article, clone: Gitops
) -> None:
    clone(*PROPOSE).ok()
    company.push(STAGING, {"billing": OTHER})
    git(fetched(clone).directory, "checkout", "-q", "--detach", PROPOSED)
    git(clone.directory, "merge", "-q", "--no-ff", "-m", "Merge main", "origin/main")

    document = clone("pr", "plan", "-o", "json").ok().json()

    assert [change["service"] for change in document["changes"]] == ["authentication"]


def test_one_of_several_projects_is_planned_whole(company: Article, clone: Gitops) -> None:
    promote = ("promote", "--all", "--from", "staging", "--to", "production", "--yes", "--pr")
    proposed = clone(*promote, "-o", "json").ok().json()

    document = fetched(clone)("pr", "plan", proposed["commit"], "-o", "json").ok().json()

    planned, wanted = (
        {
            (part["environment"], change["service"], change["to"])
            for part in each["environments"]
            for change in part["changes"]
        }
        for each in (document, proposed)
    )
    assert len(planned) == 8
    assert planned == wanted


RULES = {
    "soak": ('soak = "300d"', "soak"),
    "approvals": ("approvals = 1", "approv"),
    "freeze": ('freeze = ["Mon 00:00 - Sun 23:59 UTC", "Sun 00:00 - Mon 12:00 UTC"]', "frozen"),
}


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_that_holds_by_now_refuses_it(rule: str, company: Article, clone: Gitops) -> None:
    text, said = RULES[rule]
    clone(*PROPOSE).ok()
    with_settings(company, f"[stage.production]\n{text}\n")

    done = fetched(clone)("pr", "plan", PROPOSED)

    assert done.code == 6
    assert "gitops.toml:2" in done.stderr
    assert said in done.stderr
    assert done.stdout == ""


def test_what_only_a_promoters_machine_can_ask_is_not_asked(
    company: Article, clone: Gitops
) -> None:
    clone(*PROPOSE).ok()
    with_settings(
        company,
        '[stage.production]\nrequire = ["image", "live-in-source"]\nmode = "pr"\nprotected = true\n'
        'signature = {key = "keys/no.pub"}\n'
        '[stage.production.check.smoke]\ncommand = ["false"]\ndirectory = "checks"\n',
    )

    assert "would write" in fetched(clone)("pr", "plan", PROPOSED).ok().stdout


def test_what_is_recorded_already_is_nothing_to_do(company: Article, clone: Gitops) -> None:
    clone(*PROPOSE).ok()
    clone(*PROPOSE[:-1]).ok()

    assert "nothing to do" in fetched(clone)("pr", "plan", PROPOSED).ok().stdout


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (f"{PROD}/images_path", "evil.example.com/"),
        (f"{PROD}/other.approval", f'version = "{OTHER}"'),
        (f"{STAGING}/authentication.deployment", OTHER),
        ("gitops.toml", "[stage.production]\napprovals = 0"),
        (".github/workflows/x.yml", "on: push"),
        ("base/below/web.yaml", "---"),
        (f"{PROD}/authentication.deployment/x", "---"),
    ],
)
@pytest.mark.parametrize("merges", [False, True])
def test_what_else_a_proposal_changes_is_not_hidden(
    path: str, text: str, company: Article, clone: Gitops, *, merges: bool
) -> None:
    clone(*PROPOSE).ok()
    work = fetched(clone).directory
    git(work, "checkout", "-q", "--detach", PROPOSED)
    if merges:
        company.push(STAGING, {"billing": OTHER})
        git(work, "fetch", "-q", "origin")
        git(work, "merge", "-q", "--no-ff", "-m", "Merge main", "origin/main")
    above = (work / path).parent
    if above.is_file():
        above.unlink()
    is_new = not above.is_dir()
    above.mkdir(parents=True, exist_ok=True)
    (work / path).write_text(f"{text}\n")
    git(work, "add", "-A")
    git(work, "commit", "-q", "--amend", "--no-edit")

    done = clone("pr", "plan")

    assert done.code == 2
    said = path.partition("/")[0] if is_new else path
    assert f"brings more than a promotion: it changes {said}" in done.stderr


def test_versions_are_those_that_a_merge_brings(company: Article, clone: Gitops) -> None:
    """A merge may say something else than what it merges."""
    clone(*PROPOSE).ok()
    work = fetched(clone).directory
    git(work, "checkout", "-q", "--detach", PROPOSED)
    company.push(STAGING, {"billing": OTHER})
    git(work, "fetch", "-q", "origin")
    git(work, "merge", "-q", "--no-ff", "-m", "Merge main", "origin/main")
    (work / PROD / "authentication.deployment").write_text(f"{OTHER}\n")
    git(work, "commit", "-q", "-a", "--amend", "--no-edit")

    [change] = clone("pr", "plan", "-o", "json").ok().json()["changes"]

    assert change["to"] == OTHER


def test_manifests_are_told_of(company: Article, clone: Gitops) -> None:
    clone(*PROPOSE).ok()
    work = fetched(clone).directory
    git(work, "checkout", "-q", "--detach", PROPOSED)
    (work / PROD / "manifests").mkdir()
    (work / PROD / "manifests" / "web.yaml").write_text("---\n")
    git(work, "add", "-A")
    git(work, "commit", "-q", "--amend", "--no-edit")

    done = clone("pr", "plan").ok()

    said = f"it changes manifests as well, which are not planned here: {PROD}/manifests/"
    assert said in done.stderr


def test_another_commit_is_no_proposal(company: Article, clone: Gitops) -> None:
    clone("rollback", "authentication", "-e", PROD, "--yes", "--pr").ok()
    rollback = f"origin/gitops/rollback/{PROD}+authentication"

    for commit in ("HEAD", rollback, "HEAD~2"):
        done = fetched(clone)("pr", "plan", commit)
        assert done.code == 2
        assert "proposes no promotion" in done.stderr
    assert "is no commit of" in clone("pr", "plan", "nothing").stderr


def test_what_else_a_merge_would_bring_is_not_hidden(company: Article, clone: Gitops) -> None:
    clone(*PROPOSE).ok()
    work = fetched(clone).directory
    git(work, "checkout", "-q", "--detach", "origin/main")
    (work / PROD / "billing.deployment").write_text(f"{OTHER}\n")
    git(work, "commit", "-qam", "Another version")
    other = git(work, "rev-parse", "HEAD")
    git(work, "cherry-pick", PROPOSED)
    below = git(work, "rev-parse", "HEAD")
    git(work, "checkout", "-q", "--detach", PROPOSED)
    git(work, "merge", "-q", "--no-ff", "-m", "Merge another version", other)

    for commit in (below, "HEAD"):
        done = clone("pr", "plan", commit)
        assert done.code == 2
        assert f"brings more than a promotion: {other[:7]}, which" in done.stderr
