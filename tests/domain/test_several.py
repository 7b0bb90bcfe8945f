"""One commit for the same stage of several projects, as a whole value."""

from __future__ import annotations

from gitops_cli.domain.change.draft import Draft, Occasion, Verb
from gitops_cli.domain.change.files import ManifestsPart
from gitops_cli.domain.change.plan import Change
from gitops_cli.domain.change.policy import Override
from gitops_cli.domain.change.proposal import Edit, Proposal
from gitops_cli.domain.change.several import Drafts, together
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.team import CommitRules
from gitops_cli.domain.version import Version

A, B = Version("a" * 40), Version("b" * 40)
WEB, API = ServiceName("web"), ServiceName("api")
OCCASION = Occasion(Verb.PROMOTE, reason="why", run="https://ci/1")
SUBJECT = "production: 3 services from staging and qa (shop, bank)"


def edit(path: str) -> Edit:
    return Edit(path, b"old", b"new")


def part(project: str, *changes: Change, **more: object) -> Draft:
    environment = EnvironmentName(f"{project}-production")
    proposal = Proposal((edit(f"{project}/x"),), f"{project} alone")
    draft = Draft(Verb.PROMOTE, environment, changes, (), proposal)
    source = EnvironmentName(f"{project}-staging")
    return draft._replace(source=source, **more)  # type: ignore[arg-type]


SHOP = part(
    "shop",
    *(Change(WEB, A, B), Change(API, None, A)),
    overrides=(Override.POLICY, Override.LOCK),
    warnings=("careful",),
)
BANK = part("bank", Change(WEB, A, None), overrides=(Override.LOCK,), warnings=("slow", "old"))
SAME = part("blog")._replace(unchanged=(Change(API, A, A), Change(WEB, B, B)), warnings=("same",))
TRAILERS = (
    ("Gitops-Action", "promote"),
    ("Gitops-Env", "shop-production, bank-production"),
    ("Gitops-Service", "api, web"),
    ("Gitops-From", "shop-staging, bank-staging"),
    ("Gitops-Reason", "why"),
    ("Gitops-Override", "lock, policy"),
    ("Gitops-Run", "https://ci/1"),
)


def test_several_environments_become_one_commit() -> None:
    found = together("production", ["staging", "qa"], [SHOP, SAME, BANK], OCCASION)
    proposal = Proposal(
        (edit("shop/x"), edit("bank/x")),
        SUBJECT,
        "shop-production: web aaaaaaa → bbbbbbb\n"
        "shop-production: api new → aaaaaaa\n"
        "bank-production: web aaaaaaa → removed",
        TRAILERS,
    )
    assert found == Drafts("production", ("staging", "qa"), (SHOP, SAME, BANK), proposal)
    assert found.changes == (*SHOP.changes, *BANK.changes)
    assert found.unchanged == SAME.unchanged
    assert found.warnings == ("careful", "same", "slow", "old")
    assert found.writes is True
    assert [found.project_of(each) for each in found.parts] == ["shop", "blog", "bank"]


def test_manifests_are_told_beside_the_services() -> None:
    only = part("bank", manifests=ManifestsPart((edit("m/a.yaml"),)))
    both = SHOP._replace(changes=SHOP.changes[:1], manifests=ManifestsPart((edit("a"), edit("b"))))
    found = together("production", ["staging"], [both, only], OCCASION).proposal
    assert found.subject == "production: 1 service and manifests from staging (shop, bank)"
    assert found.body == (
        "shop-production: web aaaaaaa → bbbbbbb\n"
        "shop-production: 2 manifests\n"
        "bank-production: the manifest a.yaml"
    )
    assert dict(found.trailers)["Gitops-Service"] == "web"


def test_the_teams_rules_hold_for_the_one_commit() -> None:
    rules = CommitRules(skip_ci=True, subject="{environment}|{action}|{services}", sign_off=True)
    given = [SHOP, BANK]
    found = together("production", ["qa"], given, OCCASION._replace(rules=rules)).proposal
    assert found.subject == "production|promote|api, web [skip ci]"
    assert found.sign_off is True


def test_where_one_environment_changes_the_commit_is_its_own() -> None:
    found = together("production", ("staging",), [SAME, SHOP], OCCASION)
    assert found == Drafts("production", ("staging",), (SAME, SHOP), SHOP.proposal)


def test_where_nothing_changes_nothing_is_written() -> None:
    found = together("production", ["staging"], [SAME, SAME], OCCASION)
    assert (found.writes, found.changes, found.proposal.edits) == (False, (), ())
    assert found.proposal.subject == "production: 0 services from staging ()"
    assert found.parts == (SAME, SAME)
