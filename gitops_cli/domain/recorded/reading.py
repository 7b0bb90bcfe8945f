"""A repository's files as environments and findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from gitops_cli.domain.image import is_repository
from gitops_cli.domain.names import (
    RULE,
    SERVICE_RULE,
    EnvironmentName,
    ServiceName,
    is_dns_label,
    is_service_name,
)
from gitops_cli.domain.near import MISSPELT, near
from gitops_cli.domain.recorded.environment import (
    IMAGES_PATH,
    KIND_OF_SUFFIX,
    Environment,
    Kind,
    Snapshot,
    VersionFile,
    suffix_of,
)
from gitops_cli.domain.recorded.files import (
    APPROVAL_SUFFIX,
    LOCK_SUFFIX,
    MANIFESTS,
    MAX_BYTES,
    SETTINGS,
    FileType,
    RawFile,
)
from gitops_cli.domain.recorded.findings import Finding, Severity
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.text import one_line
from gitops_cli.domain.version import parse_version

if TYPE_CHECKING:
    from gitops_cli.domain.recorded.approvals import Approval
    from gitops_cli.domain.recorded.locks import Lock

NOT_ENVIRONMENTS = frozenset({"sync-agent"})
# kubectl's short names, and kinds that run pods but have no rollout to follow.
_SHORT = {
    ".deploy": Kind.DEPLOYMENT,
    ".sts": Kind.STATEFULSET,
    ".ds": Kind.DAEMONSET,
    ".cj": Kind.CRONJOB,
    ".ro": Kind.ROLLOUT,
}
_OTHER_KINDS = {".pod": "Pod", ".job": "Job", ".replicaset": "ReplicaSet"}


def parse_snapshot(files: Iterable[RawFile], *, commit: str | None = None) -> Snapshot:
    """Read the repository's files; paths deeper than `directory/file` only need their names."""
    top: dict[str, RawFile] = {}
    directories: dict[str, list[RawFile]] = {}
    for file in files:
        directory, slash, _ = file.path.partition("/")
        if slash:
            directories.setdefault(directory, []).append(file)
        else:
            top[file.path] = file
    environments: dict[EnvironmentName, Environment] = {}
    findings: list[Finding] = []
    for name, content in sorted(directories.items()):
        if not _is_environment(name, content):
            continue
        if is_dns_label(name):
            environment = parse_environment_files(EnvironmentName(name), content)
            environments[environment.name] = environment
        else:
            message = f"`{one_line(name)}` cannot be a namespace: {RULE}"
            findings.append(Finding(name, 1, "environment-name", message))
    settings = top.get(SETTINGS)
    return Snapshot(commit, environments, settings, tuple(findings), _agreed(settings))


def _agreed(settings: RawFile | None) -> TeamSettings:
    if settings is None:
        return TeamSettings()
    from gitops_cli.domain.recorded.team_file import parse_team  # with a reader of TOML

    return parse_team(settings)


def _is_environment(name: str, content: Sequence[RawFile]) -> bool:
    if name.startswith(".") or name in NOT_ENVIRONMENTS:
        return False
    return any(
        leaf == IMAGES_PATH or suffix_of(leaf) in KIND_OF_SUFFIX
        for file in content
        if "/" not in (leaf := file.path[len(name) + 1 :])
    )


def parse_environment_files(name: EnvironmentName, content: Iterable[RawFile]) -> Environment:
    """Read one environment's directory."""
    images_path: str | None = None
    seen_images_path = has_manifests = False
    files: dict[ServiceName, VersionFile] = {}
    locks: dict[ServiceName | None, Lock] = {}
    approvals: dict[ServiceName, Approval] = {}
    findings: list[Finding] = []
    for file in sorted(content, key=lambda f: f.path):
        leaf = file.path[len(name) + 1 :]
        if "/" in leaf:
            has_manifests = has_manifests or leaf.startswith(f"{MANIFESTS}/")
        elif leaf == IMAGES_PATH:
            seen_images_path = True
            images_path = _images_path(file, findings)
        elif suffix_of(leaf) in KIND_OF_SUFFIX:
            _add_version(file, leaf, files, findings)
        elif leaf.endswith(LOCK_SUFFIX):
            _add_lock(file, leaf, locks, findings)
        elif leaf.endswith(APPROVAL_SUFFIX):
            _add_approval(file, leaf, approvals, findings)
        elif (other := _OTHER_KINDS.get(suffix_of(leaf))) is not None:
            message = f"is read by nothing: {other}s are not followed"
            hint = f"what is: {', '.join(f'{kind}s' for kind in Kind)}"
            findings.append(Finding(file.path, 1, "kind", message, hint, Severity.WARNING))
        elif (meant := _meant(leaf)) is not None:
            message = f"is read by nothing; did you mean `{meant}`?"
            findings.append(Finding(file.path, 1, "misspelt", message, None, Severity.WARNING))
    if not seen_images_path:
        findings.append(
            Finding(
                f"{name}/{IMAGES_PATH}",
                1,
                "images-path-missing",
                "missing: nothing says where the images are",
                f"write it, for example: echo registry.example.com/team/ > {name}/{IMAGES_PATH}",
            )
        )
    found = tuple(findings)
    return Environment(name, images_path, files, locks, has_manifests, found, approvals)


