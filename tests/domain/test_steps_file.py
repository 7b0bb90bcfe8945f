"""Steps and checks in gitops.toml: each value that is read, each defect with its place."""

from __future__ import annotations

import pytest

from gitops_cli.domain.recorded.steps_file import (
    CHECK_KEYS,
    LOOPBACK,
    STEP_KEYS,
    place,
    read_checks,
    read_steps,
)
from gitops_cli.domain.settings import Defect, Settings
from gitops_cli.domain.steps.declared import Check, Program, Step, Tool

SOME = "a step has one of `tofu`, `terraform`, `ansible`, or `plan` and `apply`"
ONE_OF = "a check has one of `command`, `url` or `job`"
NOT_A_URL = "must be a URL with https, or with http on this machine, without login"
A_COMMAND = 'plan = ["p"]\napply = ["a"]\ndirectory = "d"'
NO_PATH = "is no path of this repository, such as `infra/network`"
WRONG = ("a\\b", "c:a", "a\x1fb", "a\nb", "\0")
KNOWN_FIELDS = "{project}, {stage}, {environment}"


def stage(text: str) -> Settings:
    return Settings.of("gitops.toml", text.encode()).table("stage", None).table("x", None)


def steps(body: str) -> tuple[tuple[Step, ...], list[Defect]]:
    """Return what is read of a step `a`, whose table is the first line."""
    reader = stage(f"[stage.x.step.a]\n{body}\n")
    return read_steps(reader), reader.found


def checks(body: str) -> tuple[tuple[Check, ...], list[Defect]]:
    reader = stage(f"[stage.x.check.a]\n{body}\n")
    return read_checks(reader), reader.found


def defect(kind: str, line: int, key: str, message: str, hint: str | None = None) -> Defect:
    """Return a defect of a key of `a`; of `a` itself without one."""
    at = ("stage", "x", kind, "a", key)
    return Defect("gitops.toml", line, at, f"{'.'.join(at)}: {message}", hint)


@pytest.mark.parametrize(
    ("body", "step"),
    [
        pytest.param(
            'tofu = "infra/net/"',
            Step("a", 1, Tool.TOFU, Program("infra/net", (), (), 1800.0)),
            id="tofu, and the defaults",
        ),
        pytest.param(
            'terraform = "infra/{project}"\nvars = ["v/{stage}.tfvars", "w"]\n'
            'workspace = "{environment}"\nfiles = ["mod/", "lib"]\nenv = ["AWS_PROFILE", "_x9"]\n'
            'produces = ["out/net.json"]\ntimeout = "1h"',
            Step(
                "a",
                1,
                Tool.TERRAFORM,
                Program("infra/{project}", ("mod", "lib"), ("AWS_PROFILE", "_x9"), 3600.0),
                workspace="{environment}",
                variables=("v/{stage}.tfvars", "w"),
                produces=("out/net.json",),
            ),
            id="terraform",
        ),
        pytest.param(
            'ansible = "infra/hosts/site.yml"\ninventory = "inv/{stage}/"\nvars = ["v.yml"]\n'
            'produces = ["a", "b"]\nfiles = ["roles"]\nenv = ["E"]\ntimeout = "90s"',
            Step(
                "a",
                1,
                Tool.ANSIBLE,
                Program("infra/hosts", ("roles",), ("E",), 90.0),
                playbook="infra/hosts/site.yml",
                inventory="inv/{stage}",
                variables=("v.yml",),
                produces=("a", "b"),
            ),
            id="ansible",
        ),
        pytest.param(
            'plan = ["./dns.sh", "plan", ""]\napply = ["./dns.sh", "{stage}"]\n'
            'directory = "infra/dns/"\nfiles = ["lib"]\nenv = ["E"]\nproduces = ["a", "b"]\n'
            'timeout = "2"',
            Step(
                "a",
                1,
                Tool.COMMAND,
                Program("infra/dns", ("lib",), ("E",), 2.0),
                plan=("./dns.sh", "plan", ""),
                apply=("./dns.sh", "{stage}"),
                produces=("a", "b"),
            ),
            id="a command",
        ),
    ],
)
def test_a_step_is_read_whole(body: str, step: Step) -> None:
    assert steps(body) == ((step,), [])


