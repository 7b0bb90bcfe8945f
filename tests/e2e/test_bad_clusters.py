"""What is wrong with a cluster or the way to it: one error, its exit code, nothing changed."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops_cli.domain.errors import ExitCode
from tests.testbed import article as articles
from tests.testbed.article import Article, deploy
from tests.testbed.controlplane import ControlPlane
from tests.testbed.git import git
from tests.testbed.gitops import Gitops, gitops_with_home
from tests.testbed.kube import Kube
from tests.testbed.kubeconfig import write_kubeconfig
from tests.testbed.ports import free_port

NEW = "b" * 40
LOOK = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list"]}
PODS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}

OTHER_CA = """\
-----BEGIN CERTIFICATE-----
MIIBdzCCAR2gAwIBAgIUbCf6rxOmr9YWER+ep5ogGnAl+0MwCgYIKoZIzj0EAwIw
EDEOMAwGA1UEAwwFb3RoZXIwIBcNMjYxMTIzMTk1NzU3WhgPMjEyNjEwMzAxOTU3
NTdaMBAxDjAMBgNVBAMMBW90aGVyMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
D2RYitDsRaV35PydsjOdwMrtck73t4FjNgzeYOT6zrBdAZk6FKbH1q4RPuHXz6Fc
ZC+1O3rizQDgnDC3nO9UH6NTMFEwHQYDVR0OBBYEFEI0oYO/Kz/wTHhTuvhlRrXr
KHFhMB8GA1UdIwQYMBaAFEI0oYO/Kz/wTHhTuvhlRrXrKHFhMA8GA1UdEwEB/wQF
MAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAIAPRUxquDLwLFfwEWTA2BGn5dt/z6Im
XsoQMAxcaOWjAiBuMF56HC6IWI1uFa4Rgg8Oft/L0BEx6fKifyopB4IZgg==
-----END CERTIFICATE-----
"""


@dataclass(frozen=True, slots=True)
class Bed:
    """An environment that is out of sync in one service, so that a sync would change something."""

    directory: Path
    environment: str
    article: Article
    plane: ControlPlane
    kube: Kube
    gitops: Gitops

    def kubeconfig(self, **changes: Any) -> Path:
        """Write a kubeconfig; the changes are arguments of `write_kubeconfig`."""
        usual: dict[str, Any] = {"url": self.plane.url, "ca_file": self.plane.ca_file}
        return write_kubeconfig(self.directory / "kubeconfig", **(usual | changes))

    def state(self) -> object:
        """Return all that no command of these tests may change."""
        workloads = self.kube.find("Deployment", self.environment)
        return (
            [(each["metadata"], each["spec"]) for each in workloads],
            git(self.article.remote, "for-each-ref"),
            git(self.gitops.directory, "for-each-ref"),
            git(self.gitops.directory, "status", "--porcelain", "--ignored"),
        )


@pytest.fixture(scope="module")
def bed(
    tmp_path_factory: pytest.TempPathFactory, kube: Kube, control_plane: ControlPlane
) -> Iterator[Bed]:
    """Return the environment, for all of these tests: none of them changes it."""
    directory = tmp_path_factory.mktemp("bed")
    article = articles.build(directory / "article", prefix=f"p{secrets.token_hex(3)}-")
    environment = article.environment("development")
    deploy(kube, article, [environment])
    kube.wait_all_rolled_out("Deployment", environment)
    article.push(environment, {"authentication": NEW})
    gitops = gitops_with_home(directory / "home").at(article.clone())
    yield Bed(directory, environment, article, control_plane, kube, gitops)
    kube.delete_namespace(environment)


def missing_file(bed: Bed) -> Path:
    return bed.directory / "no-such-file"


def another_context(bed: Bed) -> Path:
    file = bed.kubeconfig(token="t")
    file.write_text(file.read_text().replace("current-context: test", "current-context: gone"))
    return file


def not_yaml(bed: Bed) -> Path:
    file = bed.kubeconfig(token="t")
    file.write_text("clusters: [\n")
    return file


def failing_plugin(bed: Bed) -> Path:
    return with_plugin(bed, ["sh", "-c", "echo 'your session has expired' >&2; exit 1"])


def missing_plugin(bed: Bed) -> Path:
    return with_plugin(bed, ["no-such-login"])


def talkative_plugin(bed: Bed) -> Path:
    return with_plugin(bed, ["echo", "Hello"])


def with_plugin(bed: Bed, command: list[str]) -> Path:
    """Write a kubeconfig whose token comes from a command."""
    file = bed.kubeconfig(token="t")
    config = yaml.safe_load(file.read_text())
    config["users"][0]["user"] = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": command[0],
            "args": command[1:],
            "interactiveMode": "Never",
        }
    }
    file.write_text(yaml.safe_dump(config))
    return file


def expired_token(bed: Bed) -> Path:
    return bed.kubeconfig(token="expired")


def may_do_nothing(bed: Bed) -> Path:
    return bed.kubeconfig(token=account(bed, []))


def may_only_look(bed: Bed) -> Path:
    return bed.kubeconfig(token=account(bed, [LOOK, PODS]))


def account(bed: Bed, rules: list[dict[str, list[str]]]) -> str:
    """Return the token of a new ServiceAccount with these rights in the environment."""
    return bed.kube.service_account(bed.environment, f"bot-{secrets.token_hex(3)}", rules)


def another_authority(bed: Bed) -> Path:
    other = bed.directory / "other-ca.crt"
    other.write_text(OTHER_CA)
    return bed.kubeconfig(token="t", ca_file=other)


def nobody_listens(bed: Bed) -> Path:
    return bed.kubeconfig(token="t", url=f"https://127.0.0.1:{free_port()}")


# (how the kubeconfig is wrong, exit code, what the error must say), for commands that read …
READING: list[tuple[Callable[[Bed], Path], ExitCode, str]] = [
    (missing_file, ExitCode.USAGE, "no-such-file does not exist"),
    (another_context, ExitCode.USAGE, "no context `gone`"),
    (not_yaml, ExitCode.USAGE, "kubeconfig:2: not YAML"),
    (failing_plugin, ExitCode.DENIED, "your session has expired"),
    (missing_plugin, ExitCode.DENIED, "no-such-login"),
    (talkative_plugin, ExitCode.DENIED, "gave no credentials"),
    (expired_token, ExitCode.DENIED, "Unauthorized"),
    (may_do_nothing, ExitCode.DENIED, "not permitted to list deployments"),
    (another_authority, ExitCode.API, "certificate"),
    (nobody_listens, ExitCode.API, "Connection refused"),
]
# … and for those that write.
WRITING = [*READING, (may_only_look, ExitCode.DENIED, "not permitted to patch deployments")]


def name_of(value: object) -> str:
    return getattr(value, "__name__", "")


@pytest.mark.parametrize(("wrong", "code", "said"), READING, ids=name_of)
def test_diff(bed: Bed, wrong: Callable[[Bed], Path], code: ExitCode, said: str) -> None:
    fails(bed, ["diff", bed.environment], wrong(bed), code, said)


@pytest.mark.parametrize(("wrong", "code", "said"), WRITING, ids=name_of)
def test_sync(bed: Bed, wrong: Callable[[Bed], Path], code: ExitCode, said: str) -> None:
    fails(bed, ["sync", bed.environment, "--wait"], wrong(bed), code, said)


def test_a_dry_run_on_the_server_needs_the_right_too(bed: Bed) -> None:
    arguments = ["sync", bed.environment, "--dry-run=server"]
    fails(bed, arguments, may_only_look(bed), ExitCode.DENIED, "not permitted to patch deployments")


@pytest.mark.parametrize("command", ["diff", "sync"])
def test_an_environment_that_does_not_exist(bed: Bed, command: str) -> None:
    fails(bed, [command, "p-nothing"], bed.plane.kubeconfig, ExitCode.USAGE, "p-nothing")


@pytest.mark.parametrize("command", ["diff", "sync"])
def test_a_namespace_that_does_not_exist(bed: Bed, command: str) -> None:
    """That is an answer, and no: everything in it is missing; and it is not made by the way."""
    absent = bed.article.environment("production")

    ran = bed.gitops.using(KUBECONFIG=bed.plane.kubeconfig)(command, absent)

    assert ran.code == ExitCode.NO, ran
    assert f"namespace {absent} does not exist" in ran.stderr
    assert ran.stdout.count("missing") == 4
    assert not bed.kube.exists("Namespace", None, absent)


def fails(bed: Bed, arguments: list[str], kubeconfig: Path, code: ExitCode, said: str) -> None:
    """Run a command that must fail with one error, and change nothing."""
    before = bed.state()

    ran = bed.gitops.using(KUBECONFIG=kubeconfig)(*arguments)

    assert ran.code == code, ran
    assert bed.state() == before
    assert "Traceback" not in ran.stderr, ran
    errors = [line for line in ran.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, ran
    assert said in errors[0], ran
