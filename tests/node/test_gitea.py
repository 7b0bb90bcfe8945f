"""Pull requests on a real Gitea: branch protection, reviews, races, tokens, merges."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.testbed.git import Commit, add_commits, git, init_bare
from tests.testbed.gitea import RealGitea, running_gitea
from tests.testbed.gitops import Gitops
from tests.testbed.patience import PATIENCE

pytestmark = [pytest.mark.node, pytest.mark.programs, pytest.mark.xdist_group("engines")]
STAGING, PROD = "shop-staging", "shop-production"
OLD, NEW, NEWER = "a" * 40, "b" * 40, "c" * 40
BRANCH = f"gitops/promote/{PROD}+web"
PROPOSE = ("promote", "web", "--to", "production", "--yes", "--pr")
TOKEN = "TOKEN_OF_THE_TESTS"


@dataclass
class Place:
    """A repository of ada's, in which grace may write, and the command in a clone of it."""

    gitea: RealGitea
    name: str
    gitops: Gitops

    @property
    def at(self) -> str:
        return f"/repos/ada/{self.name}"

    def ask(self, method: str, path: str, content: object = None, *, by: str = "ada") -> Any:
        return self.gitea.ask(method, f"{self.at}{path}", content, by=by)

    def requests(self, state: str = "open") -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = self.ask("GET", f"/pulls?state={state}")
        return found

    def recorded(self) -> str:
        git(self.gitops.directory, "fetch", "-q")
        return git(self.gitops.directory, "show", f"origin/main:{PROD}/web.deployment")

    def protect(self, **rules: object) -> None:
        about = {"rule_name": "main", "enable_push": False, **rules}
        self.ask("POST", "/branch_protections", about)

    def approve(self, number: int) -> None:
        """Let grace approve what the request has now."""
        head = self.ask("GET", f"/pulls/{number}")["head"]["sha"]
        review = {"event": "APPROVED", "body": "fine", "commit_id": head}
        self.ask("POST", f"/pulls/{number}/reviews", review, by="grace")

    def record(self, version: str) -> None:
        """Let staging have another version."""
        self.gitops("set", f"web={version}", "-e", "staging", "--allow-older").ok()


@pytest.fixture(scope="module")
def gitea(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealGitea]:
    with running_gitea(tmp_path_factory.mktemp("gitea")) as server:
        yield server


@pytest.fixture
def place(
    gitea: RealGitea, gitops: Gitops, tmp_path: Path, request: pytest.FixtureRequest
) -> Place:
    name = f"state-{abs(hash(request.node.name)) % 10**8}"
    gitea.ask("POST", "/user/repos", {"name": name})
    gitea.ask("PUT", f"/repos/ada/{name}/collaborators/grace", {"permission": "write"})
    url = f"http://{gitea.address}/ada/{name}.git"
    made = init_bare(tmp_path / "made.git")
    files: dict[str, str | None] = {}
    for environment, version in ((STAGING, NEW), (PROD, OLD)):
        files[f"{environment}/images_path"] = "registry.example.com/shop/\n"
        files[f"{environment}/web.deployment"] = f"{version}\n"
    add_commits(made, [Commit("start", files, 1_793_606_400)])
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", made, clone)
    helper = f"!f() {{ echo username=ada; echo password={gitea.tokens['ada']}; }}; f"
    git(clone, "config", f"credential.http://{gitea.address}.helper", helper)
    git(clone, "remote", "set-url", "origin", url)
    git(clone, "push", "-q", "origin", "HEAD:main")
    end = time.monotonic() + PATIENCE
    while gitea.ask("GET", f"/repos/ada/{name}")["empty"]:  # it notices a push a moment later
        assert time.monotonic() < end
        time.sleep(0.05)
    here = gitops.at(clone).using(**{TOKEN: gitea.tokens["ada"]})
    for key, value in (("kind", "gitea"), ("token", TOKEN)):
        here("config", "set", f"forge.{gitea.address}.{key}", value).ok()
    return Place(gitea, name, here)


def test_a_protected_branch_is_written_by_a_request_that_somebody_reviewed(place: Place) -> None:
    place.protect(required_approvals=1)

    refused = place.gitops(*PROPOSE[:-1])
    assert refused.code == 3
    assert "--pr" in refused.stderr
    opened = place.gitops(*PROPOSE, "--reviewer", "grace", "--assignee", "grace").ok()
    [made] = place.requests()
    early = place.gitops("pr", "merge", str(made["number"]), "--yes")
    assert place.gitops("pr", "status", "1", "--wait", "--timeout", "0s").code == 8
    place.approve(made["number"])
    place.gitops("pr", "merge", str(made["number"]), "--yes").ok()

    assert f"http://{place.gitea.address}/ada/{place.name}/pulls/1" in opened.stdout
    assert (made["head"]["ref"], made["base"]["ref"]) == (BRANCH, "main")
    assert [person["login"] for person in made["assignees"]] == ["grace"]
    assert [person["login"] for person in made["requested_reviewers"]] == ["grace"]
    assert early.code == 5, early
    assert "pproval" in early.stderr
    assert place.gitops("pr", "status", "1", "--wait").ok()
    assert place.recorded() == NEW