@pytest.mark.parametrize(
    ("body", "check"),
    [
        pytest.param('job = "e2e.web"', Check("a", 1, 300.0, job="e2e.web"), id="a Job"),
        pytest.param(
            'url = "https://ci.test:8443/{environment}"\nexpect = "ok"\ntimeout = "10m"',
            Check("a", 1, 600.0, url="https://ci.test:8443/{environment}", expect="ok"),
            id="a page",
        ),
        pytest.param(
            'command = ["./smoke.sh", "{environment}"]\ndirectory = "checks/"\nfiles = ["lib"]\n'
            'env = ["TOKEN"]\ntimeout = "7"',
            Check(
                "a",
                1,
                7.0,
                ("./smoke.sh", "{environment}"),
                Program("checks", ("lib",), ("TOKEN",), 7.0),
            ),
            id="a command",
        ),
        pytest.param(
            'command = ["c"]\ndirectory = "d"',
            Check("a", 1, 300.0, ("c",), Program("d", (), (), 300.0)),
            id="a command's defaults",
        ),
    ],
)
def test_a_check_is_read_whole(body: str, check: Check) -> None:
    assert checks(body) == ((check,), [])


def test_a_stage_has_them_in_their_order_with_their_lines() -> None:
    reader = stage(
        '[stage.x.step.b]\ntofu = "b"\n[stage.x.check.z]\njob = "z"\n'
        '[stage.x.step.a]\ntofu = "a"\n[stage.x.check.y]\njob = "y"\n'
    )
    assert [(step.name, step.line) for step in read_steps(reader)] == [("b", 1), ("a", 5)]
    assert [(check.name, check.line) for check in read_checks(reader)] == [("z", 3), ("y", 7)]
    assert reader.found == []
    none = stage("[stage.x]\n")
    assert (read_steps(none), read_checks(none)) == ((), ())


