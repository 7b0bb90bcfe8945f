"""Notices: what happened, in words for people and as a document, and who wants to hear of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.notify import Event, NoticeRules
from gitops_cli.domain.recorded.stages import place_of
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.recorded.template import filled
from gitops_cli.domain.stamp import as_stamp
from gitops_cli.domain.text import one_line, plural, without_secrets

_NAMED = 5
# Slack's <!channel> and <@U1>, and what Discord, Mattermost and others make of an @.
_CALLS = r"(?i)<(?=[!@#])|(?<!\w)@(?=(?:all|channel|everyone|here)\b)"
_LONGEST = 1000  # characters of what others said


class Notice(NamedTuple):
    """One event. `summary` says by itself what happened; `commit` is the state's."""

    event: Event
    environments: tuple[EnvironmentName, ...]
    summary: str
    at: datetime
    services: tuple[ServiceName, ...] = ()
    by: str | None = None
    reason: str | None = None
    commit: str | None = None
    run: str | None = None


def wanted(notices: Iterable[Notice], team: TeamSettings) -> Iterator[tuple[NoticeRules, Notice]]:
    """Yield each notice for each table that asks for it, of the environments it asks for."""
    told = list(notices)
    for rules in team.notify.values():
        for notice in told:
            names = tuple(
                name
                for name in notice.environments
                if rules.stages is None or place_of(name, team).stage in rules.stages
            )
            if notice.event in rules.events and names:
                yield rules, notice._replace(environments=names)


def together(notices: Iterable[Notice]) -> list[Notice]:
    """Return notices of which those that say the same of several environments are one."""
    found: dict[tuple[Event, str], Notice] = {}
    for notice in notices:
        key = (notice.event, notice.summary)
        same = found.get(key)
        found[key] = (
            notice
            if same is None
            else same._replace(
                environments=tuple(sorted({*same.environments, *notice.environments})),
                services=tuple(sorted({*same.services, *notice.services})),
            )
        )
    return list(found.values())


def text_of(notice: Notice, template: str | None) -> str:
    """Return the line that people read; what others wrote in it is one line, too.

    Without a template it is the summary, with the environments where that names none.
    """
    if template is None:
        named = any(name in notice.summary for name in notice.environments)
        template = "{summary}" if named else "{environment}: {summary}"
    line = filled(
        template,
        {
            "event": notice.event.value,
            "environment": _some(notice.environments),
            "services": _some(notice.services),
            "summary": _calling_nobody(notice.summary),
            "by": _calling_nobody(notice.by or ""),
            "reason": _calling_nobody(notice.reason or ""),
            "commit": (notice.commit or "")[:7],
        },
    )
    return one_line(without_secrets(line))[:_LONGEST]


def _calling_nobody(text: str) -> str:
    """Return what somebody wrote without what calls a whole channel where it is shown.

    A template may call one: that was agreed on.
    """
    return re.sub(_CALLS, lambda found: f"{found[0]} ", text)


def _some(names: tuple[str, ...]) -> str:
    if len(names) <= _NAMED:
        return ", ".join(names)
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"


def title_of(notice: Notice) -> str:
    """Return the subject of a mail."""
    where = (
        notice.environments[0]
        if len(notice.environments) == 1
        else plural(len(notice.environments), "environment")
    )
    return f"gitops: {notice.event} in {where}"


def document(notice: Notice, text: str) -> dict[str, Any]:
    """Return what a webhook gets."""
    return {
        "apiVersion": "gitops-cli/v1",
        "kind": "notice",
        "event": notice.event.value,
        "at": as_stamp(notice.at),
        "environments": list(notice.environments),
        "services": list(notice.services),
        "text": text,
        "summary": one_line(without_secrets(notice.summary))[:_LONGEST],
        "by": notice.by and one_line(notice.by),
        "reason": notice.reason and one_line(without_secrets(notice.reason))[:_LONGEST],
        "commit": notice.commit,
        "run": notice.run and one_line(notice.run),
    }