def test_it_is_merged_as_the_repository_allows_and_keeps_its_message(place: Place) -> None:
    ways = ("merge_commits", "rebase", "rebase_explicit", "fast_forward_only_merge")
    place.ask("PATCH", "", {f"allow_{way}": False for way in ways} | {"allow_squash_merge": True})
    place.gitops(*PROPOSE).ok()

    place.gitops("pr", "merge", "1", "--yes").ok()

    assert place.recorded() == NEW
    message = git(place.gitops.directory, "log", "-1", "--format=%B", "origin/main")
    assert message.splitlines()[0].endswith("(#1)")
    assert "\nGitops-Action: promote\n" in message


def test_an_open_request_follows_in_place_and_stays_a_draft(place: Place) -> None:
    place.ask("POST", "/labels", {"name": "release", "color": "#00ff00"})
    place.gitops(*PROPOSE, "--draft", "--label", "release").ok()
    [first] = place.requests()
    place.ask("PATCH", "/pulls/1", {"body": f"For the fair.\n\n{first['body']}"})
    place.record(NEWER)

    document = place.gitops(*PROPOSE, "-o", "json").ok().json()
    again = place.gitops(*PROPOSE, "-o", "json").ok().json()

    [made] = place.requests()
    assert document["request"] == {"number": 1, "did": "updated", "draft": True}
    assert again["request"]["did"] == "unchanged"
    assert made["title"].startswith("WIP: ")
    assert made["draft"]
    assert [label["name"] for label in made["labels"]] == ["release"]
    assert made["body"].startswith("For the fair.")
    assert NEWER[:7] in made["body"]


def test_two_at_once_open_one_request(place: Place) -> None:
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: place.gitops(*PROPOSE), range(2)))

    for done in both:
        done.ok()
    [made] = place.requests()
    assert made["number"] == 1, "a second one is closed by who opened it"


def test_an_expired_token_is_told_and_the_branch_is_pushed(place: Place) -> None:
    done = place.gitops.using(**{TOKEN: "0" * 40})(*PROPOSE)

    assert done.code == 4
    assert f"refuses the token of {TOKEN}" in done.stderr
    assert place.requests("all") == []
    assert place.ask("GET", f"/branches/{BRANCH.replace('+', '%2B')}")["name"] == BRANCH
    place.gitops(*PROPOSE).ok()
    assert len(place.requests()) == 1


def test_a_closed_request_stays_closed_and_another_is_opened(place: Place) -> None:
    place.gitops(*PROPOSE).ok()
    place.gitops("pr", "close", "1", "--yes").ok()
    assert place.gitops("pr", "status", "1", "--wait").code == 1

    document = place.gitops(*PROPOSE, "-o", "json").ok().json()

    assert document["request"]["number"] == 2
    assert [made["state"] for made in place.requests("all")] == ["open", "closed"]


def test_gitea_merges_by_itself_once_it_is_approved(place: Place) -> None:
    place.protect(required_approvals=1)
    place.gitops(*PROPOSE, "--auto-merge").ok()
    assert place.recorded() == OLD

    place.approve(1)

    assert place.gitops("pr", "status", "1", "--wait", "--timeout", "2m").ok()
    assert place.recorded() == NEW


def test_a_comment_is_kept_up_to_date(place: Place) -> None:
    place.gitops(*PROPOSE).ok()
    place.ask("POST", "/issues/1/comments", {"body": "by a person"})
    strangers = "<!-- gitops-cli: comment gitops -->\n\nnothing changes"
    place.ask("POST", "/issues/1/comments", {"body": strangers}, by="grace")

    for text in ("| one |", "| one |", "| two |"):
        place.gitops("pr", "comment", "1", stdin=text).ok()

    said = [c["body"] for c in place.ask("GET", "/issues/1/comments")]
    assert [text.rpartition("\n")[2] for text in said] == [
        *("by a person", "nothing changes", "| two |")
    ]


def test_requests_are_listed_page_by_page(place: Place) -> None:
    place.gitops(*PROPOSE).ok()
    [made] = place.gitops("pr", "list", "-o", "json").ok().json()["requests"]

    assert (made["number"], made["branch"], made["author"]) == (1, BRANCH, "ada")


def test_a_label_that_is_not_there_is_told(place: Place) -> None:
    place.ask("POST", "/labels", {"name": "release", "color": "#00ff00"})

    done = place.gitops(*PROPOSE, "--label", "release", "--label", "unheard-of")

    assert done.code == 5, done
    assert "the forge has no label unheard-of" in done.stderr
    [made] = place.requests()
    assert [label["name"] for label in made["labels"]] == ["release"]
