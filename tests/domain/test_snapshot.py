"""What a snapshot of the repository holds, and what is said of what it lacks."""

from __future__ import annotations

import pytest

from gitops_cli.domain.errors import (
    InvalidState,
    UnknownEnvironment,
    UnknownService,
)
from gitops_cli.domain.names import SERVICE_RULE, EnvironmentName, ServiceName
from gitops_cli.domain.recorded.approvals import Approval, Yes
from gitops_cli.domain.recorded.environment import Kind, service_at
from gitops_cli.domain.recorded.files import FileType
from gitops_cli.domain.recorded.findings import Finding
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.recorded.validation import Subject, Validation
from gitops_cli.domain.version import Version
from tests.domain.test_validation import ERROR, WARNING, A, B, snapshot


def test_what_an_environment_holds() -> None:
    read = snapshot(
        {
            "shop-dev/web.deployment": A,
            "shop-dev/db.statefulset": B,
            "shop-dev/log.daemonset": "v1",
            "shop-dev/job.cronjob": A,
            "shop-dev/manifests/x.yaml": "",
            "shop-prod/other/x.yaml": "",
            "shop-prod/web.deployment": A,
        }
    )
    name = EnvironmentName("shop-dev")
    environment = read.environment(name)

    assert {s: (f.path, f.kind) for s, f in environment.files.items()} == {
        "web": ("shop-dev/web.deployment", Kind.DEPLOYMENT),
        "db": ("shop-dev/db.statefulset", Kind.STATEFULSET),
        "log": ("shop-dev/log.daemonset", Kind.DAEMONSET),
        "job": ("shop-dev/job.cronjob", Kind.CRONJOB),
    }
    assert environment.has_manifests
    assert not read.environment(EnvironmentName("shop-prod")).has_manifests
    assert str(environment.image(ServiceName("db"))) == f"r/db:{B}"
    assert environment.checked() is environment
    assert list(read.environments) == ["shop-dev", "shop-prod"]


def test_who_asks_for_what_is_not_there_is_told_what_is() -> None:
    read = snapshot({"shop-dev/web.deployment": A, "shop-dev/db.deployment": A})
    environment = read.environment(EnvironmentName("shop-dev"))

    with pytest.raises(UnknownService) as service:
        environment.file(ServiceName("wbe"))
    assert service.value.message == "shop-dev has no service `wbe`"
    assert service.value.hint == "did you mean `web`?"
    with pytest.raises(UnknownService) as nothing:
        environment.file(ServiceName("xyz"))
    assert nothing.value.hint == "services there: db, web"
    with pytest.raises(UnknownService) as none:
        snapshot({"shop-dev/images_path": "r/"}).environment(EnvironmentName("shop-dev")).file(
            ServiceName("x")
        )
    assert none.value.hint == "services there: none"
    with pytest.raises(UnknownEnvironment) as missing:
        read.environment(EnvironmentName("shop-dve"))
    assert missing.value.message == "there is no environment `shop-dve`"
    assert missing.value.hint == "did you mean `shop-dev`?"
    with pytest.raises(UnknownEnvironment) as far:
        read.environment(EnvironmentName("zzz"))
    assert far.value.hint == "`gitops env list` shows them"


def test_what_is_broken_is_said_where_it_is_needed() -> None:
    environment = snapshot(
        {
            "shop-dev/web.deployment": "",
            "shop-dev/web2.deployment": A,
            "shop-dev/zoo.deployment": "a b",
            "shop-dev/zoo.lock": "=",
            "shop-dev/images_path": "",
        }
    ).environment(EnvironmentName("shop-dev"))
    other = "mend the file, or see `gitops history` for its last good content"

    with pytest.raises(InvalidState) as broken:
        environment.file(ServiceName("web"))
    assert broken.value.message == "shop-dev/web.deployment:1: is empty"
    assert broken.value.hint == other
    with pytest.raises(InvalidState) as first:
        environment.checked()
    more = " (and 2 more; `gitops validate` lists them)"
    assert first.value.message == f"shop-dev/images_path:1: is empty{more}"
    with pytest.raises(InvalidState) as path:
        environment.image(ServiceName("web2"))
    assert path.value.message == "shop-dev/images_path:1: is empty"
    missing = snapshot({"shop-dev/web.deployment": A}, paths=False)
    with pytest.raises(InvalidState) as nowhere:
        missing.environment(EnvironmentName("shop-dev")).checked()
    assert nowhere.value.hint == (
        "write it, for example: echo registry.example.com/team/ > shop-dev/images_path"
    )


