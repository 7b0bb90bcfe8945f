"""The title and text of a pull or merge request: what a reviewer has to know."""

from __future__ import annotations

from gitops_cli.domain.change.draft import Draft, WriteOutcome
from gitops_cli.domain.change.request import shortened
from gitops_cli.domain.change.several import Drafts
from gitops_cli.domain.text import one_line
from gitops_cli.render.change import Changelogs, plan_view
from gitops_cli.render.markdown import markdown
from gitops_cli.render.safe import for_markdown
from gitops_cli.render.view import View

LONGEST_TITLE = 240  # characters; GitHub takes 256, GitLab 255
_LEAST_OF_A_PLAN = 200  # characters that say anything


def request_title(subject: str) -> str:
    """Return the subject of the commit, which a squash makes one of again."""
    title = one_line(subject)
    return title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 1]}…"


def request_text(outcome: WriteOutcome, changelogs: Changelogs | None, *, longest: int) -> str:
    """Return the plan as Markdown, why, and what follows a merge, in `longest` characters.

    Where that is too long, without the source commits; then with as many rows as there is room.
    """
    parts = outcome.draft.parts
    reason = parts[0].reason
    why = [f"**Why:** {for_markdown(reason)}"] if reason else []
    branch = outcome.review.branch if outcome.review else ""
    rest = "\n\n".join([*why, _what_follows(outcome.draft, branch)])
    room = max(longest - len(rest), _LEAST_OF_A_PLAN)
    plan = markdown(plan_view(outcome, changelogs))
    if len(plan) > room:
        bare = {c: log._replace(commits=(), removed=()) for c, log in (changelogs or {}).items()}
        plan = markdown(plan_view(outcome, bare or None))
    return f"{shortened(plan, room)}\n\n{rest}"


def moving_text(plan: View, reason: str | None, branch: str, *, longest: int) -> str:
    """Return the plan of what moves names or whole environments, and why."""
    rest = f"To see the state as it would be: `git fetch && git show --stat origin/{branch}`."
    why = f"**Why:** {for_markdown(reason)}\n\n{rest}" if reason else rest
    room = max(longest - len(why), _LEAST_OF_A_PLAN)
    return f"{shortened(markdown(plan), room)}\n\n{why}"


def _what_follows(draft: Draft | Drafts, branch: str) -> str:
    where = " ".join(part.environment for part in draft.parts if part.writes)
    overridden = sorted({o.value for part in draft.parts for o in part.overrides})
    said = f"Overridden: {', '.join(overridden)}.\n\n" if overridden else ""
    return (
        f"{said}Merging it records these versions; the cluster follows with its agent, or by "
        f"`gitops sync {where} --wait`. To see before what would change there: "
        f"`git fetch && gitops diff {where} --rev origin/{branch}`."
    )
