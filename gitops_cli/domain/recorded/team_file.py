"""gitops.toml: what the team agreed, read strictly into values.

It comes from the repository, so it is untrusted: it names no program but in steps and checks, which
run only where a person trusts them, and its URLs use https, ssh or file only.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from gitops_cli.domain.duration import parse_duration
from gitops_cli.domain.names import ServiceName, is_dns_label, is_service_name
from gitops_cli.domain.near import near
from gitops_cli.domain.recorded.files import FileType, RawFile
from gitops_cli.domain.recorded.team import (
    DEFAULT_STAGES,
    CommitRules,
    DriftPolicy,
    Mode,
    NewServices,
    Requirement,
    ServiceRules,
    StageRules,
    TeamSettings,
    VersionForm,
)
from gitops_cli.domain.settings import BadSettings, Defect, Settings, one_of
from gitops_cli.domain.text import one_line

if TYPE_CHECKING:
    from gitops_cli.domain.recorded.freeze import FreezeWindow
    from gitops_cli.domain.recorded.notify import NoticeRules

TOP = ("stages", "stage", "service", "versions", "commit", "notify")
STAGE_KEYS = (
    "aliases",
    "cluster",
    "cluster_uid",
    "promote_from",
    "protected",
    "freeze",
    "require",
    "mode",
    "branches",
    "require_ancestry",
    "manifests",
    "manifests_network",
    "kubernetes",
    "kubernetes_apis",
    "prune",
    "drift",
    "soak",
    "approvals",
    "signed_approvals",
    "signature",
    "attestation",
    "step",
    "check",
)
SERVICE_KEYS = ("source", "container", "workload", "path")
_VERSIONS = ("form", "require_ancestry", "new_services")
MOST_APPROVALS = 9
_COMMIT = ("skip_ci", "subject", "sign_off", "message_as_subject")


def parse_team(file: RawFile | None) -> TeamSettings:
    """Return what gitops.toml agrees on; defaults without one, and for what cannot be read of it.

    Its `defects` say what that is.
    """
    if file is None:
        return TeamSettings()
    if file.type is not FileType.REGULAR:
        defect = Defect(file.path, 1, (), f"is a {file.type}, not a file")
        return TeamSettings(defects=(defect,))
    try:
        reader = Settings.of(file.path, file.data)
    except BadSettings as error:
        return TeamSettings(defects=error.defects)
    return _team(reader)._replace(defects=tuple(sorted(set(reader.found))))


def _team(reader: Settings) -> TeamSettings:
    reader.only(TOP)
    stages = reader.texts("stages", DEFAULT_STAGES, check=_name)
    if not stages or len(set(stages)) != len(stages):
        reader.wrong("stages", "each stage must be named once")
        stages = DEFAULT_STAGES
    versions, commit = reader.table("versions", _VERSIONS), reader.table("commit", _COMMIT)
    rules = {name: _stage(name, reader, stages) for name in reader.names("stage")}
    _unique_aliases(rules, stages, reader)
    return TeamSettings(
        stages,
        rules,
        {ServiceName(name): _service(name, reader) for name in _services(reader)},
        versions.word("form", VersionForm, VersionForm.COMMIT),
        versions.flag("require_ancestry"),
        CommitRules(
            commit.flag("skip_ci"),
            commit.text("subject", check=_template),
            commit.flag("sign_off"),
            commit.flag("message_as_subject"),
        ),
        versions.word("new_services", NewServices, NewServices.ASK),
        _notices(reader, stages),
    )


def _notices(top: Settings, stages: Collection[str]) -> dict[str, NoticeRules]:
    if "notify" not in top.content:
        return {}
    from gitops_cli.domain.recorded.notify_file import read_notices  # few teams have some

    return read_notices(top, stages)


def _stage(name: str, top: Settings, stages: Collection[str]) -> StageRules:
    reader = top.table("stage", None).table(name, STAGE_KEYS)
    if name not in stages:
        advice = "" if top.is_full else _meant(name, stages)
        message = f"`{one_line(name)}` is not a declared stage{advice}"
        top.table("stage", None).wrong(name, message)
    promote_from = reader.texts("promote_from", None, check=one_of(stages))
    return StageRules(
        name,
        aliases=reader.texts("aliases", (), check=_name),
        cluster=reader.text("cluster"),
        cluster_uid=reader.text("cluster_uid"),
        promote_from=promote_from,
        # Nothing stops `rollback`: it asks for a confirmation too where this cannot be read.
        protected=reader.said_flag("protected", wrong=True) is True,
        freeze=reader.texts("freeze", (), check=_window),
        require=frozenset(reader.texts("require", (), check=Requirement)),
        mode=reader.word("mode", Mode, Mode.PUSH),
        branches=reader.texts("branches", ()),
        require_ancestry=reader.said_flag("require_ancestry"),
        manifests=reader.text("manifests", check=_place),
        manifests_network=reader.flag("manifests_network"),
        kubernetes=reader.text("kubernetes", check=_release),
        kubernetes_apis=reader.texts("kubernetes_apis", (), check=_api),
        prune=reader.flag("prune"),
        drift=reader.word("drift", DriftPolicy, DriftPolicy.CORRECT),
        soak=reader.word("soak", parse_duration, None),
        approvals=reader.number("approvals", most=MOST_APPROVALS),
        signed_approvals=reader.flag("signed_approvals"),
        **_signed(reader),
        **_programs(reader),
        lines=reader.numbers(),
    )


def _signed(stage: Settings) -> dict[str, Any]:
    if not {"signature", "attestation"} & stage.content.keys():
        return {}
    from gitops_cli.domain.recorded.signed import read_attestation, read_signature

    return {"signature": read_signature(stage), "attestation": read_attestation(stage)}


def _programs(stage: Settings) -> dict[str, Any]:
    if not {"step", "check"} & stage.content.keys():
        return {}
    from gitops_cli.domain.recorded.steps_file import read_checks, read_steps  # few have some

    return {"steps": read_steps(stage), "checks": read_checks(stage)}


def _meant(name: str, stages: Collection[str]) -> str:
    longer = [stage for stage in stages if stage.startswith(name)]
    fits = longer or near(name, stages)
    return f"; did you mean `{fits[0]}`?" if fits else f"; stages are {', '.join(stages)}"


def _unique_aliases(
    rules: Mapping[str, StageRules], stages: Collection[str], reader: Settings
) -> None:
    seen: dict[str, str] = {stage: stage for stage in stages}
    for stage in rules.values():
        for alias in stage.aliases:
            if alias in seen:
                message = f"`{alias}` already means {seen[alias]}"
                reader.table("stage", None).table(stage.name, None).wrong("aliases", message)
            seen.setdefault(alias, stage.name)


def _services(top: Settings) -> list[str]:
    names = top.names("service")
    for name in names:
        if not is_service_name(name):
            message = f"`{one_line(name)}` is not a service name"
            top.table("service", None).wrong(name, message)
    return [name for name in names if is_service_name(name)]


def _service(name: str, top: Settings) -> ServiceRules:
    reader = top.table("service", None).table(name, SERVICE_KEYS)
    source = reader.text("source", check=_source)
    path: str | None = reader.word("path", _directory, None)
    if path is not None and source is None:
        reader.wrong("path", "is a directory of the `source`, which is not declared")
    return ServiceRules(
        ServiceName(name),
        source=source,
        containers=reader.one_or_more("container", check=_name),
        workload=reader.text("workload", check=_workload),
        path=path,
    )


# Each is loaded for who has such a key.
def _template(text: str) -> str:
    from gitops_cli.domain.recorded.template import check_template

    return check_template(text)


def _window(text: str) -> FreezeWindow:
    from gitops_cli.domain.recorded.freeze import parse_freeze

    return parse_freeze(text)


def _place(text: str) -> str:
    from gitops_cli.domain.recorded.manifests_place import check_place

    return check_place(text)


def _release(text: str) -> str:
    from gitops_cli.domain.recorded.manifests_place import check_release

    return check_release(text)


def _api(text: str) -> str:
    from gitops_cli.domain.recorded.manifests_place import check_api

    return check_api(text)


def _name(text: str) -> str:
    if not is_dns_label(text):
        raise ValueError(f"`{text}` is not a name of lower-case letters, digits and `-`")
    return text


def _workload(text: str) -> str:
    if not is_service_name(text):
        raise ValueError(f"`{text}` is not the name of a workload")
    return text


def _directory(text: str) -> str:
    path = text.removesuffix("/")
    parts = path.split("/")
    # What git would take for a pattern or for magic is refused, not quoted.
    if any(part in {"", ".", ".."} for part in parts) or set(path) & set("*?[]\\:"):
        raise ValueError(f"`{text}` is not a directory of the source, such as `services/x`")
    return path


def _source(text: str) -> str:
    from gitops_cli.domain.git_url import tolerant

    plain_path = "://" not in text and ":" not in text.partition("/")[0]
    url = tolerant(text)
    if url is None or url.scheme not in {"https", "ssh", "file"} or any(map(str.isspace, text)):
        raise ValueError(f"`{text}` is not a path, nor a URL with https, ssh or file")
    if plain_path and os.path.normpath(text).split("/")[0] not in {"", ".."}:
        # Whoever may push here would choose that repository's configuration, too.
        raise ValueError(f"`{text}` lies inside the state repository itself")
    return text
