"""From a commit to its recorded image: find or make the image, check it, record the version."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from gitops_cli.domain.change.draft import Draft, WriteOutcome
from gitops_cli.domain.change.proposal import Actor
from gitops_cli.domain.change.request import ReviewBranch
from gitops_cli.domain.change.several import Drafts
from gitops_cli.domain.errors import (
    Denied,
    DirtyTree,
    GitError,
    ImageDiffers,
    SourceMoved,
    TimedOut,
    UsageError,
)
from gitops_cli.domain.image import ImageRef, split_repository
from gitops_cli.domain.names import ServiceName
from gitops_cli.domain.recorded.environment import Environment, Snapshot
from gitops_cli.domain.release.building import BuildRequest, CommitRequest, Made, Release
from gitops_cli.domain.text import one_line, plural
from gitops_cli.domain.version import SHORT, Version
from gitops_cli.operations.gates import unasked
from gitops_cli.operations.images import Images, as_recorded, wait_for
from gitops_cli.operations.set import Order, draft_recording
from gitops_cli.operations.writing import preview, write_draft

if TYPE_CHECKING:
    from gitops_cli.builder.engine import Builder
    from gitops_cli.domain.recorded.team import TeamSettings
    from gitops_cli.registry.client import Registries
    from gitops_cli.source.repository import Sources
    from gitops_cli.state.repository import StateRepository

APPEAR_SECONDS = 30.0  # a registry behind a cache may need a moment to show what was pushed
NAMED = 5


class Recipe(NamedTuple):
    """How the image is made if it does not exist yet; `gaps` says what its context lacks."""

    request: BuildRequest | CommitRequest
    pin: bool = False
    gaps: Callable[[], Sequence[str]] = tuple
    appear: float = APPEAR_SECONDS


class Workshop(NamedTuple):
    """What a release works with."""

    state: StateRepository
    sources: Callable[[TeamSettings], Sources]
    registries: Registries
    builder: Callable[[], Builder]
    say: Callable[[str], None]
    warn: Callable[[str], None]
    now: Callable[[], datetime]


def refuse_dirty(files: list[str]) -> None:
    """Raise DirtyTree if files are not committed: the image would not be what HEAD says."""
    if not files:
        return
    named = ", ".join(one_line(file) for file in files[:NAMED])
    more = ", …" if len(files) > NAMED else ""
    raise DirtyTree(
        f"{plural(len(files), 'file')} not committed ({named}{more}): the image would not be "
        "what its hash says",
        hint="commit them, or add what is generated to .gitignore (your own excludes and marks in "
        "the index hide nothing from a build); --allow-dirty releases them under a hash of their "
        "own",
    )


def plan_release(shop: Workshop, order: Order) -> tuple[WriteOutcome, ServiceName, ImageRef]:
    """Return what recording would change, and the image it takes; raises what refuses it."""
    seen: list[tuple[ServiceName, ImageRef]] = []

    def look(
        environment: Environment,
        versions: Mapping[ServiceName, Version],
        /,
        *,
        pin: bool = False,
    ) -> Mapping[ServiceName, Version]:
        seen[:] = [(s, environment.image_of(s, version)) for s, version in versions.items()]
        return as_recorded(environment, versions)

    later = order.terms._replace(vouched=unasked)  # there may be no image yet
    draft = preview(shop.state, _draft(shop, order._replace(images=look, terms=later)))
    [(service, image)] = seen
    return WriteOutcome(draft, dry_run=True), service, image


def release(
    shop: Workshop,
    order: Order,
    recipe: Recipe,
    *,
    review: Callable[[Draft | Drafts], ReviewBranch | None] = lambda _: None,
    actor: Actor | None = None,
    timeout: float | None = None,
) -> Release:
    """Make the image unless the registry has it, check it by its digest, and record the version.

    The guards of the write are asked before anything is built. Whatever is done already is not
    done again, so a release that broke off is finished by running it once more. `review` says
    where what is recorded waits for a merge.
    """
    planned, service, image = plan_release(shop, _without_checks(order) if recipe.pin else order)
    waits = review(planned.draft)
    digest = _found(shop, image)
    made = Made.FOUND
    if digest is None:
        made = Made.BUILT if isinstance(recipe.request, BuildRequest) else Made.COMMITTED
        digest = _make(shop, image, recipe)
    else:
        _say_found(shop, image, recipe.request)
    recording = order._replace(images=_this(image, digest, always=recipe.pin))
    try:
        drafted = write_draft(
            shop.state,
            _draft(shop, recording),
            actor=actor,
            timeout=timeout,
            branch=waits.branch if waits else None,
        )
    except (GitError, Denied, TimedOut):
        shop.say(f"{image} is in the registry; the same command, run again, only records it")
        raise
    return Release(service, image, made, digest, WriteOutcome(*drafted, review=waits))


def _without_checks(order: Order) -> Order:
    """Leave the checks to the write: with its digest it is another version to be asked about."""
    return order._replace(terms=order.terms._replace(checking=None))


def _say_found(shop: Workshop, image: ImageRef, request: BuildRequest | CommitRequest) -> None:
    shop.say(f"{image} is in the registry already")
    if isinstance(request, CommitRequest):
        shop.warn(
            f"container {request.container} is not committed again: its image is there, and what "
            "was changed since needs a new commit of the checkout"
        )


def _draft(shop: Workshop, order: Order) -> Callable[[Snapshot], Draft]:
    return lambda snapshot: draft_recording(
        snapshot, order, state=shop.state, sources=shop.sources, now=shop.now()
    )


def _found(shop: Workshop, image: ImageRef) -> str | None:
    """Return the image's digest if the registry has it.

    Some registries deny what does not exist yet, so that a service's first image would never be
    built; whether the credentials are good, its push will tell.
    """
    try:
        return shop.registries.digest(image)
    except Denied as error:
        shop.say(f"cannot tell whether the image exists: {error.message}")
        return None


def _make(shop: Workshop, image: ImageRef, recipe: Recipe) -> str:
    if isinstance(recipe.request, BuildRequest):
        if recipe.request.file is None:
            raise UsageError(
                f"{recipe.request.context} has no Dockerfile, and the registry has no {image}",
                hint="--build CONTEXT, --file FILE, or --image-from-container ID",
            )
        for gap in recipe.gaps():
            shop.warn(gap)
    builder = shop.builder()
    plain = shop.registries.is_plain(split_repository(image.repository)[0])
    match recipe.request:
        case BuildRequest() as request:
            shop.say(f"building {image} with {builder.engine}")
            pushed = builder.build(image, request, plain_http=plain)
        case CommitRequest() as request:
            shop.say(f"making {image} of container {request.container} with {builder.engine}")
            seen = builder.look(request.container)
            for warning in seen.warnings:
                shop.warn(warning)
            if request.command is None and seen.own_command:
                shop.warn(
                    "the image starts what the container was started with, not what its stock "
                    "image would: where that seeds it, every pod seeds itself again; --cmd says "
                    "what to start instead"
                )
            request = request._replace(entrypoint=seen.entrypoint)
            pushed = builder.commit(image, request, plain_http=plain)
    found = wait_for(shop.registries, image, recipe.appear)
    if pushed and found not in pushed:
        raise ImageDiffers(
            f"{image}: the registry has {found}, pushed was {', '.join(sorted(pushed))}: somebody "
            "else pushed this tag at the same time",
            hint="run it again: it takes the image that is in the registry",
        )
    return found


def _this(image: ImageRef, digest: str, *, always: bool) -> Images:
    """Let only the image pass that was made: images_path may change while it is built.

    `always`: with its digest, also where the stage does not want it.
    """

    def images(
        environment: Environment,
        versions: Mapping[ServiceName, Version],
        /,
        *,
        pin: bool = False,
    ) -> Mapping[ServiceName, Version]:
        for service, version in versions.items():
            wanted = environment.image_of(service, version)
            if wanted != image:
                raise SourceMoved(
                    f"{environment.name}/images_path changed meanwhile: {wanted} is needed, "
                    f"{image} was made",
                    hint="run it again",
                )
        known = digest if always or pin else None
        return {s: Version(v.tag, known or v.digest) for s, v in versions.items()}

    return images


def dirty_reason(head: str, reason: str | None) -> str:
    """Return the reason to record, with the mark that the version was never committed."""
    mark = f"uncommitted changes on top of {head[:SHORT]}"
    return f"{reason} ({mark})" if reason else mark
