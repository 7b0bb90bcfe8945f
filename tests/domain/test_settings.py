"""gitops.toml is read strictly; each defect has its line."""

from __future__ import annotations

import pytest

from gitops_cli.domain.names import ServiceName
from gitops_cli.domain.recorded.files import FileType, RawFile
from gitops_cli.domain.recorded.team import (
    Mode,
    Requirement,
    ServiceRules,
    StageRules,
    TeamSettings,
    VersionForm,
)
from gitops_cli.domain.recorded.team_file import parse_team
from gitops_cli.domain.settings import BadSettings, Defect
from gitops_cli.domain.toml import KeyLines

FULL = """\
stages = ["development", "staging", "production"]

[stage.production]
aliases = ["live"]
cluster = "prod-eu"                    # kube context; a mismatch is refused
promote_from = ["staging"]
protected = true
freeze = ["Fri 16:00 - Mon 08:00 Europe/Warsaw"]
require = ["image", "live-in-source"]
mode = "pr"

[stage.development]
branches = ["develop"]

[service.authentication]
source = "git@example.com:acme/authentication.git"
container = "app"

[versions]
form = "any"
require_ancestry = true

[commit]
skip_ci = true
"""


def team(text: str) -> TeamSettings:
    return parse_team(RawFile("gitops.toml", text.encode()))


def test_everything() -> None:
    found = team(FULL)
    rules = found.stage("production")
    assert (rules.cluster, rules.promote_from, rules.protected) == ("prod-eu", ("staging",), True)
    assert rules.require == {Requirement.IMAGE, Requirement.LIVE_IN_SOURCE}
    assert (rules.mode, rules.aliases, len(rules.freeze)) == (Mode.PR, ("live",), 1)
    assert rules.lines["freeze"] == 8
    assert found.stage("development").branches == ("develop",)
    assert (found.version_form, found.require_ancestry, found.commit.skip_ci) == (
        VersionForm.ANY,
        True,
        True,
    )
    assert found.service("authentication").containers == ("app",)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("everywhere", "there", "named"),
    [
        (False, None, None),
        (True, None, "[versions] require_ancestry"),
        (True, False, None),
        (False, True, "[stage.production] require_ancestry"),
        (True, True, "[stage.production] require_ancestry"),
    ],
)
def test_what_a_stage_says_of_ancestry_counts_there(
    everywhere: bool, there: bool | None, named: str | None
) -> None:
    rules = {"production": StageRules("production", require_ancestry=there)}
    agreed = TeamSettings(rules=rules, require_ancestry=everywhere)

    assert agreed.needs_ancestry("production") == named
    usual = "[versions] require_ancestry" if everywhere else None
    assert agreed.needs_ancestry("staging") == usual


def test_a_stage_or_service_that_nobody_mentions_has_no_rules() -> None:
    assert TeamSettings().stage("qa") == StageRules("qa")
    assert TeamSettings().service(ServiceName("web")) == ServiceRules(ServiceName("web"))


def test_nothing_is_the_default() -> None:
    assert parse_team(None) == team("") == TeamSettings()


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        ("stag = 1", 1, "did you mean `stage"),
        ("\n[stage.production]\nprotect = true", 3, "did you mean `protected`"),
        ("[stage.prod]\n", 1, "did you mean `production`"),
        ("stages = []", 1, "named once"),
        ('stages = ["a", "a"]', 1, "named once"),
        ('[commit]\nsubject = "{who}: x"', 2, "`{who}` is not a field; there are {environment}"),
        ('[commit]\nsubject = "{environment.name}"', 2, "not a field"),
        ('[commit]\nsubject = "{summary!r:>9}"', 2, "not a field"),
        ('[commit]\nsubject = "{{summary}}"', 2, "belongs to no field"),
        ('[commit]\nsubject = "a\\n\\nGitops-Env: b"', 2, "one line"),
        ('[commit]\nsubject = "a\\u202eb"', 2, "one line"),
        (f'[commit]\nsubject = "{"a" * 201}"', 2, "longer than 200"),
        ('[service.a]\npath = "x"', 2, "`source`, which is not declared"),
        ('[service.a]\nsource = "https://a.example/b"\npath = "../b"', 3, "not a directory"),
        ('[service.a]\nsource = "https://a.example/b"\npath = "/b"', 3, "not a directory"),
        ('[service.a]\nsource = "https://a.example/b"\npath = "a//b"', 3, "not a directory"),
        ('[service.a]\nsource = "https://a.example/b"\npath = ":(top)b"', 3, "not a directory"),
        ('[service.a]\nsource = "https://a.example/b"\npath = "b/*"', 3, "not a directory"),
        ('[stage.production]\nrequire_ancestry = "yes"', 2, "true or false"),
        ("[commit]\nsign_of = true", 2, "did you mean `sign_off`"),
        ('stages = ["../a"]', 1, "not a name"),
        ('stages = "a"', 1, "list of texts"),
        ("stages = [1]", 1, "list of texts"),
        ("stage = 5", 1, "must be a table"),
        ("[stage]\nproduction = 5", 2, "must be a table"),
        ("[[service]]\n", 1, "must be a table"),
        ("[service.Web]\n", 1, "not a service name"),
        ('[service.web]\nsource = "ext::sh -c id"', 2, "https, ssh or file"),
        ('[service.web]\nsource = "http://x/y"', 2, "https, ssh or file"),
        ('[service.web]\nsource = "--upload-pack=x"', 2, "https, ssh or file"),
        ('[service.web]\nsource = ""', 2, "must be a text"),
        ("[stage.production]\nprotected = 'yes'", 2, "true or false"),
        ("[stage.production]\nmode = 'merge'", 2, "merge"),
        ("[stage.production]\nrequire = ['luck']", 2, "luck"),
        ("[stage.production]\npromote_from = ['qa']", 2, "not one of"),
        ("[stage.production]\nfreeze = ['never']", 2, "not a freeze window"),
        ("[stage.production]\naliases = ['staging']", 2, "already means staging"),
        ("[versions]\nform = 'short'", 2, "`short` is not one of commit, any"),
        ("a = 1\na = 2\n", 2, "overwrite"),
        ("x = [", 1, "gitops.toml:1"),
        ("x = 2026-02-30", 1, "date"),
        ("x = " + "[" * 50_000, 1, "nested too deeply"),
        ("x = " + "9" * 5000, 1, "digits"),
    ],
)
def test_defects(text: str, where: int, says: str) -> None:
    [defect, *_] = team(text).defects
    assert (defect.path, defect.line) == ("gitops.toml", where)
    assert says in f"{defect.where}: {defect.message} {defect.hint}"
    assert "\n" not in defect.message


