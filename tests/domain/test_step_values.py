"""Programs of a repository as values: what is run and read, what is trusted, what came of it."""

from __future__ import annotations

import hashlib
import json

import pytest

from gitops_cli.domain.errors import Blocked, ExitCode, GitError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Environment, Snapshot
from gitops_cli.domain.recorded.files import RawFile
from gitops_cli.domain.recorded.stages import Place
from gitops_cli.domain.recorded.team_file import parse_team
from gitops_cli.domain.steps.content import (
    Declared,
    Difference,
    TrackedFile,
    declared_programs,
    declared_steps,
    differences,
    digest_of,
    paths_of,
)
from gitops_cli.domain.steps.declared import Check, Program, Step, Tool
from gitops_cli.domain.steps.fields import check_fields, check_for, step_for
from gitops_cli.domain.steps.report import StepFailed, StepReport, StepState, Untrusted

PLACE = Place(EnvironmentName("shop-production"), "shop", "production")
ALL = "{project}/{stage}/{environment}"
FILLED = "shop/production/shop-production"
COMMAND = Step(
    "dns", 3, Tool.COMMAND, Program("d", ("lib", "d")), plan=("p", "x"), apply=("a", "y")
)
ANSIBLE = Step(
    "hosts",
    4,
    Tool.ANSIBLE,
    Program("h", ("lib",), ("E",), 9.0),
    playbook="h/site.yml",
    inventory="inv",
    variables=("v", "lib", "w"),
    produces=("out",),
)
TOFU = Step("net", 5, Tool.TOFU, Program("net"), workspace="w")
CHECK = Check("smoke", 6, 7.0, ("./smoke.sh", "x"), Program("c", ("lib",), ("T",), 7.0))
HELLO = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


def test_what_is_not_said_is_the_default() -> None:
    assert Program("d") == ("d", (), (), 1800.0)
    assert COMMAND[6:] == (None, None, None, (), ())
    assert Check("a", 1, 2.0) == ("a", 1, 2.0, (), None, None, None, None)
    assert StepReport("a", Tool.TOFU, "d", StepState.APPLIED)[4:] == ("", (), 0.0, None, ())


@pytest.mark.parametrize("text", ["", "a", ALL, "{Who}", "{}", "{stage", "${x1}"])
def test_a_text_with_known_fields_is_as_it_was(text: str) -> None:
    assert check_fields(text) == text


@pytest.mark.parametrize("text", ["{who}", "{stage}{who}{other}", "{{who}}"])
def test_the_first_field_that_there_is_not_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="none of") as error:
        check_fields(text)
    assert str(error.value) == "`{who}` is none of {project}, {stage}, {environment}"


def test_a_step_is_filled_for_an_environment() -> None:
    program = Program(ALL, (ALL, "f"), (ALL,), 5.0)
    step = Step(
        ALL, 2, Tool.ANSIBLE, program, (ALL, "p"), (ALL, "a"), ALL, ALL, ALL, (ALL,), (ALL,)
    )
    made = Program(FILLED, (FILLED, "f"), (ALL,), 5.0)
    assert step_for(step, PLACE) == Step(
        ALL,
        2,
        Tool.ANSIBLE,
        made,
        (FILLED, "p"),
        (FILLED, "a"),
        FILLED,
        FILLED,
        FILLED,
        (FILLED,),
        (FILLED,),
    )
    assert step_for(TOFU._replace(workspace=None), PLACE) == TOFU._replace(workspace=None)


def test_a_check_is_filled_for_an_environment() -> None:
    check = Check("a", 2, 5.0, (ALL,), Program(ALL, (ALL,), (ALL,), 5.0), ALL, ALL, ALL)
    made = Program(FILLED, (FILLED,), (ALL,), 5.0)
    assert check_for(check, PLACE) == Check("a", 2, 5.0, (FILLED,), made, FILLED, ALL, ALL)
    bare = Check("a", 2, 5.0, job="j")
    assert check_for(bare, PLACE) == bare


def test_a_tracked_file_is_told_from_others_by_its_mode_too() -> None:
    assert TrackedFile(b"hello", executable=False).digest == HELLO
    assert TrackedFile(b"hello", executable=True).digest == f"{HELLO}+x"


@pytest.mark.parametrize(
    ("what", "kind", "commands", "paths"),
    [
        pytest.param(COMMAND, "step", (("p", "x"), ("a", "y")), ("d", "lib"), id="command"),
        pytest.param(
            ANSIBLE,
            "step",
            (
                ("ansible-playbook", "h/site.yml", "--check", "--diff"),
                ("ansible-playbook", "h/site.yml"),
            ),
            ("h", "lib", "inv", "v", "w"),
            id="ansible",
        ),
        pytest.param(
            ANSIBLE._replace(playbook=None, inventory=None),
            "step",
            (("ansible-playbook", "", "--check", "--diff"), ("ansible-playbook", "")),
            ("h", "lib", "v", "w"),
            id="ansible of nothing",
        ),
        pytest.param(
            TOFU,
            "step",
            (("tofu", "init"), ("tofu", "plan"), ("tofu", "apply")),
            ("net",),
            id="tofu",
        ),
        pytest.param(
            TOFU._replace(tool=Tool.TERRAFORM),
            "step",
            (("terraform", "init"), ("terraform", "plan"), ("terraform", "apply")),
            ("net",),
            id="terraform",
        ),
        pytest.param(CHECK, "check", (("./smoke.sh", "x"),), ("c", "lib"), id="check"),
    ],
)
def test_a_declared_program(
    what: Step | Check,
    kind: str,
    commands: tuple[tuple[str, ...], ...],
    paths: tuple[str, ...],
) -> None:
    one = Declared("production", what)
    assert (one.kind, one.commands, one.paths) == (kind, commands, paths)
    assert (one.program, one.line) == (what.program, what.line)
    assert one.heading == f"[stage.production.{kind}.{what.name}]"


