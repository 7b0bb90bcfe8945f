"""`[notify.NAME]` of gitops.toml, read strictly."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from gitops_cli.domain.recorded.notify import (
    ADDRESS_KEYS,
    FIELDS,
    Event,
    NoticeRules,
    is_target,
    variable_of,
)
from gitops_cli.domain.recorded.template import check_template
from gitops_cli.domain.settings import Settings, one_of
from gitops_cli.domain.text import one_line

_KEYS = ("events", "stages", "template")


def read_notices(top: Settings, stages: Collection[str]) -> dict[str, NoticeRules]:
    """Return the rules of each target whose name can be one."""
    return {name: _notify(name, top, stages) for name in _targets(top)}


def _targets(top: Settings) -> list[str]:
    names = top.names("notify")
    for name in names:
        if not is_target(name):
            message = (
                f"`{one_line(name)}` is not a short name of lower-case letters, digits and `-`"
            )
            top.table("notify", None).wrong(name, message)
    return [name for name in names if is_target(name)]


def _notify(name: str, top: Settings, stages: Collection[str]) -> NoticeRules:
    reader = top.table("notify", None).table(name, None)
    for key in ADDRESS_KEYS:
        if key in reader.content:
            # What it is may be a secret, so it is not shown.
            reader.wrong(
                key,
                "an address or a secret has no place in the repository: whoever may push would "
                "say whom everybody's machine talks to",
                hint=f"take it out, change the secret, and set {variable_of(name)} for who sends",
            )
    reader._replace(
        content={key: value for key, value in reader.content.items() if key not in ADDRESS_KEYS}
    ).only(_KEYS)
    return NoticeRules(
        name,
        frozenset(reader.texts("events", (), check=Event)),
        reader.texts("stages", None, check=one_of(stages)),
        reader.text("template", check=partial(check_template, fields=FIELDS)),
    )
