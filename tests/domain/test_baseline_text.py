"""The file of known drift to the letter, and each side of what is known."""

from __future__ import annotations

import hashlib

import pytest

from gitops_cli.domain.cluster.baseline import (
    KIND,
    VERSION,
    BadBaseline,
    BaselineVerdict,
    Drift,
    baseline_text,
    drifts_of,
    exit_code,
    judged_by,
    parse_baseline,
    renewed,
)
from gitops_cli.domain.cluster.comparison import Comparison, Diff, Row, State
from gitops_cli.domain.errors import Blocked, ExitCode, RemoteUnreachable
from gitops_cli.domain.image import parse_image
from gitops_cli.domain.manifests.changes import ObjectChange
from gitops_cli.domain.manifests.objects import ObjectId
from gitops_cli.domain.manifests.report import EnvironmentObjects, Fate, FieldsTaken, ObjectFate
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Kind
from gitops_cli.domain.steps.declared import Tool
from gitops_cli.domain.steps.report import StepReport, StepState

ENV, OTHER = EnvironmentName("shop-production"), EnvironmentName("shop-staging")
WEB = Drift(ENV, "web", "differs", "r/web:1")
API = Drift(ENV, "api/app", "failed", "")


def row(state: State, container: str | None = None, env: EnvironmentName = ENV) -> Row:
    recorded = parse_image("r/web:1")
    return Row(env, ServiceName("web"), Kind.DEPLOYMENT, state, container, recorded=recorded)


def diff(*comparisons: Comparison) -> Diff:
    return Diff("c" * 40, comparisons, {})


def hashed(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def test_a_baseline_to_the_letter() -> None:
    assert (VERSION, KIND) == ("gitops-cli/v1", "drift-baseline")
    assert baseline_text([]) == (
        '{\n  "apiVersion": "gitops-cli/v1",\n  "kind": "drift-baseline",\n  "known": []\n}\n'
    )
    assert baseline_text(iter([WEB, API._replace(what="ü")])) == (
        '{\n  "apiVersion": "gitops-cli/v1",\n  "kind": "drift-baseline",\n  "known": [\n    '
        '{"environment": "shop-production", "what": "web", "state": "differs",'
        ' "live": "r/web:1"},\n    '
        '{"environment": "shop-production", "what": "ü", "state": "failed", "live": ""}\n'
        "  ]\n}\n"
    )
    assert parse_baseline(baseline_text([WEB, API, WEB])) == frozenset({WEB, API})


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("", "no JSON: Expecting value", 1),
        ('{\n"a": 1,\n"b" 2}', "no JSON: Expecting ':' delimiter", 3),
        ("[" * 100_000, "nested too deeply", 1),
        ("[]", "no drift-baseline of gitops-cli/v1", 1),
        ("{}", "no drift-baseline of gitops-cli/v1", 1),
        (
            '{"kind": "other", "apiVersion": "gitops-cli/v1"}',
            "no drift-baseline of gitops-cli/v1",
            1,
        ),
        ('{"kind": "drift-baseline", "apiVersion": "v9"}', "no drift-baseline of gitops-cli/v1", 1),
        (baseline_text([]).replace("[]", "{}"), "`known` is no list", 1),
        (baseline_text([]).replace("[]", "null"), "`known` is no list", 1),
        *(
            (text, "an entry of `known` has not the texts environment, what, state, live", 1)
            for text in (
                baseline_text([]).replace("[]", "[1]"),
                baseline_text([]).replace("[]", "[{}]"),
                baseline_text([WEB]).replace('"r/web:1"', "1"),
                baseline_text([API, WEB]).replace('"environment"', '"that"', 1),
                baseline_text([API]).replace('"failed"', "null"),
            )
        ),
    ],
)
def test_what_is_no_baseline(text: str, message: str, line: int) -> None:
    with pytest.raises(BadBaseline) as found:
        parse_baseline(text)
    assert (str(found.value), found.value.line) == (message, line)


def test_a_fault_is_in_the_first_line_unless_it_says_another() -> None:
    assert (str(BadBaseline("x")), BadBaseline("x").line) == ("x", 1)
    assert BadBaseline("x", 7).line == 7
    assert BaselineVerdict() == BaselineVerdict((), (), ())
    assert str(API) == "shop-production: api/app failed"


@pytest.mark.parametrize(
    ("container", "what"), [(None, "web"), ("web", "web"), ("app", "web/app"), ("", "web/")]
)
def test_a_container_is_named_where_it_is_not_the_services(
    container: str | None, what: str
) -> None:
    for state in (State.DIFFERS, State.FAILED, State.MISSING):
        found = drifts_of(diff(Comparison(ENV, (row(state, container),))))
        assert found == (Drift(ENV, what, state.value, "r/web:1"),)


def test_drift_is_sorted_and_each_told_once() -> None:
    rows = (row(State.FAILED), row(State.DIFFERS), row(State.DIFFERS))
    first = Comparison(OTHER, (row(State.DIFFERS, env=OTHER),))
    assert drifts_of(diff(first, Comparison(ENV, rows))) == (
        WEB,
        WEB._replace(state="failed"),
        WEB._replace(environment=OTHER),
    )
    assert drifts_of(diff()) == ()


