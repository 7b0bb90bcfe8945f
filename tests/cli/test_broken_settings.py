"""A defect of gitops.toml, or of the user's own config, stops what its section governs alone."""

from __future__ import annotations

import pytest

from tests.cli.company import DEV, PROD, STAGING, tip, with_settings
from tests.cli.live import NEW, OLD, Live, image
from tests.testbed.article import Article
from tests.testbed.gitops import Gitops

pytestmark = pytest.mark.sweep

NEWER = "ab" * 20
STAGE = '[stage.production]\nprotcted = true\n\n[stage.staging]\nmode = "push"\n'
SERVICE = "[service.billing]\nsource = 1\n"
NO_TOML = "stages = [\n"

READ = [("status",), ("history", "-n1"), ("env", "list"), ("config", "list")]
WRITE = {
    "set billing dev": ("set", f"billing={NEWER}", "-e", DEV, "--allow-older"),
    "set orders prod": ("set", f"orders={NEWER}", "-e", PROD, "--allow-older"),
    "promote": ("promote", "orders", "--from", DEV, "--to", PROD, "--yes"),
    "remove": ("remove", "orders", "-e", PROD, "--yes"),
    "env add": ("env", "add", "project1-production-eu", "--images-path", "r/"),
    "env copy": ("env", "copy", DEV, "project1-qa"),
}
ALWAYS = {
    "rollback": ("rollback", "billing", "-e", PROD, "--yes"),
    "lock": ("lock", "-e", PROD, "-m", "incident 42"),
    "unlock": ("unlock", "-e", PROD),
}
OF_PRODUCTION = {"set orders prod", "promote", "remove"}
OF_BILLING = {"set billing dev", "env copy"}


@pytest.mark.parametrize(
    ("text", "line", "stopped"),
    [
        (STAGE, 2, OF_PRODUCTION),
        (SERVICE, 2, OF_BILLING),
        (NO_TOML, 2, set(WRITE)),
        ("[versions]\nform = 3\n", 2, set(WRITE)),
        ("[commit]\nskip_cy = true\n", 2, set(WRITE)),
        ("[renovate]\nx = 1\n", 1, set()),
    ],
    ids=["stage", "service", "no TOML", "versions", "commit", "another tool's"],
)
def test_what_a_section_governs_is_stopped_and_nothing_else(
    clone: Gitops, company: Article, text: str, line: int, stopped: set[str]
) -> None:
    with_settings(company, text)

    for command in READ:
        ran = clone(*command).ok()
        assert (f"gitops.toml:{line}: " in ran.stderr) == bool(stopped), "it is said"
    for name, command in WRITE.items():
        before = tip(company)
        ran = clone(*command, "--dry-run") if name not in stopped else clone(*command)
        assert ran.code == (2 if name in stopped else 0), f"{name}: {ran}"
        assert tip(company) == before, name
        assert (f"error: gitops.toml:{line}: " in ran.stderr) == (name in stopped), str(ran)
    for command in ALWAYS.values():
        before = tip(company)
        clone(*command).ok()
        assert tip(company) != before


def test_validate_tells_all_defects_at_once(clone: Gitops, company: Article) -> None:
    with_settings(company, STAGE + SERVICE + "[renovate]\n")
    clone("--offline", "version")
    done = clone("-R", company.remote, "validate", "-o", "json")

    found = [f for f in done.json()["findings"] if f["rule"] == "settings"]
    assert done.code == 1
    assert [(f["line"], f["severity"]) for f in found] == [
        (2, "error"),
        (7, "error"),
        (8, "warning"),
    ]
    assert "gitops validate" not in done.stderr, "it is what says more"


def test_a_write_elsewhere_goes_on_and_says_what_is_wrong(clone: Gitops, company: Article) -> None:
    with_settings(company, STAGE)
    done = clone("set", f"orders={NEWER}", "-e", STAGING, "--allow-older").ok()

    assert "gitops.toml:2: stage.production.protcted: unknown key" in done.stderr


