"""The agent's work: look at the remote, make the cluster follow, and tell the truth about it."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from gitops_cli.agent.manifested import ManifestReader
from gitops_cli.agent.model.outcome import Round, Visit
from gitops_cli.agent.model.spec import NAME
from gitops_cli.agent.model.status import AgentStatus, Result, short
from gitops_cli.agent.reports import read_status
from gitops_cli.agent.telling import differs, event, is_news, problem, what_was_done, written
from gitops_cli.domain.cluster.comparison import State
from gitops_cli.domain.cluster.sync import Deed, Followed
from gitops_cli.domain.errors import (
    Bug,
    Denied,
    ExitCode,
    GitOpsError,
    UnknownEnvironment,
    UntrustedCommit,
    worst,
)
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.stamp import as_stamp
from gitops_cli.domain.text import without_secrets
from gitops_cli.operations.desired import Desired
from gitops_cli.operations.diff import diff
from gitops_cli.operations.placement import Clusters
from gitops_cli.operations.ports import Objects
from gitops_cli.operations.sync import plan_sync
from gitops_cli.operations.sync_apply import apply_plan
from gitops_cli.web.parallel import ask_all

if TYPE_CHECKING:
    from gitops_cli.agent.model.stepped import StepsRecord
    from gitops_cli.agent.signers import Signers
    from gitops_cli.agent.stepping import AgentSteps, Stepped
    from gitops_cli.agent.tip_reader import TipReader

T = TypeVar("T")

PACK = "tip.pack"
_ALIVE = 30.0  # seconds, of a minute after three of which an agent is taken for dead
_PACK_LIMIT = 600_000  # bytes; a ConfigMap may have 1 MiB, and base64 needs a third more


class FollowedTip(NamedTuple):
    """What a round follows: a snapshot, and the note that it is not the tip, if so."""

    desired: Desired
    tip: str
    distrust: str | None = None


class Agent:
    """Makes environments follow one repository; remembers between rounds what it said."""

    def __init__(
        self,
        tips: TipReader,
        clusters: Clusters,
        objects: Objects,
        environments: Sequence[EnvironmentName],
        *,
        now: Callable[[], datetime],
        version: str,
        interval: int | None = None,
        signers: Signers | None = None,
        images_only: frozenset[EnvironmentName] = frozenset(),
        steps: AgentSteps | None = None,
    ) -> None:
        self._tips = tips
        self._clusters = clusters
        self._objects = objects
        self._environments = tuple(environments)
        self._now = now
        self._version = version
        self._interval = interval
        self._signers = signers
        self._manifests = ManifestReader(tips, clusters, images_only)
        self._steps = steps
        self._said: dict[EnvironmentName, AgentStatus] = {}
        self._following: FollowedTip | None = None

    def round(
        self, stop: threading.Event | None = None, *, beat: Callable[[], None] = lambda: None
    ) -> Round:
        """Do one round. Once `stop` is set no further environment is begun; begun ones end.

        `beat` is called whenever one is done: a round over many may take long.
        """
        following = _or_error(lambda: self._follow(self._tips.look()))
        ending = stop or threading.Event()

        def visit(environment: EnvironmentName) -> Visit | None:
            if ending.is_set():
                return None
            done = self._visit(environment, following, stepped.get(environment))
            beat()
            return done

        stepped: Mapping[EnvironmentName, Stepped] = {}
        # Steps may take their time: who has none is served before.
        slow = [name for name in self._environments if self._steps and name in self._steps.pins]
        done = ask_all(visit, [name for name in self._environments if name not in slow])
        if slow and not ending.is_set():
            stepped = self._stepped(slow, following, beat)
        done += ask_all(visit, slow)
        visits = [found for found in done if found is not None]
        team = None if self._following is None else self._following.desired.snapshot.team
        if isinstance(following, GitOpsError):
            return Round(None, tuple(visits), team=team)
        at = None if following.distrust else following.desired.committed_at
        return Round(following.tip, tuple(visits), at, team)

    # --- what to follow

    @property
    def _is_one_shot(self) -> bool:
        """Tell whether the next run begins with an empty disk, so that a pack helps it.

        Not where signatures count: which commit is the newest trusted one takes history.
        """
        alone = len(self._environments) == 1
        return self._interval is None and self._signers is None and alone

    def _follow(self, tip: str) -> FollowedTip:
        known = self._following
        if known is not None and known.tip == tip and self._signers is None:
            return known  # with signers the answer may change without a new commit
        if self._is_one_shot:
            self._recall(tip)
        tip = self._tips.bring(tip)
        commit, distrust = self._trusted(tip)
        found = Desired(
            self._tips.snapshot(commit, only=frozenset(self._environments)),
            Followed(commit, fresh=True, judged=tip),
            self._tips.commit(commit).committed_at,
        )
        self._following = FollowedTip(found, tip, distrust)
        return self._following

    def _recall(self, tip: str) -> None:
        """Take the state from what the last run left, if it was of this very tip: no fetch then."""
        [environment] = self._environments
        try:
            config = self._objects.get("ConfigMap", environment, NAME) or {}
        except GitOpsError:
            return  # the round itself will say what is wrong there
        status, _ = read_status(self._objects, environment, config)
        self._said[environment] = status
        packed = (config.get("binaryData") or {}).get(PACK)
        if status.tip != tip or packed is None:
            return
        with suppress(ValueError):
            self._tips.unpack(base64.b64decode(packed), tip, environment)

    def _trusted(self, tip: str) -> tuple[str, str | None]:
        if self._signers is None:
            return tip, None
        with self._signers.unpacked() as (ssh_signers, keyring):
            commit = self._tips.newest_trusted(tip, ssh_signers=ssh_signers, keyring=keyring)
        if commit is None:
            raise UntrustedCommit(
                f"no commit up to {tip[:7]} is signed by an allowed signer",
                hint="sign commits with an allowed key, or add the signer",
            )
        if commit == tip:
            return tip, None
        return commit, (
            f"{tip[:7]} is not signed by an allowed signer; "
            f"{commit[:7]}, the newest that is, is followed instead"
        )

    # --- steps

    def _stepped(
        self,
        environments: Sequence[EnvironmentName],
        following: FollowedTip | GitOpsError,
        beat: Callable[[], None],
    ) -> Mapping[EnvironmentName, Stepped]:
        """Run the steps of environments where they are due, before these follow."""
        if self._steps is None or isinstance(following, GitOpsError):
            return {}
        from gitops_cli.agent.stepping import Stepped, repeating

        steps = self._steps
        found: dict[EnvironmentName, Stepped] = {}
        before: dict[EnvironmentName, StepsRecord | None] = {}
        for name in environments:
            said = _or_error(partial(self._read_before, name))
            if isinstance(said, GitOpsError):  # nobody knows what has been applied
                found[name] = Stepped(error=said)
            else:
                before[name] = said.steps
        with repeating(
            partial(self._say_busy, tuple(before)), min(_ALIVE, self._interval or _ALIVE)
        ):
            done = _or_error(lambda: steps.run(following.desired, before, beat))
        if isinstance(done, GitOpsError):
            return found | {name: Stepped(before[name], error=done) for name in before}
        return found | done

    def _say_busy(self, environments: Sequence[EnvironmentName]) -> None:
        """Let nobody think that an agent stands still whose steps take their time."""
        said = {"last-attempt": as_stamp(self._now()), "message": "its steps are running"}
        for name in environments:
            self._objects.write_data(name, NAME, said)

    # --- one environment

    def _visit(
        self,
        environment: EnvironmentName,
        following: FollowedTip | GitOpsError,
        stepped: Stepped | None,
    ) -> Visit:
        before = self._before(environment)
        if self._steps is None or not isinstance(following, GitOpsError):
            before = before._replace(steps=stepped and stepped.record)
        if isinstance(following, GitOpsError):
            visit = _failed(before, following)
        elif stepped is not None and stepped.error is not None:
            seen = before._replace(tip=following.tip)
            visit = _failed(seen, stepped.error, stepped.words or "nothing was changed")
        else:
            done = _or_error(lambda: self._synced(environment, before, following))
            visit = _failed(before, done) if isinstance(done, GitOpsError) else done
            visit = _with_steps(visit, stepped.words) if stepped and stepped.words else visit
        status = visit.status._replace(
            last_attempt=self._now(),
            interval=self._interval,
            version=self._version,
        )
        if visit.status.error is None:
            status = status._replace(last_success=status.last_attempt)
        return self._told(visit._replace(status=status), before, following)

    def _before(self, environment: EnvironmentName) -> AgentStatus:
        """Return what was said last; by an earlier process, if this one has said nothing yet."""
        found = _or_error(lambda: self._read_before(environment))
        # The visit itself will say what is wrong there.
        return AgentStatus(environment) if isinstance(found, GitOpsError) else found

    def _read_before(self, environment: EnvironmentName) -> AgentStatus:
        if environment not in self._said:
            self._said[environment], _ = read_status(self._objects, environment)
        return self._said[environment]

    def _synced(
        self, environment: EnvironmentName, before: AgentStatus, following: FollowedTip
    ) -> Visit:
        desired = following.desired
        if environment not in desired.snapshot.environments:
            raise UnknownEnvironment(
                f"{environment} is not in the repository at {(desired.ours.commit or '')[:7]}",
                hint=f"uninstall its agent: gitops agent uninstall {environment}",
            )
        found = self._manifests(environment, desired)
        plan = plan_sync(
            desired,
            [environment],
            self._clusters,
            self._tips,
            now=self._now(),
            actor=lambda: NAME,
            manifests=found.manifested,
        )
        report = apply_plan(plan, self._tips)
        problems = [*(p.message for p in found.problems), *map(problem, report.environments)]
        code = worst([report.exit_code, *(p.exit_code for p in found.problems)])
        message = what_was_done(report, found.left)
        waiting = False
        if report.changed or not all(outcome.settled for outcome in report.outcomes):
            compared = diff(desired, [environment], self._clusters, now=self._now())
            rows = [row for one in compared.environments for row in one.rows]
            failed = [f"{r.service}: {r.reason}" for r in rows if r.state is State.FAILED]
            waiting = any(row.state is State.ROLLING for row in rows)
            problems += failed
            code = worst([code, *([ExitCode.ROLLOUT_FAILED] if failed else [])])
        if following.distrust is not None:
            problems.append(following.distrust)
            code = worst([code, ExitCode.BLOCKED])
        told = [text for text in problems if text]
        quiet = Result.WAITING if waiting else Result.IN_SYNC
        status = before._replace(
            tip=following.tip,
            result=Result.FAILED if told else Result.CHANGED if report.changed else quiet,
            message=message,
            error=short("; ".join(told)) if told else None,
        )
        if not told:
            status = status._replace(commit=desired.ours.commit)
        known_before = before.commit == desired.ours.commit
        return Visit(
            status,
            code,
            mended=sum(o.done is Deed.PATCHED for o in report.outcomes) if known_before else 0,
            drift=sum(o.done not in (Deed.PATCHED, Deed.UNCHANGED) for o in report.outcomes),
        )

    # --- telling

    def _told(
        self, visit: Visit, before: AgentStatus, following: FollowedTip | GitOpsError
    ) -> Visit:
        """Write the status where `agent status` and kubectl read it; a failure is the visit's."""
        status = visit.status
        again = before.result is Result.CHANGED
        visit = visit._replace(is_news=is_news(status, before), mended_before=again)
        failure = _or_error(lambda: self._tell(status, before, following))
        if failure is not None:
            told = f"the status could not be written: {failure.message}"
            both = f"{status.error}; {told}" if status.error else told
            failed = status._replace(error=short(both), result=Result.FAILED)
            # A Job that cannot note what it said would say it each minute: it gets stale instead.
            news = self._interval is not None and is_news(failed, before)
            self._said[status.environment] = failed
            code = worst([visit.exit_code, failure.exit_code])
            return visit._replace(status=failed, exit_code=code, is_news=news)
        self._said[status.environment] = status
        return visit

    def _tell(
        self, status: AgentStatus, before: AgentStatus, following: FollowedTip | GitOpsError
    ) -> None:
        more = self._news(status, following)
        self._objects.write_data(status.environment, NAME, written(status), **more)
        if differs(status, before):
            with suppress(Denied):  # the right to create Events is optional
                self._objects.record_event(status.environment, event(status))

    def _news(self, status: AgentStatus, following: FollowedTip | GitOpsError) -> dict[str, Any]:
        """Return the pack that spares the next run its fetch, if this one had to make one."""
        if not self._is_one_shot:
            return {}
        if isinstance(following, GitOpsError) or self._tips.fetches == 0:
            return {}
        pack = self._tips.pack(following.tip, status.environment)
        small = len(pack) <= _PACK_LIMIT
        return {"binaryData": {PACK: base64.b64encode(pack).decode() if small else None}}


def _or_error(work: Callable[[], T]) -> T | GitOpsError:
    """Return what `work` returns, or why it failed: one environment must not keep the others."""
    try:
        return work()
    except GitOpsError as error:
        return error
    except Exception as error:  # a bug; it is told like any failure, and the next round tries
        import logging

        logging.getLogger(__name__).error("this is a bug in gitops", exc_info=error)
        what = without_secrets(f"{type(error).__name__}: {error}")
        return Bug(f"this is a bug in gitops: {what}")


def _with_steps(visit: Visit, words: str) -> Visit:
    said = ", ".join(filter(None, [words, visit.status.message]))
    return visit._replace(status=visit.status._replace(message=short(said)))


def _failed(before: AgentStatus, error: GitOpsError, message: str = "nothing was changed") -> Visit:
    hint = f" ({error.hint})" if error.hint else ""
    return Visit(
        before._replace(
            result=Result.FAILED,
            message=message,
            error=short(f"{error.message}{hint}"),
        ),
        error.exit_code,
    )
