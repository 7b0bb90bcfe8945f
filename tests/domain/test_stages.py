"""What a short name of a stage can mean, and what is said where it means nothing or too much."""

from __future__ import annotations

import pytest

from gitops_cli.domain.errors import UnknownEnvironment, UsageError
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.files import RawFile
from gitops_cli.domain.recorded.reading import parse_snapshot
from gitops_cli.domain.recorded.resolution import (
    environment_for,
    is_around,
    is_source_of,
    service_of_remote,
    stage_before,
)
from gitops_cli.domain.recorded.stages import (
    Ambiguous,
    candidates,
    declared_stage,
    in_order,
    made_ambiguous,
    of_one_stage,
    of_project,
    place_of,
    the_one,
)
from gitops_cli.domain.recorded.team import ServiceRules, StageRules, TeamSettings

TEAM = TeamSettings()


def names(*texts: str) -> list[EnvironmentName]:
    return [EnvironmentName(text) for text in texts]


SHOP = names("shop-production", "shop-development", "blog-production", "tools-qa", "production")


@pytest.mark.parametrize(
    ("name", "project", "stage"),
    [
        ("shop-production", "shop", "production"),
        ("a-b-production", "a-b", "production"),
        ("a-b-qa", "a-b", "qa"),
        ("production", "", "production"),
        ("plain", "", "plain"),
        ("a-eu-production", "a", "eu-production"),
        ("a-b-eu-production", "a-b", "eu-production"),
    ],
)
def test_where_an_environment_belongs(name: str, project: str, stage: str) -> None:
    team = TEAM._replace(stages=("production", "eu-production"))

    assert place_of(EnvironmentName(name), team) == (name, project, stage)


def test_environments_in_order() -> None:
    assert in_order(SHOP, TEAM) == names(
        "production", "blog-production", "shop-development", "shop-production", "tools-qa"
    )
    assert in_order(names("a-x", "a-production", "a-b"), TEAM) == names(
        "a-production", "a-b", "a-x"
    )


def test_the_words_for_a_declared_stage() -> None:
    rules = {"production": StageRules("production", aliases=("live",))}
    team = TEAM._replace(rules=rules)

    assert declared_stage("production", team) == "production"
    assert declared_stage("live", team) == "production"
    assert declared_stage("stage", team) == "staging"
    assert declared_stage("d", team) == "development"
    assert declared_stage("", team) is None
    assert declared_stage("qa", team) is None
    assert declared_stage("stage", team._replace(stages=("production",))) is None
    with pytest.raises(UnknownEnvironment) as several:
        declared_stage("e", team._replace(stages=("eu", "east")))
    assert (several.value.message, several.value.hint) == (
        "`e` fits several stages: eu, east",
        "write more of it",
    )


def test_a_repository_without_environments() -> None:
    with pytest.raises(UnknownEnvironment) as error:
        candidates("dev", [], TEAM)

    assert error.value.message == "the repository has no environments"
    assert error.value.hint == (
        "is it your state repository? -C PATH, -R URL or GITOPS_REPO name another; "
        "`gitops env add NAME` makes an environment"
    )


def test_what_a_word_can_mean() -> None:
    assert candidates("shop-production", SHOP, TEAM) == names("shop-production")
    assert candidates("production", SHOP, TEAM) == names("production")
    assert candidates("prod", SHOP, TEAM) == names(
        "production", "blog-production", "shop-production"
    )
    assert candidates("prod", SHOP, TEAM, project="shop") == names("shop-production")
    assert candidates("qa", SHOP, TEAM) == names("tools-qa")
    assert of_one_stage("prod", SHOP, TEAM, project="blog") == names("blog-production")
    assert the_one("prod", SHOP, TEAM, project="blog") == "blog-production"
    assert the_one("dev", SHOP, TEAM) == "shop-development"


@pytest.mark.parametrize(
    ("word", "project", "message", "hint"),
    [
        (
            "shop-prodution",
            None,
            "there is no environment or stage `shop-prodution`",
            "did you mean `shop-production`",
        ),
        ("shop", None, "there is no environment or stage `shop`", "`shop` is a project: -p shop"),
        ("prd", None, "there is no environment or stage `prd`", "did you mean `production`?"),
        (
            "dpr",
            None,
            "there is no environment or stage `dpr`",
            "stages: development, production, qa; `gitops env list` shows the environments",
        ),
        (
            "x\x1b",
            None,
            r"there is no environment or stage `x\x1b`",
            "stages: development, production, qa; `gitops env list` shows the environments",
        ),
        (
            "stag",
            None,
            "there is no staging environment in any project",
            "projects: blog, shop, tools",
        ),
        (
            "dev",
            "blog",
            "there is no development environment in project `blog`",
            "projects: blog, shop, tools",
        ),
        (
            "qa",
            "shop",
            "there is no qa environment in project `shop`",
            "projects: blog, shop, tools",
        ),
        ("dev", "shpo", "there is no project `shpo`", "did you mean `shop`?"),
        ("dev", "zzz", "there is no project `zzz`", "projects: blog, shop, tools"),
    ],
)
def test_a_word_that_means_nothing(word: str, project: str | None, message: str, hint: str) -> None:
    with pytest.raises(UnknownEnvironment) as error:
        candidates(word, SHOP, TEAM, project=project)

    assert error.value.message == message
    assert (error.value.hint or "").startswith(hint)


def test_without_projects_there_is_none_to_name() -> None:
    with pytest.raises(UnknownEnvironment) as error:
        candidates("dev", names("production"), TEAM)
    assert error.value.hint == "projects: none"
    with pytest.raises(UnknownEnvironment) as unknown:
        of_project(names("production"), "shop", TEAM)
    assert unknown.value.hint == "projects: none"
    assert of_project(SHOP, "shop", TEAM) == names("shop-development", "shop-production")