def _meant(leaf: str) -> str | None:
    """Return the name that a file's name looks like, if it looks like one of ours."""
    if near(leaf, [IMAGES_PATH], cutoff=MISSPELT):
        return IMAGES_PATH
    suffix = suffix_of(leaf)
    if (kind := _SHORT.get(suffix)) is not None:
        return f"{one_line(leaf.removesuffix(suffix))}{kind.suffix}"
    meant = near(suffix, [*KIND_OF_SUFFIX, LOCK_SUFFIX, APPROVAL_SUFFIX], cutoff=MISSPELT)
    return f"{one_line(leaf.removesuffix(suffix))}{meant[0]}" if meant else None


def _images_path(file: RawFile, findings: list[Finding]) -> str | None:
    value = _value(file, findings)
    if value is None:
        return None
    if not value.endswith("/") and not value.endswith(("-", "_")):
        findings.append(
            Finding(
                file.path,
                1,
                "images-path-slash",
                f"`{one_line(value)}` does not end with `/`: the service's name would stick to it",
                f"write `{one_line(value)}/`",
            )
        )
        return None
    if not is_repository(f"{value}service"):
        message = f"`{one_line(value)}` cannot begin the name of an image"
        findings.append(Finding(file.path, 1, "images-path", message))
        return None
    return value


def _add_version(
    file: RawFile, leaf: str, files: dict[ServiceName, VersionFile], findings: list[Finding]
) -> None:
    stem, _, _ = leaf.rpartition(".")
    if not is_service_name(stem):
        message = f"`{one_line(stem)}` cannot be the name of a workload: {SERVICE_RULE}"
        findings.append(Finding(file.path, 1, "service-name", message))
        return
    service, kind = ServiceName(stem), KIND_OF_SUFFIX[suffix_of(leaf)]
    if service in files:
        message = f"`{service}` stands here and in {files[service].path}; one of them must go"
        findings.append(Finding(file.path, 1, "service-twice", message))
        return
    value = _value(file, findings)
    if value is None:
        return
    version = parse_version(value)
    if version is None:
        message = f"`{one_line(value)[:80]}` is not a commit hash, nor any other tag of an image"
        findings.append(Finding(file.path, 1, "version", message))
        return
    files[service] = VersionFile(file.path, service, kind, version)


def _add_lock(
    file: RawFile,
    leaf: str,
    locks: dict[ServiceName | None, Lock],
    findings: list[Finding],
) -> None:
    stem = leaf[: -len(LOCK_SUFFIX)]
    if stem and not is_service_name(stem):
        message = f"`{one_line(stem)}` is not the name of a service: {SERVICE_RULE}"
        findings.append(Finding(file.path, 1, "service-name", message))
        return
    from gitops_cli.domain.recorded.locks import parse_lock  # as of approvals, where there are some

    service = ServiceName(stem) if stem else None
    lock = parse_lock(file.path, service, file.data if file.type is FileType.REGULAR else b"\xff")
    locks[service] = lock
    if lock.problem is not None:
        message = f"{lock.problem}; it locks all the same"
        findings.append(Finding(file.path, 1, "lock", message))


def _add_approval(
    file: RawFile, leaf: str, approvals: dict[ServiceName, Approval], findings: list[Finding]
) -> None:
    stem = leaf[: -len(APPROVAL_SUFFIX)]
    if not is_service_name(stem):
        message = f"`{one_line(stem)}` is not the name of a service: {SERVICE_RULE}"
        findings.append(Finding(file.path, 1, "service-name", message))
        return
    from gitops_cli.domain.recorded.approvals import parse_approval

    content = file.data if file.type is FileType.REGULAR else b"\xff"
    approval = parse_approval(file.path, ServiceName(stem), content)
    if approval.problem is not None:
        message = f"{approval.problem}; it approves nothing"
        findings.append(Finding(file.path, 1, "approval", message, None, Severity.WARNING))
        return
    approvals[approval.service] = approval


def _value(file: RawFile, findings: list[Finding]) -> str | None:
    """Return the file's one value, or add the finding that says why there is none."""

    def bad(line: int, rule: str, message: str) -> str | None:
        findings.append(Finding(file.path, line, rule, message))
        return None

    if file.type is not FileType.REGULAR:
        return bad(1, "not-a-file", f"is a {file.type}, not a file")
    if len(file.data) > MAX_BYTES:
        return bad(1, "too-large", f"larger than {MAX_BYTES} bytes: it should be one line")
    if file.data.startswith(b"\xef\xbb\xbf"):
        return bad(1, "byte-order-mark", "begins with a byte order mark, which shells read as text")
    try:
        text = file.data.decode()
    except UnicodeDecodeError as error:
        return bad(file.data[: error.start].count(b"\n") + 1, "encoding", "is not UTF-8 text")
    return _one_line(text, bad)


def _one_line(text: str, bad: Callable[[int, str, str], str | None]) -> str | None:
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if line.startswith(("<<<<<<<", "=======", ">>>>>>>", "|||||||")):
            return bad(number, "conflict", "holds the marks of an unfinished merge")
        if line.endswith("\r"):
            return bad(number, "carriage-return", "ends in CRLF, and shells read the CR as text")
    # What a shell takes for white space, and no more: `$(cat FILE)` must read the same.
    values = ((number, line.strip(" \t")) for number, line in enumerate(lines, 1))
    filled = [(number, value) for number, value in values if value]
    if not filled:
        return bad(1, "empty", "is empty")
    if len(filled) > 1:
        return bad(filled[1][0], "several-lines", "holds more than one line")
    return filled[0][1]