def test_all_that_is_declared_but_for_the_line() -> None:
    assert Declared("production", ANSIBLE).as_declared() == {
        "kind": "step",
        "stage": "production",
        "name": "hosts",
        "tool": Tool.ANSIBLE,
        "program": {"directory": "h", "files": ("lib",), "env": ("E",), "seconds": 9.0},
        "plan": (),
        "apply": (),
        "playbook": "h/site.yml",
        "inventory": "inv",
        "workspace": None,
        "variables": ("v", "lib", "w"),
        "produces": ("out",),
    }
    assert Declared("production", CHECK).as_declared() == {
        "kind": "check",
        "stage": "production",
        "name": "smoke",
        "seconds": 7.0,
        "command": ("./smoke.sh", "x"),
        "program": {"directory": "c", "files": ("lib",), "env": ("T",), "seconds": 7.0},
        "url": None,
        "expect": None,
        "job": None,
    }


TEAM = """\
stages = ["staging", "production"]
[stage.production.step.one]
tofu = "infra/{project}"
[stage.production.check.page]
url = "https://a.test"
[stage.production.check.smoke]
command = ["{environment}"]
directory = "c"
[stage.staging.step.same]
tofu = "same"
"""


def test_each_program_of_a_repository_is_declared_once() -> None:
    names = ("web-production", "shop-staging", "shop-production", "web-staging")
    environments = {
        EnvironmentName(name): Environment(EnvironmentName(name), None, {}) for name in names
    }
    team = parse_team(RawFile("gitops.toml", TEAM.encode()))
    assert not team.defects

    def one(project: str) -> Declared:
        step = Step("one", 2, Tool.TOFU, Program(f"infra/{project}"))
        return Declared("production", step)

    def smoke(project: str) -> Declared:
        program = Program("c", seconds=300.0)
        check = Check("smoke", 6, 300.0, (f"{project}-production",), program)
        return Declared("production", check)

    same = Declared("staging", Step("same", 9, Tool.TOFU, Program("same")))
    found = declared_programs(Snapshot(None, environments, team=team))
    assert found == (one("shop"), smoke("shop"), same, one("web"), smoke("web"))
    assert paths_of(found) == ("infra/shop", "c", "same", "infra/web")
    assert declared_programs(Snapshot(None, {}, team=team)) == ()
    assert paths_of(()) == ()

    snapshot = Snapshot(None, environments, team=team)
    assert declared_steps(snapshot, EnvironmentName("web-production")) == (one("web"),)
    assert declared_steps(snapshot, EnvironmentName("shop-staging")) == (same,)
    assert declared_steps(snapshot, EnvironmentName("shop-development")) == ()


def test_the_digest_is_of_every_word_and_bit_and_of_the_order_of_steps() -> None:
    programs = (Declared("s", TOFU), Declared("s", CHECK))
    content = {"b": TrackedFile(b"hello", executable=True), "a": TrackedFile(b"", executable=False)}
    said = [json.dumps(one.as_declared(), sort_keys=True) for one in programs[::-1]]
    empty = hashlib.sha256(b"").hexdigest()
    whole = {"files": [["a", empty], ["b", f"{HELLO}+x"]], "programs": said}
    wanted = hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()
    assert digest_of(programs, content) == wanted
    assert digest_of(programs[::-1], dict(sorted(content.items()))) == wanted
    moved = (programs[0], Declared("s", CHECK._replace(line=99)))
    assert digest_of(moved, content) == wanted, "a line that moved is no other program"
    steps = (Declared("s", TOFU), Declared("s", TOFU._replace(name="another")))
    assert digest_of(steps, content) != digest_of(steps[::-1], content), "it is how they run"
    stages = (Declared("s", TOFU), Declared("another", TOFU))
    assert digest_of(stages, content) == digest_of(stages[::-1], content)
    assert digest_of((), {}) == hashlib.sha256(b'{"files": [], "programs": []}').hexdigest()


def test_how_files_lie_to_those_that_were_trusted() -> None:
    content = {
        "d": TrackedFile(b"hello", executable=False),
        "a": TrackedFile(b"hello", executable=True),
        "c": TrackedFile(b"x", executable=False),
    }
    before = {"d": HELLO, "a": HELLO, "b": HELLO}
    assert list(differences(content, before)) == [
        ("a", Difference.CHANGED),
        ("b", Difference.GONE),
        ("c", Difference.NEW),
        ("d", Difference.SAME),
    ]
    assert list(differences({}, {})) == []


@pytest.mark.parametrize("state", StepState)
@pytest.mark.parametrize("error", [None, StepFailed("x"), GitError("y")])
def test_what_a_step_lets_a_command_end_with(
    state: StepState, error: StepFailed | GitError | None
) -> None:
    report = StepReport("a", Tool.TOFU, "d", state, error=error)
    code = {None: ExitCode.OK, StepFailed: ExitCode.ROLLOUT_FAILED, GitError: ExitCode.GIT}[
        None if error is None else type(error)
    ]
    assert report.sync_code is code
    assert report.diff_code is (ExitCode.NO if state is StepState.CHANGES else code)
    assert report.is_applied is (state is StepState.APPLIED)


def test_a_step_that_failed_has_its_last_lines_beside_it() -> None:
    failed = StepFailed("it broke", hint="mend it")
    assert (str(failed), failed.message, failed.hint) == ("it broke", "it broke", "mend it")
    assert (failed.output, failed.code, failed.exit_code) == ((), "step-failed", 7)
    assert StepFailed("x").hint is None
    assert (Untrusted.code, issubclass(Untrusted, Blocked)) == ("untrusted", True)
