"""`gitops env list|add|copy`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.testbed.article import STAGES, Article
from tests.testbed.git import Commit, add_commits, git
from tests.testbed.gitops import Gitops


@pytest.fixture
def state(gitops: Gitops, article: Article) -> Gitops:
    return gitops.at(article.clone())


def tip(article: Article) -> str:
    return git(article.remote, "rev-parse", "main")


def content(article: Article, path: str) -> str:
    return git(article.remote, "show", f"main:{path}")


def test_list(state: Gitops, article: Article) -> None:
    found = state("env", "list", "-o", "json").ok().json()["environments"]
    assert [e["environment"] for e in found] == list(article.environments)
    assert found[0]["services"] == ["authentication", "billing", "frontend", "orders"]
    assert found[0]["images_path"] == "registry.example.com/project1/"
    assert (found[2]["stage"], found[2]["errors"]) == ("production", 0)


def changed(state: Gitops, since: str) -> list[str]:
    return state("env", "list", "--changed-since", since, "-o", "name").ok().stdout.split()


def test_those_that_changed_since_a_commit(state: Gitops, article: Article) -> None:
    dev, staging, prod = (article.environment(stage) for stage in STAGES)
    before = tip(article)
    files = {f"{prod}/orders.deployment": "a" * 40, "README.md": "?", "sync-agent/README.md": "?"}
    commits = [
        files,
        {f"{staging}/manifests/kustomization.yaml": "resources: [../../base]\n"},
        {"base/web.yaml": "---\n"},
        {"gitops.toml": ""},
        {
            f"{path}": None
            for path in git(
                article.remote, "ls-tree", "-r", "--name-only", "main", f"{dev}/"
            ).split()
        },
    ]
    made = add_commits(
        article.remote,
        [Commit("change", each, 1_800_000_000 + n) for n, each in enumerate(commits)],
    )

    assert changed(state, before) == [staging, prod]
    assert changed(state, made[0]) == [staging]
    assert changed(state, made[1]) == [staging], "its kustomization may be of the base"
    assert changed(state, made[2]) == [staging], "the settings say of manifests where they are"
    assert changed(state, made[3]) == [], "what is gone is none"
    assert changed(state, made[4]) == []
    shallow = state.at(article.directory)
    git(shallow.directory, "clone", "-q", "--depth", "1", f"file://{article.remote}", "shallow")
    assert changed(shallow.at(shallow.directory / "shallow"), before) == [staging, prod]


def test_environments_change_with_the_directory_that_their_stage_names(
    state: Gitops, article: Article
) -> None:
    where = '[stage.production]\nmanifests = "../deploy/{environment}"\n'
    those = [name for name in article.environments if name.endswith("-production")]
    changes: list[dict[str, str | None]] = [
        {"gitops.toml": where},
        {f"deploy/{those[0]}/web.yaml": "---\n"},
    ]
    commits = [Commit("change", each, 1_800_000_000 + n) for n, each in enumerate(changes)]
    before = tip(article)
    [told, _] = add_commits(article.remote, commits)

    assert changed(state, told) == those, "kustomizations may be made of another's"
    assert changed(state, before) == those


def test_environments_change_with_what_the_settings_say_of_how_they_are_deployed(
    state: Gitops, article: Article
) -> None:
    dev, staging, prod = (
        [name for name in article.environments if name.endswith(f"-{stage}")] for stage in STAGES
    )
    step = '[stage.production.step.base]\ndirectory = "infra"\n'
    programs = 'plan = ["./plan"]\napply = ["./apply"]\n'
    orders = [
        name
        for name in article.environments
        if f"{name}/orders.deployment"
        in git(article.remote, "ls-tree", "-r", "--name-only", "main").split()
    ]
    changes: list[tuple[dict[str, str | None], list[str]]] = [
        ({"gitops.toml": '[stage.staging]\ncluster = "north"\n'}, staging),
        ({"gitops.toml": '[stage.staging]\ncluster = "south"\n'}, staging),
        ({"gitops.toml": '[stage.development]\nmode = "pr"\n'}, staging),
        ({"gitops.toml": f"[stage.development]\nprune = true\n{step}{programs}"}, dev + prod),
        ({"infra/plan": "#!/bin/sh\n"}, prod),
        ({"gitops.toml": '[service.orders]\nworkload = "shop-orders"\n'}, [*dev, *orders, *prod]),
        ({"gitops.toml": None}, orders),
        ({"gitops.toml": '[service.orders]\nsource = "https://a.example/b"\n'}, []),
    ]
    commits = [Commit("change", each, 1_800_000_000 + n) for n, (each, _) in enumerate(changes)]
    before = [tip(article), *add_commits(article.remote, commits)]

    for n, (change, those) in enumerate(changes):
        git(article.remote, "update-ref", "refs/heads/main", before[n + 1])
        assert sorted(changed(state, before[n])) == sorted(set(those)), change


def test_where_nobody_knows_that_commit_all_have_changed(state: Gitops, article: Article) -> None:
    for since in ("0" * 40, "f" * 40, "nothing"):
        found = state("env", "list", "--changed-since", since, "-o", "name").ok()
        assert len(found.stdout.split()) == len(article.environments)
        assert ("these are all environments" in found.stderr) == (since[0] != "0")


def test_add(state: Gitops, article: Article) -> None:
    arguments = ("env", "add", "shop-qa", "--images-path", "r.example.com/shop/")
    done = state(*arguments, "-m", "a tester joins", "-o", "json").ok().json()
    assert (done["changed"], done["commit"]) == (True, tip(article))
    assert content(article, "shop-qa/images_path") == "r.example.com/shop/"
    assert "Gitops-Reason: a tester joins" in git(article.remote, "log", "-1", "--format=%B")
    again = state(*arguments, "-o", "json").ok().json()
    assert (again["changed"], again["commit"]) == (False, done["commit"])
    assert "exists already" in state("env", "add", "shop-qa").stderr, "before it is asked about"
    other = state("env", "add", "shop-qa", "--images-path", "r.example.com/other/")
    assert other.code == 2
    assert tip(article) == done["commit"]


def test_copy_takes_versions_and_images_path(state: Gitops, article: Article) -> None:
    source, target = article.environment("staging"), article.environment("qa")
    done = state("env", "copy", source, target, "-o", "json").ok().json()
    assert done["changed"] is True
    assert article.recorded(target) == article.recorded(source)
    assert content(article, f"{target}/images_path") == "registry.example.com/project1/"
    assert git(article.remote, "rev-list", "--count", f"{done['commit']}^..main") == "1"
    assert state("env", "copy", source, target, "-o", "json").ok().json()["changed"] is False
    article.push(source, {"billing": "5" * 40})
    refused = state("env", "copy", source, target)
    assert refused.code == 2
    assert "gitops promote" in refused.stderr


def test_copy_by_stage_with_globs_and_another_registry(state: Gitops, article: Article) -> None:
    target = article.environment("qa")
    state(
        *("env", "copy", "prod", target, "-p", f"{article.prefix}project1"),
        *("--exclude", "b*", "--exclude", "orders", "--images-path", "eu.example.com/p1/"),
    ).ok()
    assert set(article.recorded(target)) == {"authentication", "frontend"}
    assert content(article, f"{target}/images_path") == "eu.example.com/p1/"


def test_copy_leaves_locks_and_takes_manifests_if_asked(state: Gitops, article: Article) -> None:
    source, target = article.environment("staging"), article.environment("qa")
    manifest = f"kind: Service\nmetadata:\n  name: x\n  namespace: {source}\n# {source}\n"
    files = {
        f"{source}/manifests/a/service.yaml": manifest,
        f"{source}/billing.lock": 'reason = "x"\n',
    }
    now = int(git(article.remote, "log", "-1", "--format=%ct", "main"))
    add_commits(article.remote, [Commit("More", dict(files), now)])
    state("env", "copy", source, target).ok()
    names = git(article.remote, "ls-tree", "-r", "--name-only", "main", f"{target}/").splitlines()
    assert {Path(name).suffix for name in names} == {"", ".deployment"}
    state("env", "copy", source, article.environment("uat"), "--manifests").ok()
    copied = content(article, f"{article.environment('uat')}/manifests/a/service.yaml")
    assert f"  namespace: {article.environment('uat')}\n# {source}" in copied


def test_dry_run_writes_nothing(state: Gitops, article: Article) -> None:
    before = tip(article)
    source = article.environment("staging")
    ran = state("env", "copy", source, "new-stage", "--dry-run").ok()
    assert "would write: new-stage: copy of" in ran.stdout
    state("env", "add", "new-stage", "--images-path", "r/", "--dry-run").ok()
    assert tip(article) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["add", "../up", "--images-path", "r/"], "not an environment name"),
        (["add", "sync-agent", "--images-path", "r/"], "meaning of its own"),
        (["add", "shop-qa", "--images-path", "r"], "does not end with `/`"),
        (["add", "shop-qa"], "--images-path"),
        (["copy", "project1-staging", "prod"], "`prod` already means"),
        (["add", "development", "--images-path", "r/"], "`development` already means"),
        (["copy", "nothing", "shop-qa"], "no environment or stage `nothing`"),
        (["copy", "prod", "shop-qa"], "fits several"),
        (["copy", "prod", "Shop"], "not an environment name"),
    ],
)
def test_refusals_change_nothing(
    state: Gitops, article: Article, arguments: list[str], message: str
) -> None:
    before = tip(article)
    ran = state("env", *arguments)
    assert (ran.code, ran.stdout) == (2, "")
    assert message in ran.stderr
    assert tip(article) == before


def test_a_broken_source_is_not_copied(state: Gitops, article: Article) -> None:
    source = article.environment("staging")
    article.push(source, {"billing": "a\nb"})
    before = tip(article)
    ran = state("env", "copy", source, "shop-qa")
    assert ran.code == 2
    assert f"{source}/billing.deployment:2: " in ran.stderr
    assert tip(article) == before


def test_a_broken_file_is_left_out_by_saying_so(state: Gitops, article: Article) -> None:
    source = article.environment("staging")
    article.push(source, {"billing": "a\nb"})
    state("env", "copy", source, "shop-qa", "--exclude", "billing").ok()
    assert set(article.recorded("shop-qa")) == {"authentication", "frontend", "orders"}


def test_a_broken_images_path_is_not_copied_but_may_be_replaced(
    state: Gitops, article: Article
) -> None:
    source = article.environment("staging")
    now = int(git(article.remote, "log", "-1", "--format=%ct", "main"))
    add_commits(article.remote, [Commit("Break", {f"{source}/images_path": "r"}, now)])
    before = tip(article)
    ran = state("env", "copy", source, "shop-qa")
    assert ran.code == 2
    assert f"{source}/images_path:1: `r` does not end with `/`" in ran.stderr
    assert tip(article) == before
    state("env", "copy", source, "shop-qa", "--images-path", "r.example.com/").ok()


def test_on_a_terminal_a_copy_is_shown_and_asked_about(state: Gitops, article: Article) -> None:
    before, source = tip(article), next(iter(article.environments))
    qa = source.replace("development", "qa")
    with state.terminal("env", "copy", source, qa) as screen:
        screen.wait_for(f"Make {qa} with 4 services?")
        assert "billing" in screen.text
        screen.type("n")
        screen.press("enter")
        assert screen.finish() == 1
    assert tip(article) == before
