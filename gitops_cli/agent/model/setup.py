"""How an installed agent is set up, read from its objects, and what an installation changes there.

A new installation keeps what nobody speaks of, so all that options say can be read back.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from gitops_cli.agent.model.spec import SIGNERS, Feature, Seed
from gitops_cli.agent.model.stepped import parse_pin
from gitops_cli.domain.duration import parse_duration
from gitops_cli.domain.errors import GitOpsError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.text import redacted

Live = Mapping[str, Any]


class Setup(NamedTuple):
    """What the workload of an agent says. `interval` is in seconds, None for a CronJob.

    `applies`: its pod can decrypt what manifests hold. `metrics` is the port that serves them.
    `steps` are digests by environment.
    """

    url: str
    image: str
    environments: tuple[EnvironmentName, ...]
    branch: str | None = None
    interval: int | None = None
    signed: bool = False
    seed: Seed | None = None
    pull_secrets: tuple[str, ...] = ()
    images_only: tuple[EnvironmentName, ...] = ()
    applies: bool = False
    metrics: int | None = None
    steps: Mapping[EnvironmentName, str] = MappingProxyType({})


def setup_of(workload: Live) -> Setup:
    """Return how the agent of a CronJob or a Deployment is set up."""
    spec = workload["spec"]
    pod = spec.get("jobTemplate", workload)["spec"]["template"]["spec"]
    [container, *_] = pod["containers"]
    words = [*(container.get("command") or ()), *(container.get("args") or ())]
    variables = {e["name"]: e.get("value") or "" for e in container.get("env") or ()}
    return Setup(
        url=_last(words, "--repo") or "",
        image=container.get("image") or "",
        environments=tuple(EnvironmentName(name) for name in _values(words, "--env")),
        branch=_last(words, "--branch"),
        interval=_seconds(_last(words, "--interval")),
        signed=_last(words, "--require-signed") is not None,
        seed=_seed(variables),
        pull_secrets=tuple(entry["name"] for entry in pod.get("imagePullSecrets") or ()),
        images_only=tuple(EnvironmentName(name) for name in _values(words, "--images-only")),
        applies="SOPS_AGE_KEY_FILE" in variables,
        metrics=_port(_last(words, "--metrics")),
        steps=dict(_pins(_values(words, "--steps"))),
    )


def features_of(role: Live) -> frozenset[Feature]:
    """Return the features whose rights a Role grants."""
    rights = set(_rights(role))
    found = {Feature.REASONS: "list pods", Feature.EVENTS: "create events"}
    return frozenset(feature for feature, right in found.items() if right in rights)


def changes(before: Live, after: Live) -> tuple[str, ...]:
    """Return in words what becomes different in one of an agent's objects."""
    match after["kind"]:
        case "CronJob" | "Deployment":
            return tuple(_setup_changes(setup_of(before), setup_of(after)))
        case "ConfigMap" if after["metadata"]["name"] == SIGNERS:
            return tuple(_signers_changes(before.get("data") or {}, after.get("data") or {}))
        case "Role":
            return tuple(_rights_changes(list(_rights(before)), list(_rights(after))))
    return ()


def told_of_new(manifest: Live) -> tuple[str, ...]:
    """Return in words what a new object lets the agent do."""
    if manifest["kind"] in ("CronJob", "Deployment"):
        return tuple(_steps_changes({}, setup_of(manifest).steps))
    if manifest["kind"] != "Role":
        return ()
    by_verbs: dict[tuple[str, ...], list[str]] = {}
    for rule in manifest["rules"]:
        of = rule.get("resourceNames")
        names = [f"{name} {', '.join(of)}" if of else name for name in rule["resources"]]
        by_verbs.setdefault(tuple(rule["verbs"]), []).extend(names)
    return tuple(f"may {', '.join(verbs)}: {', '.join(n)}" for verbs, n in by_verbs.items())