def test_one_that_has_a_defect_is_not_among_them_and_the_others_are() -> None:
    reader = stage('[stage.x.step.a]\ntofu = 5\n[stage.x.step.b]\ntofu = "b"\n')
    assert [step.name for step in read_steps(reader)] == ["b"]
    reader = stage('[stage.x.check.a]\njob = 5\n[stage.x.check.b]\njob = "b"\n')
    assert [check.name for check in read_checks(reader)] == ["b"]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("", [(1, "a", SOME)]),
        ('tofu = "a"\nterraform = "b"', [(1, "a", SOME)]),
        ('tofu = "a"\nplan = ["p"]', [(3, "plan", SOME)]),
        ('tofu = "d"\napply = ["p"]', [(1, "plan", SOME)]),
        ('plan = ["p"]', [(1, "apply", "is missing"), (1, "directory", "is missing")]),
        ('apply = ["p"]\ndirectory = "d"', [(1, "plan", "is missing")]),
        (
            f'{A_COMMAND}\ninventory = "i"\nvars = ["v"]\nworkspace = "w"',
            [
                (5, "inventory", "means nothing to a command"),
                (6, "vars", "means nothing to a command"),
                (7, "workspace", "means nothing to a command"),
            ],
        ),
        (
            'ansible = "d/p.yml"\nworkspace = "w"\ndirectory = "d"',
            [
                (3, "workspace", "means nothing to ansible"),
                (4, "directory", "means nothing to ansible"),
            ],
        ),
        (
            'tofu = "d"\ninventory = "i"\ndirectory = "d"',
            [(3, "inventory", "means nothing to tofu"), (4, "directory", "means nothing to tofu")],
        ),
        (
            'terraform = "d"\ninventory = "i"',
            [(3, "inventory", "means nothing to terraform")],
        ),
        (
            'tofu = "d"\nproduces = ["a", "b"]',
            [(3, "produces", "tofu writes its outputs to one file")],
        ),
        (
            'terraform = "d"\nproduces = ["a", "b"]',
            [(3, "produces", "terraform writes its outputs to one file")],
        ),
        ('tofu = "/d"', [(2, "tofu", f"`/d` {NO_PATH}")]),
        ('ansible = "../p.yml"', [(2, "ansible", f"`../p.yml` {NO_PATH}")]),
        (
            'ansible = "site.yml"',
            [(2, "ansible", "`site.yml` stands at the repository's root: give it a directory")],
        ),
        (
            'plan = []\napply = []\ndirectory = "d"',
            [(2, "plan", "names no program"), (3, "apply", "names no program")],
        ),
        ('plan = "p"\napply = ["a"]\ndirectory = "d"', [(2, "plan", "must be a list of texts")]),
        (
            'plan = ["a\\u0000"]\napply = ["a"]\ndirectory = "d"',
            [
                (2, "plan", "a word of a command holds a zero byte"),
                (2, "plan", "names no program"),
            ],
        ),
        (
            'plan = ["p"]\napply = ["{who}"]\ndirectory = "d"',
            [
                (3, "apply", f"`{{who}}` is none of {KNOWN_FIELDS}"),
                (3, "apply", "names no program"),
            ],
        ),
        ('plan = ["p"]\napply = ["a"]\ndirectory = ".."', [(4, "directory", f"`..` {NO_PATH}")]),
        ('tofu = "d"\nfiles = ["a", "./b"]', [(3, "files", f"`./b` {NO_PATH}")]),
        ('tofu = "d"\nvars = ["a//b"]', [(3, "vars", f"`a//b` {NO_PATH}")]),
        ('tofu = "d"\nproduces = ["/a"]', [(3, "produces", f"`/a` {NO_PATH}")]),
        ('ansible = "d/p"\ninventory = "a:b"', [(3, "inventory", f"`a:b` {NO_PATH}")]),
        ('tofu = "d"\nworkspace = "{x}"', [(3, "workspace", f"`{{x}}` is none of {KNOWN_FIELDS}")]),
        ('tofu = "d"\ntimeout = "0s"', [(3, "timeout", "must be longer than nothing")]),
        (
            'tofu = "d"\ntimeout = "soon"',
            [(3, "timeout", "`soon` is not a duration; write 90s, 5m or 1h30m")],
        ),
    ],
)
def test_what_is_wrong_in_a_step(body: str, told: list[tuple[int, str, str]]) -> None:
    assert steps(body) == ((), [defect("step", *one) for one in told])


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            "",
            [
                (1, "a", ONE_OF),
            ],
        ),
        ('job = "j"\nurl = "https://a.test"', [(2, "job", ONE_OF)]),
        ('url = "https://a.test"\ncommand = ["c"]', [(2, "url", ONE_OF)]),
        ('command = ["c"]', [(1, "directory", "is missing")]),
        (
            'job = "j"\ndirectory = "d"\nfiles = ["f"]\nenv = ["E"]\nexpect = "x"',
            [
                (3, "directory", "means nothing to `job`"),
                (4, "files", "means nothing to `job`"),
                (5, "env", "means nothing to `job`"),
                (6, "expect", "means nothing to what is no `url`"),
            ],
        ),
        (
            'url = "https://a.test"\ndirectory = "d"',
            [(3, "directory", "means nothing to `url`")],
        ),
        (
            'command = ["c"]\ndirectory = "d"\nexpect = "x"',
            [(4, "expect", "means nothing to what is no `url`")],
        ),
        ('command = []\ndirectory = "d"', [(2, "command", "names no program")]),
        ('command = ["c"]\ndirectory = "/"', [(3, "directory", f"`/` {NO_PATH}")]),
        ('command = ["c"]\ndirectory = "d"\nfiles = ["."]', [(4, "files", f"`.` {NO_PATH}")]),
        (
            'command = ["c"]\ndirectory = "d"\nenv = ["9"]',
            [(4, "env", "`9` is not the name of a variable of the environment")],
        ),
        ('job = "j"\ntimeout = "0"', [(3, "timeout", "must be longer than nothing")]),
        ('job = "E2E"', [(2, "job", "`E2E` is not the name of a Job")]),
        (
            f'url = "https://a.test"\nexpect = "{"x" * 1001}"',
            [(3, "expect", "is longer than 1000 characters")],
        ),
    ],
)
def test_what_is_wrong_in_a_check(body: str, told: list[tuple[int, str, str]]) -> None:
    assert checks(body) == ((), [defect("check", *one) for one in told])


def test_an_unknown_key_is_a_defect_of_its_step() -> None:
    known = f"known: {', '.join(STEP_KEYS)}"
    assert steps('tofu = "d"\nzzz = 1') == (
        (),
        [defect("step", 3, "zzz", "unknown key", known)],
    )
    assert steps('tofu = "d"\nfile = ["a"]') == (
        (),
        [defect("step", 3, "file", "unknown key", "did you mean `files`?")],
    )
    known = f"known: {', '.join(CHECK_KEYS)}"
    assert checks('job = "d"\nzzz = 1') == ((), [defect("check", 3, "zzz", "unknown key", known)])


