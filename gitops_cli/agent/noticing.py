"""What an agent's round has of news, for the targets that its pod knows.

News is what the run before did not say: that is in the status, so a CronJob knows it, too. What
is the same in many environments, such as a git server that is down, is one notice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from gitops_cli.agent.model.outcome import Round, Visit
from gitops_cli.agent.model.spec import NAME
from gitops_cli.agent.model.status import Result
from gitops_cli.domain.notices import Notice, together, wanted
from gitops_cli.domain.recorded.notify import Event
from gitops_cli.domain.text import plural


class Postman(NamedTuple):
    """Delivers news; `warn` takes what did not arrive."""

    directory: Path
    environ: Mapping[str, str]
    warn: Callable[[str], None]
    now: Callable[[], datetime]

    def deliver(self, result: Round) -> None:
        """Send what a round has of news."""
        if result.team is None or not result.team.notify:
            return
        news = [one for visit in result.visits for one in news_of(visit, self.now())]
        to_send = list(wanted(together(news), result.team))
        if to_send:
            from gitops_cli.notify.sending import send_all  # few rounds have news

            for warning in send_all(to_send, self.environ, self.directory):
                self.warn(warning)


def news_of(visit: Visit, now: datetime) -> Iterator[Notice]:
    """Yield what is new in an environment."""
    status = visit.status
    if not visit.is_news:
        return
    if status.error is not None:
        yield _notice(visit, Event.FAILED, f"the agent fails: {status.error}", now)
        return
    if visit.mended:
        if not visit.mended_before:
            what = plural(visit.mended, "service")
            said = f"{what} had been changed past git, and set back: {status.message}"
            yield _notice(visit, Event.DRIFT, said, now)
    elif status.result is Result.CHANGED:
        yield _notice(visit, Event.SYNCED, f"follows {status.message}", now)
    else:
        yield _notice(visit, Event.SYNCED, "the agent works again", now)


def _notice(visit: Visit, event: Event, summary: str, now: datetime) -> Notice:
    status = visit.status
    return Notice(event, (status.environment,), summary, now, by=NAME, commit=status.tip)
