"""Short names of stages: what they mean is declared, and no environment's name changes it."""

from __future__ import annotations

import pytest

from gitops_cli.domain.errors import UnknownEnvironment
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.stages import (
    Ambiguous,
    candidates,
    made_ambiguous,
    of_one_stage,
    the_one,
)
from gitops_cli.domain.recorded.team import StageRules, TeamSettings

TEAM = TeamSettings()
SHORT = TeamSettings(stages=("dev", "prod"))


def names(*words: str) -> list[EnvironmentName]:
    return [EnvironmentName(word) for word in words]


SHOP = names("shop-development", "shop-staging", "shop-production")


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("dev", "shop-development"),
        ("d", "shop-development"),
        ("stage", "shop-staging"),
        ("prod", "shop-production"),
        ("production", "shop-production"),
        ("shop-production", "shop-production"),
    ],
)
def test_a_short_name_means_a_declared_stage(word, name):
    assert candidates(word, SHOP, TEAM) == [name]


@pytest.mark.parametrize("word", ["dev", "development", "d", "de"])
def test_another_projects_short_environment_takes_nobody_s_stage_away(word):
    fits = candidates(word, [*SHOP, *names("till-dev")], TEAM)

    assert "shop-development" in fits
    assert fits == ["shop-development", *(["till-dev"] if word == "dev" else [])]


def test_an_environment_that_ends_in_the_short_name_makes_it_ambiguous():
    with pytest.raises(Ambiguous) as found:
        the_one("dev", names("shop-dev", "shop-development"), TEAM, project="shop")

    assert found.value.fits == ("shop-development", "shop-dev")


def test_readers_of_many_projects_do_not_mix_a_stage_with_another_meaning():
    everywhere = names("shop-development", "till-development")
    assert of_one_stage("dev", everywhere, TEAM) == everywhere

    with pytest.raises(Ambiguous, match="shop-dev"):
        of_one_stage("dev", [*everywhere, *names("shop-dev")], TEAM)


def test_an_alias_is_made_ambiguous_alike():
    team = TeamSettings(rules={"production": StageRules("production", aliases=("live",))})
    assert candidates("live", SHOP, team) == ["shop-production"]

    assert len(candidates("live", [*SHOP, *names("till-live")], team)) == 2


def test_a_stage_that_nobody_declared_goes_by_its_whole_name_only():
    everywhere = [*SHOP, *names("shop-qa")]
    assert candidates("qa", everywhere, TEAM) == ["shop-qa"]

    with pytest.raises(UnknownEnvironment):
        candidates("q", everywhere, TEAM)


def test_a_prefix_is_clear_or_not_whatever_environments_there_are():
    team = TeamSettings(stages=("test", "testing"))
    with pytest.raises(UnknownEnvironment, match="fits several stages"):
        candidates("te", names("shop-testing"), team)


def test_the_full_name_always_works():
    for name in names("shop-dev", "shop-development"):
        assert the_one(name, names("shop-dev", "shop-development"), TEAM) == name


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("shop-prodution", "shop-production"),
        ("prodution", "production"),
        ("Shop-Production", "shop-production"),
        ("shp-staging", "shop-staging"),
    ],
)
def test_a_slip_is_answered_with_names_of_environments_and_stages(word, meant):
    with pytest.raises(UnknownEnvironment) as found:
        candidates(word, SHOP, TEAM)

    assert f"did you mean `{meant}`" in str(found.value.hint)


def test_a_slip_in_the_project_is_answered_with_projects():
    with pytest.raises(UnknownEnvironment, match="there is no project `shpo`") as found:
        candidates("prod", SHOP, TEAM, project="shpo")

    assert found.value.hint == "did you mean `shop`?"


@pytest.mark.parametrize(
    ("name", "team", "unclear"),
    [
        ("shop-dev", TEAM, "`dev`"),
        ("shop-stage", TEAM, "`stage`"),
        ("shop-dev", SHORT, None),
        ("shop-development", TEAM, None),
        ("shop-qa", TEAM, None),
        ("shop", TEAM, None),
    ],
)
def test_what_a_new_environment_makes_ambiguous_is_known(name, team, unclear):
    said = made_ambiguous(EnvironmentName(name), team)

    assert said is None if unclear is None else unclear in str(said)