@pytest.mark.parametrize(("kind", "body"), [("step", 'tofu = "d"'), ("check", 'job = "j"')])
def test_a_name_is_a_label(kind: str, body: str) -> None:
    reader = stage(f'[stage.x.{kind}."A\\tb"]\n{body}\n')
    assert (read_steps(reader), read_checks(reader)) == ((), ())
    [found] = reader.found
    assert (found.key, found.hint) == (("stage", "x", kind, "A\tb"), None)
    assert found.message == (
        f"stage.x.{kind}.A b: `A b` is not a name of lower-case letters, digits and `-`"
    )


@pytest.mark.parametrize("kind", ["step", "check"])
def test_what_is_no_table_is_told(kind: str) -> None:
    reader = stage(f"[stage.x.{kind}]\na = 5\n")
    assert (read_steps(reader), read_checks(reader)) == ((), ())
    message = f"stage.x.{kind}.a: must be a table"
    assert reader.found == [Defect("gitops.toml", 2, ("stage", "x", kind, "a"), message)]


@pytest.mark.parametrize("text", ["a", "a/b", "a/b/", ".github/x", " a b", "é/{stage}", "a.git/b"])
def test_a_place_is_a_path_without_the_last_slash(text: str) -> None:
    assert place(text) == text.removesuffix("/")


@pytest.mark.parametrize(
    "text",
    [
        *("", "/", "/a", "a//b", "a//", ".", "./a", "a/.", "..", "a/../b", ".git", "a/.GIT/b"),
        *WRONG,
    ],
)
def test_a_place_is_nothing_else(text: str) -> None:
    with pytest.raises(ValueError, match="no path") as error:
        place(text)
    assert str(error.value) == f"`{text}` {NO_PATH}"


@pytest.mark.parametrize("name", ["LD_PRELOAD", "DYLD_X", "GIT_DIR", "PATH", "PYTHONPATH"])
def test_a_variable_that_chooses_programs_is_not_passed_on(name: str) -> None:
    message = f"`{name}` chooses programs, and is not passed on"
    assert steps(f'tofu = "d"\nenv = ["{name}"]') == ((), [defect("step", 3, "env", message)])


@pytest.mark.parametrize("name", ["a-b", "1a", "", "A=b", "A "])
def test_a_variable_has_a_name(name: str) -> None:
    message = f"`{name}` is not the name of a variable of the environment"
    assert steps(f'tofu = "d"\nenv = ["{name}"]') == ((), [defect("step", 3, "env", message)])


@pytest.mark.parametrize("name", ["LD", "MY_GIT_DIR", "PATHS", "path", "DYLD", "GIT", "_", "Zz9_"])
def test_a_variable_that_is_like_one_of_those_is_passed_on(name: str) -> None:
    [step], found = steps(f'tofu = "d"\nenv = ["{name}"]')
    assert (step.program.env, found) == ((name,), [])


@pytest.mark.parametrize(
    "url",
    [
        "https://a.test",
        "https://a.test:1/x?y#z",
        "http://localhost:8000/x",
        "http://127.0.0.1",
        "http://[::1]:80/",
        "https://a.test/@x",
    ],
)
def test_a_page(url: str) -> None:
    assert checks(f'url = "{url}"') == ((Check("a", 1, 300.0, url=url),), [])
    assert LOOPBACK == ("localhost", "127.0.0.1", "::1")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://a.test", NOT_A_URL),
        ("http://127.0.0.2", NOT_A_URL),
        ("ftp://localhost", NOT_A_URL),
        ("https:///x", NOT_A_URL),
        ("https://ada@a.test", NOT_A_URL),
        ("https://a.test/x y", NOT_A_URL),
        ("https://a.test/\\u0001", NOT_A_URL),
        ("https://a.test/\\n", NOT_A_URL),
        ("a.test", NOT_A_URL),
        ("https://a.test:99999/", "Port out of range 0-65535"),
        ("https://a.test/{who}", f"`{{who}}` is none of {KNOWN_FIELDS}"),
    ],
)
def test_what_is_no_page(url: str, message: str) -> None:
    assert checks(f'url = "{url}"') == ((), [defect("check", 2, "url", message)])


def test_an_expression_of_a_thousand_characters_is_one() -> None:
    [check], found = checks(f'url = "https://a.test"\nexpect = "{"x" * 1000}"')
    assert (check.expect, found) == ("x" * 1000, [])