def test_a_lock_that_cannot_be_read_keeps_nothing_from_being_deployed() -> None:
    environment = snapshot({"shop-dev/web.deployment": A, "shop-dev/web.lock": "="}).environment(
        EnvironmentName("shop-dev")
    )

    assert environment.findings
    assert environment.checked() is environment
    assert environment.versions[ServiceName("web")].tag == A


def test_gitops_toml_that_cannot_be_read_has_the_defaults_and_says_so() -> None:
    read = snapshot({"shop-dev/web.deployment": A, "gitops.toml": "stages = 1\n"})

    assert read.environments
    assert read.settings is not None
    assert read.team._replace(defects=()) == TeamSettings()
    assert {defect.where for defect in read.team.defects} == {"gitops.toml:1"}


@pytest.mark.parametrize(
    ("files", "holds"),
    [
        ({"shop-dev/web.deployment": A}, True),
        ({"gitops.toml": ""}, True),
        ({"Shop/web.deployment": A}, True),
        ({"src/main.py": ""}, False),
    ],
)
def test_what_a_state_repository_is(files: dict[str, str | bytes | FileType], holds: bool) -> None:
    assert snapshot(files, paths=False).holds_state is holds


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("shop-dev/web.deployment", "web"),
        ("web.cronjob", "web"),
        ("shop-dev/Web.deployment", None),
        ("shop-dev/web.lock", None),
        ("shop-dev/web", None),
        ("shop-dev/.deployment", None),
    ],
)
def test_the_service_of_a_path(path: str, service: str | None) -> None:
    assert service_at(path) == service


def test_findings_are_counted_by_severity() -> None:
    findings = (
        Finding("a", 1, "x", "m"),
        Finding("b", 2, "x", "m", None, WARNING),
        Finding("c", 3, "x", "m", None, WARNING),
    )
    validation = Validation(Subject.INDEX, None, 1, 2, findings)

    assert (validation.count(ERROR), validation.count(WARNING)) == (1, 2)
    assert findings[1].where == "b:2"


def test_approvals_are_read_and_what_is_none_is_told() -> None:
    yes = f'version = "{A}"\n[[approved]]\nby = "Ann"\nat = "noon"\n'
    read = snapshot(
        {
            "shop-qa/web.deployment": A,
            "shop-qa/a.approval": 'version = "a b"',
            "shop-qa/b.approval": FileType.SYMLINK,
            "shop-qa/web.approval": yes,
            "shop-qa/we_b\x07.approval": yes,
        }
    ).environment(EnvironmentName("shop-qa"))

    web = ServiceName("web")
    path = "shop-qa/web.approval"
    assert read.approvals == {web: Approval(path, web, Version(A), (Yes("Ann", "noon"),))}
    no_file = "not TOML: is not UTF-8 text"
    assert [f for f in read.findings if f.path.endswith(".approval")] == [
        Finding(
            "shop-qa/a.approval",
            1,
            "approval",
            "`version` is not a version; it approves nothing",
            None,
            WARNING,
        ),
        Finding(
            "shop-qa/b.approval", 1, "approval", f"{no_file}; it approves nothing", None, WARNING
        ),
        Finding(
            "shop-qa/we_b\x07.approval",
            1,
            "service-name",
            f"`we_b\\x07` is not the name of a service: {SERVICE_RULE}",
            None,
            ERROR,
        ),
    ]