def test_sync_patches_nothing_of_which_it_cannot_tell_where_it_belongs(live: Live) -> None:
    live.record({"web.deployment": NEW, "api.deployment": NEW})
    live.running("web", OLD)
    live.running("api", OLD)

    live.record({"/gitops.toml": "[service.api]\nworklod = 'rel-api'\n"})
    done = live.sync("-o", "json")
    services = {s["service"]: s for s in done.json()["environments"][0]["services"]}
    assert done.code == 2
    assert services["web"]["action"] == "patched"
    assert services["api"]["error"]["message"].startswith("gitops.toml:2: service.api.worklod")
    assert live.image_of("api") == image("api", OLD)

    live.record({"/gitops.toml": "stages = [\n"})
    assert live.sync().code == 2
    assert live.image_of("api") == image("api", OLD)
    assert live.gitops("diff", live.namespace).code == 1, "reading goes on"


CONTEXT = {
    "sync": ("sync", DEV),
    "exec": ("exec", "billing", "-e", DEV, "--", "date"),
    "set --sync": ("set", f"orders={NEWER}", "-e", DEV, "--allow-older", "--sync"),
}
FORGE = {"--pr": ("promote", "orders", "--from", DEV, "--to", STAGING, "--yes", "--pr")}
REGISTRY = {"set": ("set", f"orders={NEWER}", "-e", DEV, "--allow-older", "--verify-image")}
PROJECT = {"all": ("promote", "--all", "--from", "development", "--to", "staging", "--yes")}
ALIAS = {"up": ("up", "billing", "--dry-run")}
ALL = {**CONTEXT, **FORGE, **REGISTRY, **PROJECT, **ALIAS}


@pytest.mark.parametrize(
    ("text", "line", "stopped"),
    [
        ('[alias]\nup = "promote \'"\n', 2, ALIAS),
        ('[alias]\n"u p" = "status"\nup = "promote --from dev --to staging"\n', 2, {}),
        ("context = 3\n", 1, CONTEXT),
        ("contxt = 'prod'\n", 1, CONTEXT),
        ("[forge.'h/x']\nkind = 'gitlab'\n", 1, FORGE),
        ("[registry.h]\ninsecure = 'yes'\n", 2, REGISTRY),
        ("project = 3\n", 1, PROJECT),
        ("repo = []\noutput = 7\n[unheard_of]\n", 1, {}),
        ("# [alias]\nx = [\n", 3, ALL),
    ],
    ids=["alias", "another alias", "context", "contxt", "forge", "registry", "project", "x", "no"],
)
def test_what_is_wrong_in_ones_own_config_stops_what_it_governs_and_nothing_else(
    clone: Gitops, company: Article, text: str, line: int, stopped: dict[str, tuple[str, ...]]
) -> None:
    file = clone.home / "config/gitops/config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    told = f"{file}:{line}: "

    for command in READ:
        ran = clone(*command).ok()
        assert ran.stderr.count(f"warning: {told}") == 1, str(ran)
    for name, command in ALL.items():
        before = tip(company)
        ran = clone(*command)
        if name in stopped:
            assert ran.code == 2, f"{name}: {ran}"
            assert f"error: {told}" in ran.stderr, name
            assert tip(company) == before, name
        else:
            assert f"error: {told}" not in ran.stderr, name
    for command in ALWAYS.values():
        before = tip(company)
        assert told in clone(*command).ok().stderr
        assert tip(company) != before


def test_a_format_that_there_is_not_stops_nothing(clone: Gitops) -> None:
    file = clone.home / "config/gitops/config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text('output = "jsn"\n')

    ran = clone("status").ok()

    assert "SERVICE" in ran.stdout
    assert f"warning: {file}: output must be one of table, wide, json" in ran.stderr


def test_doctor_tells_what_is_wrong_in_ones_own_config(clone: Gitops) -> None:
    file = clone.home / "config/gitops/config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("outptu = 'json'\n")

    ran = clone("doctor", "--no-cluster", "--no-registry", "-o", "json")

    [found] = [c for c in ran.json()["checks"] if c["name"] == "config.toml"]
    assert found["verdict"] == "warning"
    assert f"{file}:1: outptu: unknown key" in found["detail"]
    assert "warning: " not in ran.stderr