def _setup_changes(before: Setup, after: Setup) -> Iterator[str]:
    if before.signed and not after.signed:
        yield "commits need no signature any more"
    if after.signed and not before.signed:
        yield "follows signed commits only"
    own = "the remote's own"
    for what, new, old in (
        ("repository", redacted(after.url), redacted(before.url)),
        ("branch", after.branch or own, before.branch or own),
        ("image", after.image, before.image),
        ("interval", f"{after.interval} s", f"{before.interval} s"),
        ("metrics on port", str(after.metrics or "none"), str(before.metrics or "none")),
    ):
        if new != old:
            yield f"{what} {new} instead of {old}"
    if before.applies != after.applies:
        yield "applies manifests" if after.applies else "patches images alone"
    yield from _steps_changes(before.steps, after.steps)
    if before.seed != after.seed:
        yield _seed_change(before.seed, after.seed)
    if before.pull_secrets != after.pull_secrets:
        yield f"pull secrets: {', '.join(after.pull_secrets) or 'none'}"
    for word, names in (
        ("also", _missing(after.environments, before.environments)),
        ("no longer", _missing(before.environments, after.environments)),
    ):
        if names:
            yield f"{word} for {', '.join(names)}"


def _steps_changes(
    before: Mapping[EnvironmentName, str], after: Mapping[EnvironmentName, str]
) -> Iterator[str]:
    for name in sorted({*before, *after}):
        if name not in after:
            yield f"no longer runs the steps of {name}"
        elif before.get(name) != after[name]:
            was = f" instead of {before[name][:12]}" if name in before else ""
            yield f"runs the steps of {name}, of digest {after[name][:12]}{was}"


def _seed_change(before: Seed | None, after: Seed | None) -> str:
    if after is None:
        return "no longer seeded: the image has the tool"
    return "seeded when it starts" if before is None else "other packages when it starts"


def _signers_changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*before, *after}):
        if name not in before:
            yield f"trusts more: {name}"
        elif name not in after:
            yield f"trusts fewer: no {name}"
        elif before[name] != after[name]:
            yield f"trusts others: {name} changes"


def _rights_changes(before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    for word, rights in (
        ("more", _missing(after, before)),
        ("fewer", _missing(before, after)),
    ):
        if rights:
            yield f"{word} rights: {', '.join(rights)}"


def _rights(role: Live) -> Iterator[str]:
    for rule in role.get("rules") or ():
        for resource in rule.get("resources") or ():
            yield from (f"{verb} {resource}" for verb in rule.get("verbs") or ())


def _missing(wanted: Iterable[str], there: Iterable[str]) -> list[str]:
    known = set(there)
    return [word for word in wanted if word not in known]


def _values(words: Iterable[str], option: str) -> list[str]:
    prefix = f"{option}="
    return [word.removeprefix(prefix) for word in words if word.startswith(prefix)]


def _pins(words: Iterable[str]) -> Iterator[tuple[EnvironmentName, str]]:
    for word in words:
        try:
            yield parse_pin(word)
        except GitOpsError:  # whoever may change the workload wrote it, and the agent refuses it
            continue


def _last(words: Iterable[str], option: str) -> str | None:
    return next(iter(reversed(_values(words, option))), None)


def _seconds(text: str | None) -> int | None:
    try:
        return None if text is None else int(parse_duration(text))
    except ValueError:
        return None


def _port(text: str | None) -> int | None:
    number = (text or "").rpartition(":")[2]
    return int(number) if number.isascii() and number.isdecimal() and len(number) <= 5 else None


def _seed(variables: Mapping[str, str]) -> Seed | None:
    if "SEED_REQUIREMENTS" not in variables:
        return None
    return Seed(
        _words(variables["SEED_REQUIREMENTS"]),
        variables.get("PIP_INDEX_URL"),
        variables.get("SEED_APT_SOURCES"),
        tuple(_words(variables.get("SEED_PACKAGES", ""))),
    )


def _words(text: str) -> list[str]:
    # Whoever may change the workload may have left a quote open.
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()
