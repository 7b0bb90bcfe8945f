"""A service that an environment does not have yet: made on purpose, or a slip of the hand."""

from __future__ import annotations

import pytest

from gitops_cli.domain.errors import UnknownService
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.files import RawFile
from gitops_cli.domain.recorded.newcomers import (
    Misspelt,
    NewService,
    check_newcomers,
    check_spelling,
    need_known,
    services_by_project,
)
from gitops_cli.domain.recorded.reading import parse_snapshot

A = "a" * 40
DEV = EnvironmentName("shop-development")
SAID = 'new_services = "allow" in gitops.toml lets CI do so'


def snapshot(settings: str = "") -> Snapshot:
    files = {
        "shop-development/frontend.deployment": A,
        "shop-development/broken.deployment": "",
        "shop-production/billing.deployment": A,
        "blog-production/search.deployment": A,
        "tools/indexer.deployment": A,
        "gitops.toml": settings,
    }
    return parse_snapshot(RawFile(path, text.encode()) for path, text in files.items())


def refused(*services: str, settings: str = "") -> NewService:
    with pytest.raises(NewService) as error:
        check_newcomers([ServiceName(s) for s in services], DEV, snapshot(settings))
    return error.value


def test_what_a_project_knows_in_any_stage_is_no_newcomer() -> None:
    known = [ServiceName(name) for name in ("frontend", "billing", "broken")]

    check_newcomers(known, DEV, snapshot())
    assert services_by_project(snapshot()) == {
        "shop": {"frontend", "billing", "broken"},
        "blog": {"search"},
        "": {"indexer"},
    }


def test_one_of_another_project_is_named_with_its_home() -> None:
    error = refused("search")

    assert error.message == "search is new in shop-development: it lives in blog"
    assert error.hint == "name an environment of blog, or --new if it is to live there too"
    assert (error.service, error.environment, error.code) == ("search", DEV, "new-service")
    assert (
        refused("indexer").message == "indexer is new in shop-development: it lives in no project"
    )


def test_one_that_nobody_has_must_be_made_on_purpose() -> None:
    error = refused("zebra", "aardvark")

    assert error.message == "no environment has a service `aardvark` yet"
    assert error.hint == f"--new records it in {DEV} as a new one; [versions] {SAID}"
    assert (error.service, error.environment) == ("aardvark", DEV)


def misspelt(*services: str, settings: str = "") -> Misspelt:
    with pytest.raises(Misspelt) as error:
        check_spelling([ServiceName(s) for s in services], snapshot(settings))
    return error.value


def test_a_slip_is_told_whatever_the_environment() -> None:
    error = misspelt("zebra", "fronted")

    assert error.message == "no environment has a service `fronted` yet"
    assert error.hint == "did you mean `frontend`? If not, --new records it as a new one"
    assert error.code == "new-service"
    check_spelling([ServiceName(s) for s in ("zebra", "search", "broken")], snapshot())


def test_what_is_nowhere_is_told_before_anybody_is_asked_where() -> None:
    with pytest.raises(UnknownService) as error:
        need_known([ServiceName("search"), ServiceName("fronted")], snapshot())

    assert error.value.message == "no environment has a service `fronted`"
    assert error.value.hint == "did you mean `frontend`?"
    with pytest.raises(UnknownService, match="`prod`") as error:
        need_known([ServiceName("prod")], snapshot(), flag="--to")
    assert error.value.hint == "`prod` is an environment or a stage: --to prod"
    locked = RawFile("shop-development/gone.lock", b"")
    state = parse_snapshot([locked, RawFile("shop-development/web.deployment", A.encode())])
    need_known([ServiceName("gone"), ServiceName("web")], state)


def test_a_team_may_let_newcomers_pass_but_no_slips() -> None:
    allow = '[versions]\nnew_services = "allow"\n'

    check_newcomers([ServiceName("zebra")], DEV, snapshot(allow))
    assert misspelt("fronted", settings=allow).message.endswith("a service `fronted` yet")
    assert refused("search", settings=allow).message.endswith("it lives in blog")


def test_what_a_declared_source_is_called_is_another_spelling() -> None:
    settings = (
        '[versions]\nnew_services = "allow"\n'
        '[service.pay]\nsource = "git@example.com:acme/Payments.git"\n'
        '[service.zebra]\nsource = "git@example.com:acme/zebra.git"\n'
    )

    assert misspelt("payments", settings=settings).hint == (
        "did you mean `pay`? If not, --new records it as a new one"
    )
    check_spelling([ServiceName("zebra")], snapshot(settings))
    check_newcomers([ServiceName("zebra")], DEV, snapshot(settings))
