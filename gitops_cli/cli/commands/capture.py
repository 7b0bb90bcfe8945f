"""`gitops capture`."""

from __future__ import annotations

from typing import Annotated

import typer

from gitops_cli.cli.clusters import clusters_of
from gitops_cli.cli.command import command
from gitops_cli.cli.completion import complete_environment
from gitops_cli.cli.options import (
    Confirm,
    Context,
    DryRun,
    EnvToo,
    Exclude,
    Kubeconfig,
    Only,
    Reason,
    Timeout,
    Yes,
)
from gitops_cli.cli.overrides import OverrideLock, OverridePolicy, overrides_of
from gitops_cli.cli.proposing import moving, review_of_all
from gitops_cli.cli.request_options import NO_REQUEST, RequestOptions
from gitops_cli.cli.resolve import one_word
from gitops_cli.cli.session import Session
from gitops_cli.cli.writing import (
    answering,
    ask_to_overwrite,
    asked_of,
    note_writing,
    terms_of,
    warn_of,
)
from gitops_cli.domain.change.draft import Draft, Verb, review_branch
from gitops_cli.domain.change.proposal import Written
from gitops_cli.domain.change.request import ReviewBranch
from gitops_cli.domain.cluster.capturing import Captured, Exported
from gitops_cli.domain.errors import UnknownEnvironment, UsageError
from gitops_cli.domain.names import EnvironmentName, parse_environment
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.stages import the_one
from gitops_cli.domain.text import one_line
from gitops_cli.operations.capture import (
    draft_capture,
    manifest_edits,
    read_capture,
    running_workloads,
)
from gitops_cli.operations.capture_secrets import Keeping, encrypted, recipients, referred
from gitops_cli.operations.writing import Terms, preview, write_draft
from gitops_cli.render.capture import capture_view
from gitops_cli.render.view import View
from gitops_cli.render.waiting import waiting


