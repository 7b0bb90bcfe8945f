"""Objects of manifests beside those of a cluster: a diff for each, and a document."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from gitops_cli.domain.manifests.report import (
    Conflict,
    EnvironmentObjects,
    Fate,
    FieldsTaken,
    ObjectFate,
    state_word,
)
from gitops_cli.domain.text import one_line, plural, spoken
from gitops_cli.render.view import Line, Style, verbatim

_STYLES = {
    Fate.ADOPTED: Style.INFO,
    Fate.CREATED: Style.GOOD,
    Fate.CHANGED: Style.WARN,
    Fate.LEFT: Style.WARN,
    Fate.EXTRA: Style.WARN,
    Fate.KEPT: Style.DIM,
    Fate.PRUNED: Style.BAD,
    Fate.NOT_TRIED: Style.WARN,
    Fate.ERROR: Style.BAD,
}
# What a commit would do to those that are recorded: the first had it not, or the second has not.
_PLANNED = {
    Fate.EXTRA: "added",
    Fate.CHANGED: "changed",
    Fate.CREATED: "removed from the repository",
}
_MARKS = {"+": Style.GOOD, "-": Style.BAD, "@": Style.INFO}
_CONTEXT = 2  # lines around a change
_MOST_LINES = 400  # of one object; -o json has all of it


def object_document(fate: ObjectFate, *, done: bool) -> dict[str, Any]:
    """Return one object in full; `done`: what a sync made of it, else how it differs."""
    id_, error = fate.id, fate.error
    conflicts = error.conflicts if isinstance(error, FieldsTaken) else ()
    return {
        "group": id_.group,
        "kind": id_.kind,
        "namespace": id_.namespace,
        "name": id_.name,
        "path": fate.where,
        ("action" if done else "state"): fate.done.value if done else state_word(fate),
        "patch": [] if fate.change is None else fate.change.operations(),
        "conflicts": [_conflict_document(conflict) for conflict in conflicts],
        "reason": fate.reason,
        "error": None
        if error is None
        else {
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
            "exit_code": int(error.exit_code),
        },
    }


def _conflict_document(conflict: Conflict) -> dict[str, Any]:
    return {"manager": conflict.manager, "fields": list(conflict.fields)}


def summary(fates: Iterable[ObjectFate]) -> dict[str, int]:
    """Return how many objects are how."""
    return dict(Counter(map(state_word, fates)))


def diff_lines(objects: EnvironmentObjects) -> Iterator[Line]:
    """Yield what differs, object by object, and how many are as they should be."""
    same = 0
    for fate in objects.fates:
        if fate.fate is Fate.SAME and fate.error is None:
            same += 1
        else:
            yield from _object_lines(fate, state_word(fate))
    total = plural(len(objects.fates), "object")
    if same == len(objects.fates):
        yield Line(f"{total} in sync", Style.DIM)
    elif same:
        yield Line(f"{same} of {total} in sync", Style.DIM)


def plan_lines(objects: EnvironmentObjects) -> Iterator[Line]:
    """Yield what a commit would make of the recorded objects, one after the other."""
    for fate in objects.fates:
        if fate.fate is not Fate.SAME:
            yield from _object_lines(fate, _PLANNED.get(fate.fate, fate.fate))


def planned_document(fate: ObjectFate) -> dict[str, Any]:
    """Return what a commit would make of a recorded object."""
    id_ = fate.id
    return {
        "group": id_.group,
        "kind": id_.kind,
        "namespace": id_.namespace,
        "name": id_.name,
        "path": fate.where,
        "action": _PLANNED.get(fate.fate, fate.fate.value).split()[0],
        "patch": [] if fate.change is None else fate.change.operations(),
    }


def done_lines(objects: EnvironmentObjects, *, dry_run: bool) -> Iterator[Line]:
    """Yield what a sync did, or would do, to objects, one line each."""
    for fate in objects.fates:
        if fate.fate is Fate.SAME and fate.error is None:
            continue
        would = "would be " if dry_run and fate.is_written else ""
        failed = "failed" if fate.error is not None else fate.fate.value
        yield from _heading(fate, f"{would}{failed}")


def _heading(fate: ObjectFate, state: str) -> Iterator[Line]:
    style = Style.BAD if fate.error is not None else _STYLES.get(fate.fate, Style.PLAIN)
    reason = fate.reason or (one_line(fate.error.message) if fate.error else None)
    said = f": {reason}" if reason else ""
    where = f" ({fate.where})" if fate.where else ""
    yield Line(f"{fate.id}{where} {spoken(state)}{said}", style)
    if fate.error is not None and fate.error.hint:
        yield Line(f"  hint: {fate.error.hint}", Style.DIM)


def _object_lines(fate: ObjectFate, state: str) -> Iterator[Line]:
    yield from _heading(fate, state)
    if fate.change is None or fate.change.is_empty:
        return
    before, after = (_yaml(content) for content in fate.change)
    lines = difflib.unified_diff(before, after, n=_CONTEXT, lineterm="")
    shown = [line for line in lines if not line.startswith(("---", "+++"))]
    for line in shown[:_MOST_LINES]:
        yield verbatim(f"  {line}", _MARKS.get(line[:1], Style.PLAIN))
    if len(shown) > _MOST_LINES:
        yield Line(f"  … {len(shown) - _MOST_LINES} lines more; -o json has all", Style.DIM)


def _yaml(content: Any) -> list[str]:
    if content is None:
        return []
    import yaml  # of objects that differ only

    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=2**31)
    return str(text).splitlines()
