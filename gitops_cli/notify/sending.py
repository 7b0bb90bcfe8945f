"""Sends notices to the targets that this machine knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from gitops_cli.domain.errors import GitOpsError
from gitops_cli.domain.notices import Notice, document, text_of, title_of
from gitops_cli.domain.recorded.notify import NoticeRules
from gitops_cli.notify.failing import NotSent
from gitops_cli.notify.targets import NoticeTarget, find_target


def send_all(
    wanted: Iterable[tuple[NoticeRules, Notice]], environ: Mapping[str, str], directory: Path
) -> Iterator[str]:
    """Send each notice to its target; yield a warning for each target that did not get all.

    One that fails is left alone: it would be waited for again, notice after notice.
    """
    failed: set[str] = set()
    for rules, notice in wanted:
        if rules.name in failed:
            continue
        try:
            target = find_target(rules.name, environ, directory)
            if target is not None:
                _send(target, notice, rules.template)
        except (NotSent, OSError, GitOpsError, UnicodeError) as error:
            failed.add(rules.name)
            yield f"the notice for {rules.name} was not sent: {_why(error)}"


def _why(error: Exception) -> str:
    match error:
        case OSError():
            return error.strerror or "the operating system failed"
        case UnicodeError():  # it would show characters of a secret
            return "its address or secret is no text"
    return str(error)


def _send(target: NoticeTarget, notice: Notice, template: str | None) -> None:
    text = text_of(notice, template)
    scheme = target.url.partition(":")[0].lower()
    if scheme in ("http", "https"):
        from gitops_cli.notify.webhook import post

        post(target.url, target.secret, document(notice, text))
    else:
        from gitops_cli.notify.apprised import tell

        tell(target.url, title_of(notice), text)