@command
def capture(
    session: Session,
    environments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ENV",
            help="Namespace to read, and environment to write; a new one is made.",
            show_default=False,
            autocompletion=complete_environment,
        ),
    ] = None,
    env: EnvToo = None,
    images_path: Annotated[
        str | None,
        typer.Option(
            "--images-path",
            metavar="PREFIX",
            help="What stands before the service in its images; default: found from them.",
            show_default=False,
        ),
    ] = None,
    manifests: Annotated[
        bool,
        typer.Option(
            "--manifests",
            help="Also write the objects themselves, of Kubernetes' own kinds; see --secrets.",
        ),
    ] = False,
    secrets: Annotated[
        Keeping | None,
        typer.Option(
            "--secrets",
            metavar="HOW",
            help="With --manifests: `sops` keeps Secrets, too, encrypted; `references` keeps an "
            "ExternalSecret for each. Default: none.",
            show_default=False,
        ),
    ] = None,
    age: Annotated[
        list[str] | None,
        typer.Option(
            "--age",
            metavar="RECIPIENT",
            help="Encrypt for this age key; default: the keys of .sops.yaml.",
            show_default=False,
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            "--store",
            metavar="[KIND/]NAME",
            help="SecretStore that references name.",
            show_default=False,
        ),
    ] = None,
    own_kinds: Annotated[
        list[str] | None,
        typer.Option(
            "--kind",
            metavar="NAME",
            help="With --manifests: also objects of this kind, such as certificates.cert-manager.io"
            "; may be repeated.",
            show_default=False,
        ),
    ] = None,
    only: Only = None,
    exclude: Exclude = None,
    message: Reason = None,
    override_lock: OverrideLock = False,
    override_policy: OverridePolicy = False,
    request: RequestOptions = NO_REQUEST,
    dry_run: DryRun = False,
    yes: Yes = False,
    confirm: Confirm = None,
    timeout: Timeout = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Record the versions that a running namespace has: adopt an existing cluster.

    Every workload of a kind that is followed, whose image is the images_path and its own name, gets
    its file, in one commit. The cluster is only read. What would replace a recorded version is
    shown first, and asked about: it may be a rollback that the cluster did not follow.

    Examples:
    gitops capture shop-production --dry-run
    gitops capture shop-production --manifests
    gitops capture shop-production --manifests --secrets sops --age age1…
    """
    _check_keeping(secrets, age, store, manifests=manifests)
    if own_kinds and not manifests:
        raise UsageError("--kind goes with --manifests")
    session.limits.begin(timeout)
    environment = one_word(environments, env)
    overrides = overrides_of(message, lock=override_lock, policy=override_policy)
    clusters = clusters_of(session, context, kubeconfig, acts=True)
    snapshot = session.look(require_remote=True).snapshot
    team = snapshot.team
    try:
        name = the_one(environment, snapshot.environments.keys(), team)
    except UnknownEnvironment:
        name = parse_environment(environment)
    cluster = clusters.of(name, team)
    workloads, left_out = running_workloads(
        cluster, name, only=tuple(only or ()), exclude=tuple(exclude or ())
    )
    for note in left_out:
        session.output.warn(note)
    found = read_capture(snapshot, name, workloads, images_path=images_path)
    exported = None
    if manifests:
        named = [(w.kind, w.name) for w in workloads]
        own = tuple(dict.fromkeys(own_kinds or ()))
        exported = cluster.export(name, named, secrets=secrets is not None, own=own)
        exported = _kept(session, exported, snapshot, name, secrets, tuple(age or ()), store)
    branch = review_branch(name, verb=Verb.CAPTURE)
    review = review_of_all(session, request, [name], team, overrides, branch)
    terms = terms_of(session, message, overrides=overrides, confirmed=confirm)
    terms = terms._replace(reviewed=review is not None)

    def compute(now: Snapshot, terms: Terms) -> Draft:
        return draft_capture(
            now,
            name,
            found,
            seen=snapshot,
            terms=terms,
            state=session.state,
            now=session.now(),
            manifests=manifest_edits(now, name, exported, session.state) if exported else (),
        )

    def told(draft: Draft, written: Written) -> View:
        return capture_view(Captured(found, draft, written, exported))

    def write(_: str, terms: Terms) -> Captured:
        draft, written = write_draft(
            session.state,
            asked_of(session, lambda now: compute(now, terms), told),
            actor=session.actor,
            timeout=timeout,
            branch=review.branch if review else None,
        )
        return Captured(found, draft, written, exported)

    draft = preview(session.state, lambda now: compute(now, terms._replace(preview=True)))
    if dry_run:
        result = Captured(found, draft, exported=exported)
    else:
        if not (yes or confirm):
            ask_to_overwrite(session, draft, team)
        result = answering(session, write, name, terms)
    _tell(session, result, review, keeps_secrets=secrets is not None)


def _tell(
    session: Session, result: Captured, review: ReviewBranch | None, *, keeps_secrets: bool
) -> None:
    draft, written, exported = result.draft, result.written, result.exported
    warn_of(session, draft.warnings)
    for note in exported.notes if exported is not None else ():
        session.output.note(note)
    if exported is not None and exported.needed:
        names = ", ".join(map(one_line, exported.needed))
        how = "" if keeps_secrets else "; --secrets sops keeps them, encrypted"
        session.output.note(
            f"{draft.environment}: pods need Secrets that are left out: {names}{how}"
        )
    note_writing(session, written)
    show = session.report if written is not None else session.show
    shown = capture_view(result)
    if written is not None:
        review = moving(session, review, draft.proposal, written, shown, draft.reason)
    show(waiting(shown, review, draft.proposal, written))


def _check_keeping(
    secrets: Keeping | None, age: list[str] | None, store: str | None, *, manifests: bool
) -> None:
    if secrets is not None and not manifests:
        raise UsageError("--secrets goes with --manifests")
    if age and secrets is not Keeping.SOPS:
        raise UsageError("--age goes with --secrets sops")
    if (store is not None) != (secrets is Keeping.REFERENCES):
        raise UsageError(
            "--secrets references and --store go together",
            hint="--store NAME is the SecretStore, or --store ClusterSecretStore/NAME",
        )


def _kept(
    session: Session,
    exported: Exported,
    snapshot: Snapshot,
    name: EnvironmentName,
    how: Keeping | None,
    age: tuple[str, ...],
    store: str | None,
) -> Exported:
    """Return what was exported with the Secrets in the way that is said."""
    if how is Keeping.SOPS and exported.secrets:
        rules = recipients(session.state, snapshot, age)
        return encrypted(exported, name, rules, session.state, snapshot)
    return referred(exported, name, store or "") if how is Keeping.REFERENCES else exported
