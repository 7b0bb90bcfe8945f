"""Which environment, stage before and service a few words mean."""

from __future__ import annotations

import pytest

from gitops_cli.domain.errors import UnknownEnvironment, UsageError
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Environment, Kind, Snapshot, VersionFile
from gitops_cli.domain.recorded.resolution import (
    environment_for,
    projects_with,
    service_of_remote,
    stage_before,
)
from gitops_cli.domain.recorded.stages import Ambiguous
from gitops_cli.domain.recorded.team import ServiceRules, StageRules, TeamSettings
from gitops_cli.domain.version import Version

AUTH, SEARCH, WEB = (ServiceName(name) for name in ("auth", "search", "web"))


def snapshot(**services: str) -> Snapshot:
    """Return environments by name (`_` for `-`) with their services, separated by spaces."""
    environments = {}
    for key, listed in services.items():
        name = EnvironmentName(key.replace("_", "-"))
        files = {
            ServiceName(s): VersionFile(
                f"{name}/{s}.deployment", ServiceName(s), Kind.DEPLOYMENT, Version("a" * 40)
            )
            for s in listed.split()
        }
        environments[name] = Environment(name, "r/", files)
    return Snapshot("c" * 40, environments)


TWO = snapshot(
    p1_development="auth web",
    p1_production="web",
    p2_development="search web",
    p2_production="search web",
)


def test_a_full_name_means_itself():
    assert environment_for("p2-production", TWO) == "p2-production"


def test_a_service_of_one_project_settles_the_project_even_before_it_is_there():
    assert environment_for("prod", TWO, services=[AUTH]) == "p1-production"
    assert environment_for("prod", TWO, services=[SEARCH]) == "p2-production"


def test_several_services_must_share_the_project():
    with pytest.raises(Ambiguous):
        environment_for("prod", TWO, services=[AUTH, SEARCH])
    assert environment_for("prod", TWO, services=[AUTH, WEB]) == "p1-production"


def test_the_option_beats_the_service_and_the_service_beats_the_habit():
    named = {"project": "p2", "services": [AUTH], "usual_project": "p1"}

    assert environment_for("prod", TWO, **named) == "p2-production"
    assert environment_for("prod", TWO, services=[AUTH], usual_project="p2") == "p1-production"
    assert environment_for("prod", TWO, usual_project="p2") == "p2-production"


def test_what_fits_several_names_them_all():
    with pytest.raises(Ambiguous) as found:
        environment_for("dev", TWO, services=[WEB])
    assert found.value.fits == ("p1-development", "p2-development")


def test_a_habit_that_fits_nothing_does_not_choose():
    with pytest.raises(Ambiguous):
        environment_for("dev", TWO, usual_project="p3")


def test_a_new_service_belongs_to_no_project():
    assert projects_with(ServiceName("new"), TWO) == []
    with pytest.raises(Ambiguous):
        environment_for("dev", TWO, services=[ServiceName("new")])


THREE = snapshot(p_development="web", p_staging="web", p_production="web")


@pytest.mark.parametrize(
    ("target", "expected"), [("p-production", "p-staging"), ("p-staging", "p-development")]
)
def test_the_stage_before_follows_the_order(target, expected):
    assert stage_before(EnvironmentName(target), THREE.environments, TeamSettings()) == expected


def test_a_missing_stage_is_skipped():
    assert (
        stage_before(EnvironmentName("p1-production"), TWO.environments, TeamSettings())
        == "p1-development"
    )


def test_promote_from_decides_where_it_says_one():
    team = TeamSettings(
        rules={"production": StageRules("production", promote_from=("development",))}
    )

    assert (
        stage_before(EnvironmentName("p-production"), THREE.environments, team) == "p-development"
    )


def test_promote_from_with_several_stages_asks():
    rules = StageRules("production", promote_from=("development", "staging"))

    with pytest.raises(Ambiguous):
        stage_before(
            EnvironmentName("p-production"),
            THREE.environments,
            TeamSettings(rules={"production": rules}),
        )


def test_nothing_comes_before_the_first_stage():
    with pytest.raises(UnknownEnvironment, match="no stage comes before p-development") as found:
        stage_before(EnvironmentName("p-development"), THREE.environments, TeamSettings())
    assert found.value.hint is not None
    assert "p-staging, p-production" in found.value.hint


@pytest.mark.parametrize(
    ("remote", "directory", "expected"),
    [
        ("git@github.com:acme/auth.git", "checkout", "auth"),
        ("https://example.com/Acme/Auth", "checkout", "auth"),
        (None, "web", "web"),
        ("git@github.com:acme/auth_service.git", "web", "web"),
    ],
)
def test_a_checkout_is_the_service_of_its_remote_or_directory(remote, directory, expected):
    assert service_of_remote([remote] if remote else [], directory, TeamSettings()) == expected


def team_of(**sources: str) -> TeamSettings:
    rules = {ServiceName(s): ServiceRules(ServiceName(s), source=u) for s, u in sources.items()}
    return TeamSettings(services=rules)


def test_gitops_toml_says_which_service_a_remote_is():
    team = team_of(auth="https://github.com/acme/identity")

    assert service_of_remote(["git@github.com:acme/identity.git"], "x", team) == "auth"


def test_a_repository_of_several_services_must_be_named():
    team = team_of(auth="https://github.com/acme/mono", web="git@github.com:acme/mono")

    with pytest.raises(UsageError, match="the source of several services: auth, web"):
        service_of_remote(["git@github.com:acme/mono.git"], "mono", team)


@pytest.mark.parametrize(
    ("within", "expected"),
    [
        ("apps/web/src", "web"),
        ("apps/web", "web"),
        ("apps", "auth"),
        ("apps/website", "auth"),
        ("tools", None),
        ("", None),
    ],
)
def test_of_several_services_it_is_the_nearest_around_where_one_stands(within, expected):
    url = "https://github.com/acme/mono"
    paths = {AUTH: "apps", WEB: "apps/web", SEARCH: "search"}
    rules = {name: ServiceRules(name, source=url, path=path) for name, path in paths.items()}
    team = TeamSettings(services=rules)

    if expected:
        assert service_of_remote([url], "mono", team, within) == expected
        return
    with pytest.raises(UsageError) as refused:
        service_of_remote([url], "mono", team, within)
    assert refused.value.message == (
        "this checkout is the source of several services: auth, search, web"
    )
    assert refused.value.hint == (
        "name the service: SERVICE=HASH, or stand in its directory (apps, apps/web, search)"
    )


def test_whoever_has_the_whole_repository_has_what_is_in_no_directory_of_another():
    url = "https://github.com/acme/mono"
    rules = {AUTH: ServiceRules(AUTH, source=url), WEB: ServiceRules(WEB, source=url, path="w")}
    team = TeamSettings(services=rules)

    assert service_of_remote([url], "mono", team) == "auth"
    assert service_of_remote([url], "mono", team, "w/src") == "web"


def test_a_directory_that_cannot_be_a_service_is_refused():
    with pytest.raises(UsageError, match="`My Project` is not the name of a service"):
        service_of_remote((), "My Project", TeamSettings())