CHANGED = ObjectChange({"data": {"a": "0", "b": "0"}}, {"data": {"a": "ü", "b": "1"}})
TEXT = (
    '[{"op": "replace", "path": "/data/a", "value": "\\u00fc"}, '
    '{"op": "replace", "path": "/data/b", "value": "1"}]'
)
PLACES = '[{"op": "replace", "path": "/data/a"}, {"op": "replace", "path": "/data/b"}]'


@pytest.mark.parametrize(
    ("group", "kind", "fate", "change", "state", "live"),
    [
        ("", "ConfigMap", Fate.CHANGED, CHANGED, "differs", TEXT),
        ("", "Secret", Fate.CHANGED, CHANGED, "differs", PLACES),
        ("x.example.com", "Secret", Fate.CHANGED, CHANGED, "differs", TEXT),
        ("", "ConfigMap", Fate.EXTRA, None, "extra", "[]"),
        ("", "Secret", Fate.LEFT, None, "left", "[]"),
        (
            "",
            "ConfigMap",
            Fate.CREATED,
            ObjectChange(None, {"b": 1, "a": 2}),
            "missing",
            '[{"op": "add", "path": "", "value": {"a": 2, "b": 1}}]',
        ),
    ],
)
def test_an_object_is_known_by_the_hash_of_what_would_change(
    group: str, kind: str, fate: Fate, change: ObjectChange | None, state: str, live: str
) -> None:
    id_ = ObjectId(group, kind, ENV, "settings")
    objects = EnvironmentObjects((ObjectFate(id_, "a.yaml:1", fate, change),))
    [found] = drifts_of(diff(Comparison(ENV, (), objects=objects)))
    assert found == Drift(ENV, str(id_), state, hashed(live))


def test_only_objects_that_differ_are_drift() -> None:
    id_ = ObjectId("", "ConfigMap", ENV, "a")
    fates = (
        ObjectFate(id_, "a:1", Fate.SAME),
        ObjectFate(id_, "a:1", Fate.KEPT),
        ObjectFate(id_, "a:1", Fate.CHANGED, error=Blocked("x")),
        ObjectFate(id_, "a:1", Fate.CHANGED, error=FieldsTaken("x")),
    )
    found = drifts_of(
        diff(Comparison(ENV, (row(State.DIFFERS),), objects=EnvironmentObjects(fates)))
    )
    assert found == (Drift(ENV, str(id_), "conflict", hashed("[]")), WEB)


def test_what_is_gone_is_told_where_all_was_looked_at_without_a_problem() -> None:
    gone, elsewhere = API, WEB._replace(environment=OTHER)
    known = [WEB, gone, elsewhere]
    here = Comparison(ENV, (row(State.DIFFERS), row(State.FAILED)))
    failed = WEB._replace(state="failed")
    result = diff(here, Comparison(OTHER, (), problems=(RemoteUnreachable("x"),)))
    assert judged_by(known, result, whole=True) == BaselineVerdict((WEB,), (failed,), (gone,))
    assert judged_by(known, result, whole=False) == BaselineVerdict((WEB,), (failed,), ())
    both = diff(here, Comparison(OTHER, ()))
    assert judged_by(known[::-1], both, whole=True).gone == (gone, elsewhere)


def step(state: StepState) -> StepReport:
    return StepReport("db", Tool.TOFU, "steps/db", state)


@pytest.mark.parametrize(
    ("rows", "steps", "new", "code"),
    [
        ((), (), (), ExitCode.OK),
        ((State.IN_SYNC,), (), (WEB,), ExitCode.OK),
        ((State.DIFFERS,), (), (), ExitCode.OK),
        ((State.DIFFERS,), (), (WEB,), ExitCode.NO),
        ((State.DIFFERS, State.ROLLING), (), (), ExitCode.NO),
        ((State.DIFFERS, State.UNCLEAR), (), (), ExitCode.USAGE),
        ((State.DIFFERS,), (StepState.CHANGES,), (), ExitCode.NO),
        ((State.DIFFERS,), (StepState.UNCHANGED,), (), ExitCode.OK),
        ((), (StepState.CHANGES,), (), ExitCode.NO),
    ],
)
def test_the_code_of_what_is_known(
    rows: tuple[State, ...], steps: tuple[StepState, ...], new: tuple[Drift, ...], code: ExitCode
) -> None:
    here = Comparison(ENV, tuple(map(row, rows)), steps=tuple(map(step, steps)))
    assert exit_code(diff(here, Comparison(OTHER, ())), BaselineVerdict(new=new)) is code


def test_a_baseline_keeps_what_was_not_looked_at() -> None:
    elsewhere = WEB._replace(environment=OTHER)
    result = diff(Comparison(ENV, (row(State.DIFFERS),)))
    assert renewed([elsewhere, API], result, whole=True) == (WEB, elsewhere)
    assert renewed([elsewhere, API, WEB], result, whole=False) == (API, WEB, elsewhere)
