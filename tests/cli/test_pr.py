"""`gitops pr`: requests listed, followed, merged, closed and commented, for each kind of forge."""

from __future__ import annotations

import pytest

from tests.cli.hosted import PROPOSE, on
from tests.cli.test_proposals import BRANCH
from tests.forge.fakes import reply, running_forge


def test_requests_are_listed_followed_merged_and_closed(member, forge):
    forge.opened("feature/login")
    member(*PROPOSE, "--draft").ok()

    listed = member("pr", "list", "-o", "json").ok().json()["requests"]
    everyones = member("pr", "list", "--all", "-o", "name").ok().stdout.split()
    assert [(r["number"], r["branch"], r["draft"]) for r in listed] == [(2, BRANCH, True)]
    assert everyones == ["2", "1"]
    assert member("pr", "status", "2", "--wait", "--timeout", "0s").code == 8

    document = member("pr", "merge", "2", "--yes", "-o", "json").ok().json()
    assert (document["state"], document["did"]) == ("merged", "merged")
    assert "2 merged" in member("pr", "status", "2", "--wait").ok().stdout
    again = member("pr", "merge", "2", "--yes")
    assert (again.code, "is merged already" in again.stderr) == (5, True)

    member("pr", "close", "1", "--yes").ok()
    assert member("pr", "status", "1", "--wait").code == 1
    assert "no request is open" in member("pr", "list", "--all").ok().stdout


def test_a_merge_that_the_forge_refuses_is_told_in_its_words(member, forge):
    forge.opened("feature/x", title="blocked by a rule")

    done = member("pr", "merge", "1", "--yes")

    assert done.code == 5
    assert "At least 1 approving review is required" in done.stderr
    assert member("pr", "merge", "9", "--yes").code == 4


def test_a_comment_is_written_once_and_then_kept_up_to_date(member, forge):
    forge.opened("feature/x")
    comment = ("pr", "comment", "1", "-o", "json")

    first = member(*comment, stdin="| no findings |\n").ok().json()
    same = member(*comment, stdin="| no findings |").ok().json()
    other = member(*comment, "--name", "diff", stdin="größer").ok().json()
    changed = member(*comment, stdin="| 1 error |").ok().json()

    assert [d["did"] for d in (first, same, other, changed)] == [
        *("written", "unchanged", "written", "updated")
    ]
    said = [c["body"].partition("\n\n") for c in forge.requests[0]["comments"]]
    assert [text for _, _, text in said] == ["| 1 error |", "größer"]
    assert all("gitops-cli: comment " in mark for mark, _, _ in said)


def test_a_strangers_comment_is_not_taken_for_ours(github, company, gitops):
    """Who may only read could change it again, after it says what a run found."""
    here = on(github, company, gitops)
    here(*PROPOSE).ok()
    mark = "<!-- gitops-cli: comment gitops -->\n\n"
    comments = github.requests[0]["comments"]
    for id_, (type_, what) in enumerate([("User", "NONE"), ("Bot", "NONE")], start=1):
        author = {"user": {"login": "x", "type": type_}, "author_association": what}
        comments.append({"id": id_, "body": f"{mark}nothing changes", **author})

    here("pr", "comment", "1", stdin="all of it changes").ok()

    assert [c["body"] for c in comments] == [
        f"{mark}nothing changes",
        f"{mark}all of it changes",
    ]


@pytest.mark.parametrize(
    ("kind", "theirs"),
    [
        ("gitlab", {"author": {"id": 9, "username": "mallory"}}),
        ("gitea", {"user": {"id": 9, "login": "mallory"}}),
    ],
)
def test_the_comment_of_somebody_else_is_not_taken_for_ours(kind, theirs, company, gitops):
    with running_forge(kind) as (forge, _):
        here = on(forge, company, gitops)
        here(*PROPOSE).ok()
        mark = "<!-- gitops-cli: comment gitops -->\n\n"
        comments = forge.requests[0]["comments"]
        comments.append({"id": 1, "body": f"{mark}nothing changes", **theirs})

        for text in ("some of it changes", "all of it changes"):
            here("pr", "comment", "1", stdin=text).ok()

        assert [c["body"] for c in comments] == [
            f"{mark}nothing changes",
            f"{mark}all of it changes",
        ]


def test_a_token_that_may_not_say_whose_it_is_comments_all_the_same(company, gitops):
    with running_forge("gitea") as (forge, _):
        here = on(forge, company, gitops)
        here(*PROPOSE).ok()
        forge.before = lambda method, path: reply(403, {}) if path.endswith("/user") else None
        for text in ("some of it changes", "all of it changes"):
            here("pr", "comment", "1", stdin=text).ok()
        [comment] = forge.requests[0]["comments"]
        assert comment["body"].endswith("all of it changes")


def test_a_comment_in_ci_is_of_the_request_that_is_built(github, company, gitops):
    github.opened("feature/x")
    here = on(github, company, gitops).using(GITHUB_ACTIONS="true", GITHUB_REF="refs/pull/1/merge")

    here("pr", "comment", stdin="long\n" * 30_000).ok()

    [comment] = github.requests[0]["comments"]
    assert len(comment["body"]) < 65_536
    assert comment["body"].endswith("long\n\nand more")


@pytest.mark.parametrize(
    ("words", "stdin", "said"),
    [
        (("12",), "", "nothing came through the pipe"),
        (("12",), "x" * 1_000_001, "more than 1,000,000 bytes"),
        ((), "x", "a comment of which request?"),
        (("12", "--name", "a b"), "x", "`a b` is no name"),
        (("12",), "x", "no forge is known for it"),
    ],
)
def test_what_is_no_comment_is_refused(clone, words, stdin, said):
    done = clone("pr", "comment", *words, stdin=stdin)

    assert done.code == 2
    assert said in done.stderr


def test_requests_of_a_repository_on_no_forge(clone):
    done = clone("pr", "list")

    assert done.code == 2
    assert "no forge is known for it" in done.stderr
    assert "--offline asks no forge" in clone("pr", "list", "--offline").stderr
