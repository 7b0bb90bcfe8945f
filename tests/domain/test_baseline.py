"""Known drift: the same difference is known, another one is new."""

from __future__ import annotations

import json

import pytest

from gitops_cli.domain.cluster.baseline import (
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
from gitops_cli.domain.errors import ExitCode, RemoteUnreachable
from gitops_cli.domain.image import parse_image
from gitops_cli.domain.manifests.changes import ObjectChange
from gitops_cli.domain.manifests.objects import ObjectId
from gitops_cli.domain.manifests.report import EnvironmentObjects, Fate, ObjectFate
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Kind

ENV = EnvironmentName("shop-production")


def row(service: str, state: State, tag: str = "a", container: str | None = None) -> Row:
    recorded = None if state is State.MISSING else parse_image(f"r.example.com/{service}:{tag}")
    return Row(ENV, ServiceName(service), Kind.DEPLOYMENT, state, container, recorded=recorded)


def diff(*rows: Row, objects: EnvironmentObjects | None = None) -> Diff:
    return Diff("c" * 40, (Comparison(ENV, rows, objects=objects),), {})


def drift(what: str, state: str = "differs", live: str | None = None) -> Drift:
    service = what.partition("/")[0]
    return Drift(ENV, what, state, f"r.example.com/{service}:a" if live is None else live)


def test_what_lasts_is_drift() -> None:
    result = diff(
        row("web", State.DIFFERS),
        row("api", State.FAILED, container="app"),
        row("old", State.MISSING),
        *(
            row("x", state)
            for state in (State.IN_SYNC, State.DIGEST, State.UNTRACKED, State.ROLLING)
        ),
    )
    found = drifts_of(result)
    assert found == (drift("api/app", "failed"), drift("old", "missing", ""), drift("web"))
    assert str(found[2]) == f"{ENV}: web differs"


def test_the_same_is_known_and_another_one_is_new() -> None:
    known = {drift("web"), drift("gone")}
    verdict = judged_by(known, diff(row("web", State.DIFFERS)), whole=True)
    assert verdict == BaselineVerdict((drift("web"),), (), (drift("gone"),))
    other = drift("web", live="r.example.com/web:b")
    verdict = judged_by(known, diff(row("web", State.DIFFERS, "b")), whole=True)
    assert verdict == BaselineVerdict((), (other,), (drift("gone"), drift("web")))


def test_what_was_not_looked_at_is_not_gone() -> None:
    known = {drift("web"), drift("web")._replace(environment="elsewhere")}
    assert judged_by(known, diff(), whole=False).gone == ()
    assert judged_by(known, diff(), whole=True).gone == (drift("web"),)
    untold = Diff(None, (Comparison(ENV, (), problems=(RemoteUnreachable("x"),)),), {})
    assert judged_by(known, untold, whole=True).gone == ()


def test_known_differences_are_none() -> None:
    result = diff(row("web", State.DIFFERS))
    assert exit_code(result, judged_by({drift("web")}, result, whole=True)) is ExitCode.OK
    assert exit_code(result, judged_by((), result, whole=True)) is ExitCode.NO


def test_what_moves_or_cannot_be_told_is_never_known() -> None:
    for state, code in ((State.ROLLING, ExitCode.NO), (State.UNCLEAR, ExitCode.USAGE)):
        result = diff(row("web", State.DIFFERS), row("api", state))
        assert exit_code(result, judged_by({drift("web")}, result, whole=True)) is code
    assert exit_code(diff(), BaselineVerdict()) is ExitCode.OK


def test_objects_are_known_by_what_would_change() -> None:
    def fate(kind: str, value: str) -> EnvironmentObjects:
        before, after = ({"data": {"a": each}} for each in ("0", value))
        id_ = ObjectId("", kind, ENV, "settings")
        change = ObjectChange(before, after)
        return EnvironmentObjects((ObjectFate(id_, "a.yaml:1", Fate.CHANGED, change),))

    [one] = drifts_of(diff(objects=fate("ConfigMap", "1")))
    [other] = drifts_of(diff(objects=fate("ConfigMap", "2")))
    assert (one.what, one.state) == ("configmap/settings", "differs")
    assert one.live.startswith("sha256:")
    assert one != other
    secret, same = (drifts_of(diff(objects=fate("Secret", value))) for value in "12")
    assert secret == same, "a hash of a secret's value would be a way to guess it"


def test_a_baseline_is_renewed_where_somebody_looked() -> None:
    elsewhere = drift("web")._replace(environment="elsewhere")
    known = {drift("gone"), elsewhere}
    result = diff(row("web", State.DIFFERS))
    assert renewed(known, result, whole=True) == (elsewhere, drift("web"))
    assert renewed(known, result, whole=False) == (elsewhere, drift("gone"), drift("web"))


def test_what_is_written_is_read() -> None:
    known = (drift("web"), drift("ü/app", "failed"))
    text = baseline_text(known)
    assert parse_baseline(text) == set(known)
    assert len(text.splitlines()) == 8, "a line for each, so that reviews show what is new"
    assert json.loads(baseline_text(()))["known"] == []


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("", 1, "no JSON: "),
        ("{\n\n]", 3, "no JSON: "),
        ("[" * 100_000, 1, "nested too deeply"),
        ("[]", 1, "no drift-baseline of gitops-cli/v1"),
        ('{"kind": "drift-baseline", "apiVersion": "v9"}', 1, "no drift-baseline"),
        ('{"kind": "drift-baseline", "apiVersion": "gitops-cli/v1"}', 1, "`known` is no list"),
        (baseline_text([drift("x")]).replace('"what"', '"that"'), 1, "an entry of `known`"),
        (baseline_text([]).replace("[]", "[1]"), 1, "an entry of `known`"),
    ],
)
def test_nonsense_is_told(text: str, line: int, why: str) -> None:
    with pytest.raises(BadBaseline, match=why) as found:
        parse_baseline(text)
    assert found.value.line == line