def test_what_is_not_text_or_not_a_file() -> None:
    letters = parse_team(RawFile("gitops.toml", b"\n# \xff")).defects
    link = parse_team(RawFile("gitops.toml", b"x", FileType.SYMLINK)).defects
    assert [(d.line, d.key, d.message) for d in (*letters, *link)] == [
        (2, (), "is not UTF-8 text"),
        (1, (), "is a symbolic link, not a file"),
    ]


@pytest.mark.parametrize(
    ("dotted", "line"),
    [
        ("stages", 1),
        ("stage.production", 3),
        ("stage.production.mode", 10),
        ("stage.production.nothing", 3),
        ("service.authentication.container", 17),
        ("nothing", 1),
    ],
)
def test_lines(dotted: str, line: int) -> None:
    assert KeyLines(FULL).of(dotted) == line


WRONG = ("1", "1.5", "true", "''", "[1]", "[[]]", "{}", "{a = 1}", "2026-11-30", "nan", "['']")
KEYS = [
    *(("[stage.production]", key) for key in ("aliases", "cluster", "cluster_uid", "promote_from")),
    *(("[stage.production]", key) for key in ("protected", "freeze", "require", "mode")),
    ("[stage.production]", "branches"),
    *(("[service.web]", key) for key in ("source", "container")),
    *(("[versions]", key) for key in ("form", "require_ancestry", "new_services")),
    ("[commit]", "skip_ci"),
    *(("", key) for key in ("stages", "stage", "service", "versions", "commit")),
]


@pytest.mark.parametrize(("table", "key"), KEYS)
@pytest.mark.parametrize("value", WRONG)
def test_every_wrong_type_is_told_with_its_line(table: str, key: str, value: str) -> None:
    text = f"\n{table}\n\n{key} = {value}\n"
    defects = team(text).defects
    assert {defect.line for defect in defects} <= {4}
    if not defects:
        fits = {"true": ("protected", "require_ancestry", "skip_ci"), "['']": ("branches",)}
        assert value == "{}" or key in fits[value]


def test_a_service_is_read_in_full() -> None:
    web = ServiceName("web")
    text = (
        "[service.web]\nsource = 'https://example.com/acme/mono'\npath = 'apps/web'\n"
        "container = ['app', 'proxy']\nworkload = 'web-5'\n[service.api]\ncontainer = 'api'\n"
    )
    found = team(text)
    assert found.defects == ()
    assert found.services == {
        web: ServiceRules(
            web, "https://example.com/acme/mono", ("app", "proxy"), "web-5", "apps/web"
        ),
        ServiceName("api"): ServiceRules(ServiceName("api"), containers=("api",)),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[service.web]\ncontainer = 'A'",
            "service.web.container: `A` is not a name of lower-case letters, digits and `-`",
        ),
        (
            "[service.web]\ncontainer = ['a', 'B']",
            "service.web.container: `B` is not a name of lower-case letters, digits and `-`",
        ),
        (
            "[service.web]\npath = 'a'",
            "service.web.path: is a directory of the `source`, which is not declared",
        ),
        ("stages = ['qa', 'qa']", "stages: each stage must be named once"),
        (
            "[stage.prodution]",
            "stage.prodution: `prodution` is not a declared stage; did you mean `production`?",
        ),
        (
            "[stage.xyz]",
            (
                "stage.xyz: `xyz` is not a declared stage; stages are "
                "development, staging, production"
            ),
        ),
    ],
)
def test_a_defect_says_which_key_and_why(text: str, message: str) -> None:
    assert [defect.message for defect in team(text).defects] == [message]


def test_of_many_defects_the_first_says_that_there_are_more() -> None:
    found = team("".join(f"[stage.x{number}]\n" for number in range(150))).defects
    assert len(found) == 101
    more = found[0]
    assert (more.line, more.key, more.message) == (1, (), "has more defects than are told")
    assert [(each.line, each.key) for each in found[1:]] == [
        (number + 1, ("stage", f"x{number}")) for number in range(100)
    ]


def test_the_first_defects_are_told_and_the_others_counted() -> None:
    hints = (None, "mend b", "mend c", None, None, None, None)
    found = [Defect("x", n, (), f"is {n}", hint) for n, hint in enumerate(hints, 1)]

    error = BadSettings(*found)
    assert str(error) == "x:1: is 1; x:2: is 2; x:3: is 3; x:4: is 4; x:5: is 5; and 2 more"
    assert (error.hint, error.defects) == ("mend b", tuple(found))
    assert str(BadSettings(*found[:5])).endswith("; x:5: is 5")
    assert BadSettings(found[0]).hint is None
