"""The composition root: the only place that builds adapters, and only when one is needed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from gitops_cli.cli.limits import Limits
from gitops_cli.cli.output import Format, Output, query_of, usual_format
from gitops_cli.domain.errors import (
    ConfigurationError,
    Declined,
    ExitCode,
    GitOpsError,
    worst,
)
from gitops_cli.domain.values import NamedTuple
from gitops_cli.render.view import View
from gitops_cli.settings import UserConfig, read_user_config

if TYPE_CHECKING:
    from gitops_cli.cli.answers import Answers
    from gitops_cli.cli.machine import Machine
    from gitops_cli.cluster.connection import KubernetesCluster
    from gitops_cli.cluster.objects import Objects
    from gitops_cli.domain.change.proposal import Actor
    from gitops_cli.domain.image import ImageRef
    from gitops_cli.domain.progress import Watch
    from gitops_cli.domain.recorded.environment import Snapshot
    from gitops_cli.domain.recorded.signed import Signed, Vouching
    from gitops_cli.domain.recorded.team import TeamSettings
    from gitops_cli.domain.release.ci import CiRun
    from gitops_cli.domain.settings import Defect
    from gitops_cli.forge.requests import Requests
    from gitops_cli.registry.client import Registries
    from gitops_cli.registry.signed import Vouched
    from gitops_cli.source.checkout import Checkout
    from gitops_cli.source.repository import Sources
    from gitops_cli.state.reach import Tip
    from gitops_cli.state.repository import StateRepository


class SharedOptions(NamedTuple):
    """The options every command has."""

    directory: Path | None = None
    repo: str | None = None
    offline: bool = False
    output: Format | None = None
    quiet: bool = False
    verbose: int = 0
    query: str | None = None


class AtTip(NamedTuple):
    """The commit a command works on, and what it records."""

    tip: Tip
    snapshot: Snapshot


class Session:
    """One run of one command: its output, its settings and its adapters, built on first use."""

    def __init__(self, options: SharedOptions, output: Output) -> None:
        self.options = options
        self.output = output
        self.exit_code = ExitCode.OK
        self.unreadable: GitOpsError | None = None
        self.report_file: Path | None = None
        self.config_is_told = False
        self._closing = ExitStack()
        self.limits = Limits()
        self._clusters: list[KubernetesCluster] = []

    def __enter__(self) -> Self:
        if self.options.output is None and self._user.output is not None:
            try:
                self.output.format = usual_format(self._user)
            except ConfigurationError as error:
                self.output.warn(error.message)  # nobody's way back fails for want of a format
        if self.options.query is not None:
            self.output.query = query_of(self.options.query, self.output.format)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.close()
        if "answers" not in self.__dict__:
            return
        same = self.answers.command(sys.argv[1:])
        if same is not None and kind in (None, Declined):
            self.output.note(f"the same without questions: {same}")

    @property
    def recorded(self) -> str | None:
        """Return the state commit that this run has written, if it has written one."""
        state: StateRepository | None = self.__dict__.get("state")
        return None if state is None else state.recorded

    def at_end(self, close: Callable[[], None]) -> None:
        """Call `close` when the command has ended, one way or another."""
        self._closing.callback(close)

    @cached_property
    def answers(self) -> Answers:
        """Return what is noted of answers to questions, for the line that needs none."""
        from gitops_cli.cli.answers import Answers  # most runs ask nothing

        return Answers()

    @cached_property
    def _user(self) -> UserConfig:
        return read_user_config()

    @property
    def user(self) -> UserConfig:
        """Return the user's config; says once what is wrong in it, which is as if it were not said.

        Who would act on that asks `need_config` first.
        """
        if self._user.defects and not self.config_is_told:
            self.config_is_told = True
            from gitops_cli.domain.settings import BadSettings  # where something is wrong

            wrong = BadSettings(*self._user.defects)
            meant = f"; {wrong.hint}" if wrong.hint else ""
            self.output.warn(f"{wrong}{meant} (left out; `gitops config edit`)")
        return self._user

    @property
    def config_defects(self) -> tuple[Defect, ...]:
        """Return what is wrong in the user's config, for who tells it: nobody else does then."""
        self.config_is_told = True
        return self._user.defects

    def need_config(self, *sections: str) -> None:
        """Raise BadSettings if these keys or tables of the user's config have something wrong."""
        self._user.need(*sections)

    @cached_property
    def machine(self) -> Machine:
        """Return what is done on this machine beside repositories and clusters."""
        from gitops_cli.cli.machine import Machine  # few commands do

        return Machine(self.output, lambda: self.directory)

    @cached_property
    def directory(self) -> Path:
        """Return where the command works: -C, or the current directory."""
        directory = self.options.directory or Path.cwd()
        if not directory.is_dir():
            raise ConfigurationError(f"-C {directory}: not a directory")
        return directory

    @cached_property
    def watch(self) -> Watch | None:
        """Return what shows how far a long fetch or reading is; None without a terminal."""
        console = self.output.stderr.console
        if console is None or self.output.quiet or not sys.stderr.isatty():
            return None
        from gitops_cli.cli.fetching import Fetching

        shown = Fetching(console)
        self.at_end(shown.close)
        return shown

    @cached_property
    def state(self) -> StateRepository:
        """Return the state repository: -R, GITOPS_REPO, from here up, or the user's config."""
        from gitops_cli.state.opening import open_repository

        return open_repository(
            self.directory,
            url=self.options.repo,
            fallback=self.user.repo,
            offline=self.options.offline,
            notify=self.output.note,
            deadline=self.limits.deadline,
            named=self.options.directory is not None,
            watch=self.watch,
        )

    def look(self, *, require_remote: bool = False, timeout: float | None = None) -> AtTip:
        """Return the tip and what it records; a note says where it is not the remote's.

        `require_remote` and `timeout` are those of `StateRepository.tip`: a writer's.
        """
        tip = self.state.tip(require_remote=require_remote, timeout=timeout)
        if tip.note:
            self.output.note(tip.note)
        return AtTip(tip, self.state.snapshot(tip.commit))

    @cached_property
    def checkout(self) -> Checkout | None:
        """Return the git checkout the command works in, unless it is the state repository.

        None also where git does not read it; `unreadable` says why.
        """
        from gitops_cli.source.checkout import checkout_at

        try:
            return None if self.in_state else checkout_at(self.directory)
        except GitOpsError as error:
            self.unreadable = error
            return None

    @cached_property
    def in_state(self) -> bool:
        """Tell whether the command works in the state repository's own checkout."""
        root = self.state.worktree
        if root is None:
            return False
        root, here = root.resolve(), self.directory.resolve()
        # A checkout of something else may lie within it.
        nearest = next((p for p in (here, *here.parents) if (p / ".git").exists()), None)
        return nearest == root

    def sources(self, team: TeamSettings) -> Sources:
        """Return the services' source repositories, as far as they can be read."""
        from gitops_cli.source.repository import Sources

        return Sources(
            team,
            checkout=self.checkout,
            base=self.state.worktree,
            offline=self.options.offline,
            deadline=self.limits.deadline,
            refusal=str(self.unreadable) if self.unreadable else None,
            watch=self.watch,
            forges=self._user.forges,
        )

    def note_troubles(self, sources: Sources) -> None:
        """Say which sources could not be asked, so that `unknown` is not taken for an answer."""
        for trouble in sources.troubles.values():
            self.output.note(f"what lies between versions is not known: {trouble}")

    @cached_property
    def ci(self) -> CiRun | None:
        """Return the CI run this is, from the variables of the known systems."""
        from gitops_cli.domain.release.ci import ci_run

        return ci_run(os.environ)

    @property
    def actor(self) -> Actor | None:
        """Return the author of what is written: in CI its actor, else whom git knows."""
        from gitops_cli.domain.release.ci import author

        return author(self.ci, os.environ)

    @cached_property
    def person(self) -> str | None:
        """Return the name of who writes, for files that say so; None if git knows nobody."""
        writer = self.writer()
        return None if writer is None else writer.name

    def writer(self) -> Actor | None:
        """Return who writes; None if git knows nobody."""
        return self.actor or self.state.author()

    def cluster(
        self,
        context: str | None,
        kubeconfig: Path | None = None,
        *,
        declared: bool = False,
        token: str | None = None,
    ) -> KubernetesCluster:
        """Return the cluster of a context, None: the current one; connects when first asked.

        `token` is a ServiceAccount's, to be used instead of the kubeconfig's user.
        """
        from gitops_cli.cluster.connection import connect

        cluster = connect(
            context,
            kubeconfig,
            declared=declared,
            deadline=self.limits.deadline,
            tell=lambda line: self.output.note(f"login | {line}"),
            watch=self.watch,
        )
        self._closing.callback(cluster.close)
        self._clusters.append(cluster)
        if token is not None:
            cluster = cluster.acting_as(token)
            self._closing.callback(cluster.close)
        return cluster

    @property
    def asked_clusters(self) -> int:
        """Return how many requests clusters were sent by now."""
        return sum(cluster.api.sent for cluster in self._clusters)

    @cached_property
    def registries(self) -> Registries:
        """Return what asks image registries; connects when first asked."""
        return self._registries(os.environ)

    @property
    def registries_to_write_by(self) -> Registries:
        """Return the same for who records what they answer; raises BadSettings."""
        self.need_config("registry")
        return self.registries

    def vouched(self, image: ImageRef, wanted: Signed, content: bytes | None) -> Vouching:
        """Judge whether an image, by its digest, is signed or attested as a stage wants it."""
        return self._vouched(image, wanted, content)

    @cached_property
    def _vouched(self) -> Vouched:
        from gitops_cli.registry.signed import Vouched  # 50 ms, and few stages want signatures

        return Vouched(lambda: self.registries)

    def registries_with(self, directory: Path) -> Registries:
        """Return what asks image registries with the credentials of a config.json, no others."""
        places = ("HOME", "DOCKER_CONFIG", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME")
        variables = {**os.environ, **dict.fromkeys(places, str(directory))}
        variables["REGISTRY_AUTH_FILE"] = str(directory / "config.json")
        return self._registries(variables)

    def _registries(self, environ: Mapping[str, str]) -> Registries:
        from gitops_cli.registry.client import QUESTION_SECONDS, Registries

        asked = self.limits.question
        seconds = QUESTION_SECONDS if asked is None else asked
        registries = Registries(
            self.user.registries,
            environ,
            timeout=min(seconds, QUESTION_SECONDS),
            deadline=self.limits.deadline,
        )
        self._closing.callback(registries.close)
        return registries

    @cached_property
    def requests(self) -> Requests | None:
        """Return the pull or merge requests of the state repository.

        None: it is on no forge that we know, or there is no token for it.
        """
        if self.options.offline:
            return None
        url = self.state.push_address(self.user.forges)
        if url is None:
            return None
        from gitops_cli.forge.client import connected  # few commands open requests
        from gitops_cli.forge.places import on_forge

        place = on_forge(url, self.user.forges, os.environ, self.state.login)
        if place is None:
            return None
        requests = connected(place, self.limits.left)
        self._closing.callback(requests.close_connection)
        return requests

    def objects(self, context: str | None, kubeconfig: Path | None) -> Objects:
        """Return what reads and writes whole objects of a cluster that no environment chose."""
        return self.cluster(context, kubeconfig).objects()

    @property
    def in_ci(self) -> bool:
        return bool(os.environ.get("CI"))

    def now(self) -> datetime:
        """Return the current time, aware."""
        return datetime.now(UTC)

    def show(self, view: View, *, paged: bool = False, columns: str | None = None) -> None:
        """Write a result to stdout; `paged`: what is longer than the terminal, through a pager.

        `columns` names those of its tables that are wanted; raises UsageError for others.
        """
        if columns is not None:
            from gitops_cli.cli.columns import chosen  # hardly ever asked for

            view = chosen(view, columns, self.output.format)
        self.output.show(view, paged=paged and not self.in_ci)

    def report_to(self, file: Path | None) -> None:
        """Append what comes of it to a file too; raises UsageError for one that cannot be."""
        if file is not None:
            from gitops_cli.cli.ci_report import check_report_file  # hardly ever asked for

            check_report_file(file)
        self.report_file = file

    def report(self, view: View) -> None:
        """Write to stdout what has been done."""
        self.output.report(view)

    def publish(self, view: View) -> None:
        """Tell the CI system of a result, where it wants to know, or somebody named a file."""
        if self.report_file is not None or self.ci is not None:
            from gitops_cli.cli.ci_report import publish  # people need not wait for it

            publish(self.output, view, self.report_file)

    def finish(self, code: ExitCode) -> None:
        """Let the command end with `code`, or a worse one, although nothing was raised."""
        self.exit_code = worst((self.exit_code, code))
