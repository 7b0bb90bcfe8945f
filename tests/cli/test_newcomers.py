"""A service that its project does not have is recorded on purpose or not at all."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.company import DEV, PROD, STAGING, tip, with_settings
from tests.testbed.article import Article
from tests.testbed.git import git
from tests.testbed.gitops import Gitops

NEW = "b" * 40
ALLOW = '[versions]\nnew_services = "allow"\n'


def test_a_misspelt_service_is_not_made(company: Article, clone: Gitops) -> None:
    before = tip(company)

    done = clone("set", f"authentcation={NEW}", "-e", DEV)

    assert done.code == 2
    assert "did you mean `authentication`?" in done.stderr
    assert "--new" in done.stderr
    assert tip(company) == before


def test_a_slip_is_refused_even_where_new_services_are_allowed(
    company: Article, clone: Gitops
) -> None:
    with_settings(company, ALLOW)

    done = clone("set", f"authentcation={NEW}", "-e", DEV)

    assert done.code == 2
    assert "did you mean `authentication`?" in done.stderr


def test_new_on_purpose(company: Article, clone: Gitops) -> None:
    assert clone("set", f"ledger={NEW}", "-e", DEV).code == 2

    clone("set", f"ledger={NEW}", "-e", DEV, "--new").ok()

    assert company.recorded(DEV)["ledger"] == NEW


def test_a_service_that_its_project_knows_needs_nobody_s_yes(
    company: Article, clone: Gitops
) -> None:
    clone("set", f"ledger={NEW}", "-e", DEV, "--new").ok()

    clone("set", f"ledger={NEW}", "-e", "prod").ok()

    assert company.recorded(PROD)["ledger"] == NEW


def test_a_service_of_another_project_does_not_come_along_by_the_way(
    company: Article, clone: Gitops
) -> None:
    with_settings(company, ALLOW)

    done = clone("set", f"authentication={NEW}", "-e", "project2-development")

    assert done.code == 2
    assert "it lives in project1" in done.stderr
    clone("set", f"authentication={NEW}", "-e", "project2-development", "--new").ok()


@pytest.mark.parametrize(("settings", "code"), [("", 2), (ALLOW, 0)])
def test_a_service_that_ci_opens_by_itself(
    company: Article, gitops: Gitops, tmp_path: Path, settings: str, code: int
) -> None:
    with_settings(company, settings or "# nothing agreed\n")
    git(tmp_path, "init", "-q", "ledger")
    git(tmp_path / "ledger", "commit", "-q", "--allow-empty", "-m", "Begin")
    ci = gitops.at(tmp_path / "ledger").using(GITOPS_REPO=company.remote, CI="1")

    done = ci("set", "-e", DEV)

    assert done.code == code
    assert ("ledger" in company.recorded(DEV)) == (code == 0)
    if code:
        assert "no environment has a service `ledger` yet" in done.stderr
        assert 'new_services = "allow"' in done.stderr


def test_a_file_that_nobody_can_read_still_says_that_the_service_is_there(
    company: Article, clone: Gitops
) -> None:
    clone("set", f"ledger={NEW}", "-e", DEV, "--new").ok()
    company.push(DEV, {"ledger": "<<<<<<< HEAD"})

    clone("set", f"ledger={NEW}", "-e", DEV).ok()


def test_the_name_of_a_declared_source_is_not_a_new_service(
    company: Article, clone: Gitops
) -> None:
    with_settings(
        company, f'{ALLOW}[service.billing]\nsource = "git@github.com:acme/Billing-Svc.git"\n'
    )

    done = clone("set", f"billing-svc={NEW}", "-e", DEV)

    assert done.code == 2
    assert "did you mean `billing`?" in done.stderr


def test_a_terminal_is_asked_and_may_say_no(company: Article, clone: Gitops) -> None:
    before = tip(company)
    with clone.terminal("set", f"ledger={NEW}", "-e", DEV) as screen:
        screen.wait_for(f"Record ledger as new in {DEV}?")
        screen.press("enter")

        assert screen.finish() == 1
    assert tip(company) == before


@pytest.mark.parametrize(
    "words",
    [
        ("set", f"authentcation={NEW}"),
        ("set", "authentcation=36a03b3", "-e", "dev"),  # `dev` is of two projects
        ("lock", "authentcation"),
        ("lock", "authentcation", "-e", DEV),  # no question why
        ("unlock", "authentcation", "-e", "dev"),
        ("promote", "authentcation"),
        ("promote", "authentcation", "--to", "prod"),
        ("remove", "authentcation"),
        ("logs", "authentcation"),
    ],
)
def test_a_slip_is_told_before_a_terminal_is_asked_anything(
    company: Article, clone: Gitops, words: tuple[str, ...]
) -> None:
    before = tip(company)
    with clone.terminal(*words) as screen:
        assert screen.finish() == 2
        assert "did you mean `authentication`?" in screen.text
        assert "?" not in screen.text.replace("did you mean `authentication`?", "")
    assert tip(company) == before


def test_a_terminal_s_yes_is_the_same_as_new(company: Article, clone: Gitops) -> None:
    # Wide enough for the line to type, which is not broken by us.
    with clone.terminal("set", f"ledger={NEW}", f"wallet={NEW}", "-e", DEV, columns=160) as screen:
        for service in ("ledger", "wallet"):
            screen.wait_for(f"Record {service} as new in {DEV}?")
            screen.type("y")
            screen.press("enter")

        assert screen.finish() == 0
        assert f"-e {DEV} --new" in screen.text
    assert company.recorded(DEV)["wallet"] == NEW


def test_a_promotion_makes_what_its_source_has(company: Article, clone: Gitops) -> None:
    clone("set", f"ledger={NEW}", "-e", DEV, "--new").ok()

    clone("promote", "ledger", "--to", "stage", "-p", "project1", "--yes").ok()

    assert company.recorded(STAGING)["ledger"] == NEW


def test_head_of_another_checkout_is_no_version_of_the_service(
    company: Article, gitops: Gitops
) -> None:
    before = tip(company)
    checkout = company.checkout("billing")
    elsewhere = gitops.at(checkout).using(GITOPS_REPO=company.remote)

    done = elsewhere("set", "authentication", "-e", "dev")

    assert done.code == 2
    assert "is not known as the source of authentication" in done.stderr
    assert "write authentication=HASH" in done.stderr
    assert tip(company) == before


def test_a_declared_source_lets_a_checkout_have_any_name(company: Article, gitops: Gitops) -> None:
    checkout = company.checkout("billing", name="platform")
    git(checkout, "commit", "-q", "--allow-empty", "-m", "newer")
    remote = company.source("billing").remote
    tables = (f'[service.{name}]\nsource = "file://{remote}"\n' for name in ("billing", "orders"))
    with_settings(company, "".join(tables))
    here = gitops.at(checkout).using(GITOPS_REPO=company.remote)

    here("set", "orders", "-e", DEV, "--allow-older").ok()

    assert company.recorded(DEV)["orders"] == git(checkout, "rev-parse", "HEAD")


ALIASED = '[service.authentication]\nsource = "git@github.com:acme/Auth-Svc.git"\n'


@pytest.mark.parametrize("scope", ["--global", "--local"])
def test_an_alias_of_the_source_s_url_is_the_source(
    company: Article, gitops: Gitops, scope: str
) -> None:
    with_settings(company, ALIASED)
    checkout = company.checkout("authentication", name="auth-svc")
    git(checkout, "commit", "-q", "--allow-empty", "-m", "newer")
    git(checkout, "remote", "set-url", "origin", "gh:acme/auth-svc")
    ci = gitops.at(checkout).using(GITOPS_REPO=company.remote, CI="1", GIT_SSH_COMMAND="false")
    rule = ("config", scope, "url.git@github.com:.insteadOf", "gh:")
    subprocess.run(["git", *rule], cwd=checkout, env=ci.environment, check=True)

    ci("set", "-e", "dev").ok()

    assert company.recorded(DEV)["authentication"] == git(checkout, "rev-parse", "HEAD")
    assert "auth-svc" not in company.recorded(DEV)


def test_a_url_that_ends_like_a_declared_source_makes_no_service(
    company: Article, gitops: Gitops
) -> None:
    with_settings(company, ALLOW + ALIASED)
    checkout = company.checkout("authentication", name="auth-svc")
    git(checkout, "remote", "set-url", "origin", "work:acme/auth-svc")
    ci = gitops.at(checkout).using(GITOPS_REPO=company.remote, CI="1", GIT_SSH_COMMAND="false")

    done = ci("set", "-e", DEV)

    assert done.code == 2
    assert "did you mean `authentication`?" in done.stderr


def test_a_service_that_gitops_toml_declares_is_new_on_purpose(
    company: Article, clone: Gitops
) -> None:
    with_settings(company, '[service.payments]\nsource = "git@example.com:acme/payments.git"\n')

    clone("set", f"payments={'a' * 40}", "-e", DEV).ok()

    assert company.recorded(DEV)["payments"] == "a" * 40