def test_a_word_that_means_too_much() -> None:
    both = names("shop-dev", "shop-development")

    with pytest.raises(Ambiguous) as error:
        of_one_stage("dev", both, TEAM)
    assert error.value.message == ("`dev` fits several environments: shop-development, shop-dev")
    assert error.value.hint == "write the whole name of the stage or the environment"
    assert (error.value.word, error.value.fits) == ("dev", ("shop-development", "shop-dev"))
    with pytest.raises(Ambiguous) as several:
        the_one("prod", SHOP, TEAM)
    assert several.value.hint == "add --project, or write the full name"
    assert several.value.code == "ambiguous"


def test_what_a_new_name_makes_unclear() -> None:
    assert made_ambiguous(EnvironmentName("shop-dev"), TEAM) == (
        "shop-dev is of a stage `dev` that gitops.toml does not declare: where `dev` could mean "
        "development as well, it is ambiguous from now on (shop-development would be of that stage)"
    )
    assert made_ambiguous(EnvironmentName("shop-development"), TEAM) is None
    assert made_ambiguous(EnvironmentName("shop-qa"), TEAM) is None
    two = TEAM._replace(stages=("eu", "east"))
    assert made_ambiguous(EnvironmentName("shop-e"), two) is None


# --- resolution


def snapshot(*paths: str) -> Snapshot:
    return parse_snapshot(RawFile(f"{path}.deployment", b"a" * 40) for path in paths)


TWO = snapshot("a-production/web", "b-production/web", "b-development/search")
WEB, SEARCH = ServiceName("web"), ServiceName("search")


def test_a_persons_project_decides_last() -> None:
    assert environment_for("prod", TWO, usual_project="a") == "a-production"
    assert environment_for("prod", TWO, services=[SEARCH], usual_project="a") == ("b-production")
    assert environment_for("dev", TWO, usual_project="a") == "b-development"
    assert environment_for("prod", TWO, project="b", services=[WEB]) == "b-production"
    assert environment_for("dev", TWO, services=[WEB]) == "b-development"
    for usual in (None, "nobody's"):
        with pytest.raises(Ambiguous) as error:
            environment_for("prod", TWO, usual_project=usual)
        assert error.value.fits == ("a-production", "b-production")


STAGES = names("p-qa", "p-production", "p-development", "p-staging", "q-staging")


def test_the_stage_before() -> None:
    assert stage_before(EnvironmentName("p-production"), STAGES, TEAM) == "p-staging"
    assert stage_before(EnvironmentName("p-staging"), STAGES, TEAM) == "p-development"
    reverse = TEAM._replace(stages=("staging", "development", "production"))
    assert stage_before(EnvironmentName("p-production"), STAGES, reverse) == "p-development"
    with pytest.raises(UnknownEnvironment) as first:
        stage_before(EnvironmentName("p-development"), STAGES, TEAM)
    assert first.value.message == "no stage comes before p-development"
    assert first.value.hint == (
        "say where to promote from: --from ENV "
        "(others of the project: p-staging, p-production, p-qa)"
    )
    with pytest.raises(UnknownEnvironment) as alone:
        stage_before(EnvironmentName("x-production"), STAGES, TEAM)
    assert (alone.value.hint or "").endswith("(others of the project: none)")


def test_the_stage_before_is_the_one_that_the_team_names() -> None:
    def before(*declared: str) -> EnvironmentName:
        rules = {"production": StageRules("production", promote_from=declared)}
        return stage_before(EnvironmentName("p-production"), STAGES, TEAM._replace(rules=rules))

    assert before("qa") == "p-qa"
    assert before("qa", "missing") == "p-qa"
    with pytest.raises(Ambiguous) as several:
        before("staging", "qa")
    assert several.value.message == "`--from` fits several environments: p-staging, p-qa"
    with pytest.raises(UnknownEnvironment):
        before("missing")


def test_the_service_of_a_checkout() -> None:
    shared = "git@example.com:acme/mono.git"
    services = {
        ServiceName(name): ServiceRules(ServiceName(name), source)
        for name, source in (
            ("api", shared),
            ("job", shared),
            ("pay", "git@example.com:acme/payments.git"),
            ("own", None),
        )
    }
    team = TEAM._replace(services=services)

    assert service_of_remote(["https://example.com/acme/payments"], "x", team) == "pay"
    assert service_of_remote(["https://example.com/acme/Web.git"], "x", team) == "web"
    assert service_of_remote([], "Dir", team) == "dir"
    assert service_of_remote(["https://example.com/acme/a_b"], "dir", team) == "dir"
    with pytest.raises(UsageError) as several:
        service_of_remote([shared], "x", team)
    assert (several.value.message, several.value.hint) == (
        "this checkout is the source of several services: api, job",
        "name the service: SERVICE=HASH",
    )
    with pytest.raises(UsageError) as none:
        service_of_remote([], "a_b", team)
    assert (none.value.message, none.value.hint) == (
        "`a_b` is not the name of a service",
        "name it: SERVICE=HASH",
    )
    assert is_source_of(ServiceName("job"), [shared], "x", team)
    assert is_source_of(WEB, ["https://example.com/acme/web"], "x", team)
    assert not is_source_of(ServiceName("own"), [shared], "x", team)
    assert not is_source_of(WEB, [], "x", team)
    assert is_source_of(ServiceName("own"), [], "own", team)


def test_a_directory_is_around_itself_and_what_is_in_it() -> None:
    assert is_around(None, "a")
    assert is_around("a", "a")
    assert is_around("a", "a/b")
    assert not is_around("a", "ab")
    assert not is_around("a/b", "a")
