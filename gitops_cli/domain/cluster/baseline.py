"""Drift that is known: differences that somebody has seen and lets be, until they are others."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from gitops_cli.domain.cluster.comparison import Comparison, Diff, State
from gitops_cli.domain.errors import ExitCode
from gitops_cli.domain.names import EnvironmentName

if TYPE_CHECKING:
    from gitops_cli.domain.manifests.report import ObjectFate

VERSION = "gitops-cli/v1"
KIND = "drift-baseline"
_LASTING = (State.DIFFERS, State.FAILED, State.MISSING)  # a rollout that goes on is none of these
_SECRET = ("", "Secret")


class BadBaseline(ValueError):
    """A file that holds no baseline; `line` is where that shows."""

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.line = line


class Drift(NamedTuple):
    """One difference. `what` differs: `web`, `web/app`, `configmap/settings`.

    `live` is what the cluster has: an image, or a hash of what an apply would change. With another
    one it is another difference, and not known.
    """

    environment: str
    what: str
    state: str
    live: str

    def __str__(self) -> str:
        return f"{self.environment}: {self.what} {self.state}"


class BaselineVerdict(NamedTuple):
    """The differences by what the baseline says of them; `gone` are known and no longer there."""

    known: tuple[Drift, ...] = ()
    new: tuple[Drift, ...] = ()
    gone: tuple[Drift, ...] = ()


def drifts_of(result: Diff) -> tuple[Drift, ...]:
    """Return the lasting differences of a comparison."""
    return tuple(sorted({d for comparison in result.environments for d in _drifts(comparison)}))


def _drifts(comparison: Comparison) -> Iterator[Drift]:
    for row in comparison.rows:
        if row.state in _LASTING:
            what = str(row.service)
            if row.container not in (None, row.service):
                what = f"{what}/{row.container}"
            live = "" if row.recorded is None else str(row.recorded)
            yield Drift(row.environment, what, row.state.value, live)
    if comparison.objects is not None:
        from gitops_cli.domain.manifests.report import state_word  # as the objects themselves

        for fate in comparison.objects.fates:
            if fate.diff_code is ExitCode.NO:
                yield Drift(comparison.environment, str(fate.id), state_word(fate), _hash(fate))


def _hash(fate: ObjectFate) -> str:
    """Return a hash of what an apply would change; of a Secret, of where it would."""
    import hashlib  # with OpenSSL, 4 ms that no other diff takes

    operations = [] if fate.change is None else fate.change.operations()
    if fate.id.type == _SECRET:
        operations = [{"op": each["op"], "path": each["path"]} for each in operations]
    text = json.dumps(operations, sort_keys=True)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def judged_by(known: Collection[Drift], result: Diff, *, whole: bool) -> BaselineVerdict:
    """Tell known differences from new ones. `whole`: all services were looked at."""
    here = drifts_of(result)
    seen = {comparison.environment for comparison in result.environments if _is_told(comparison)}
    gone = (drift for drift in known if whole and drift.environment in seen)
    return BaselineVerdict(
        tuple(drift for drift in here if drift in known),
        tuple(drift for drift in here if drift not in known),
        tuple(sorted(drift for drift in gone if drift not in here)),
    )


def _is_told(comparison: Comparison) -> bool:
    return not comparison.problems


def exit_code(result: Diff, verdict: BaselineVerdict) -> ExitCode:
    """Return the code that speaks for a comparison: known differences are none."""
    code = result.exit_code
    if code is not ExitCode.NO or verdict.new:
        return code
    rolling = any(row.state is State.ROLLING for c in result.environments for row in c.rows)
    steps = any(step.diff_code is not ExitCode.OK for c in result.environments for step in c.steps)
    return ExitCode.NO if rolling or steps else ExitCode.OK


def renewed(known: Iterable[Drift], result: Diff, *, whole: bool) -> tuple[Drift, ...]:
    """Return the baseline as it is now; what was not looked at stays known."""
    seen: set[str] = {EnvironmentName(c.environment) for c in result.environments}
    kept = (drift for drift in known if not whole or drift.environment not in seen)
    return tuple(sorted({*kept, *drifts_of(result)}))


def baseline_text(known: Iterable[Drift]) -> str:
    """Return the content of a baseline's file, a line for each difference."""
    lines = [json.dumps(drift._asdict(), ensure_ascii=False) for drift in known]
    entries = ",\n    ".join(lines)
    body = f"[\n    {entries}\n  ]" if lines else "[]"
    head = f'  "apiVersion": "{VERSION}",\n  "kind": "{KIND}",\n'
    return "{\n" + head + f'  "known": {body}\n' + "}\n"


def parse_baseline(text: str) -> frozenset[Drift]:
    """Return what a file says; raises BadBaseline."""
    try:
        content: Any = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadBaseline(f"no JSON: {error.msg}", error.lineno) from error
    except RecursionError as error:
        raise BadBaseline("nested too deeply") from error
    is_ours = isinstance(content, Mapping) and content.get("kind") == KIND
    if not is_ours or content.get("apiVersion") != VERSION:
        raise BadBaseline(f"no {KIND} of {VERSION}")
    entries = content.get("known")
    if not isinstance(entries, list):
        raise BadBaseline("`known` is no list")
    return frozenset(map(_drift, entries))


def _drift(entry: Any) -> Drift:
    given: Mapping[str, Any] = entry if isinstance(entry, Mapping) else {}
    found = [given.get(field) for field in Drift._fields]
    if not all(isinstance(value, str) for value in found):
        raise BadBaseline(f"an entry of `known` has not the texts {', '.join(Drift._fields)}")
    return Drift(*map(str, found))
