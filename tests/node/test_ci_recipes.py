"""The recipes' own commands, run for real: docker, a registry with TLS, git over ssh."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops_cli.domain.recorded.blueprint import Pipelines
from gitops_cli.operations.recipes import recipe_files
from tests.node.company import ACCOUNT
from tests.node.watching import command_lines, traced
from tests.testbed.engine import ContainerEngine
from tests.testbed.git import Commit, add_commits, git, init_bare
from tests.testbed.gitops import Gitops
from tests.testbed.registry import RealRegistry
from tests.testbed.sshd import Sshd

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("engines")]
DEV = "shop-development"


@dataclass
class Pipeline:
    """A runner of a CI system: a clean home, a checkout of the service, secrets in variables."""

    directory: Path
    checkout: Path
    state: Path
    variables: Mapping[str, str]
    registry: RealRegistry
    url: str
    key: Path
    known_hosts: Path

    @property
    def programs(self) -> Path:
        """Where the programs that ran are listed."""
        return self.directory / "programs.log"

    def recipe(self, forge: Pipelines) -> str:
        """Return the recipe as init writes it for this repository and registry."""
        files = recipe_files(forge, repository=self.url, registry=self.registry.address)
        [text] = files.values()
        return text

    def run(self, shell: list[str], script: str, variables: Mapping[str, Any]) -> str:
        """Run a script as the system does, and return all it said."""
        file = self.directory / "script"
        file.write_text(script)
        done = subprocess.run(
            [*traced(self.programs), *shell, str(file)],
            cwd=self.checkout,
            env={**self.variables, **{name: str(value) for name, value in variables.items()}},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=200,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout


@pytest.fixture
def pipeline(
    tmp_path: Path, gitops: Gitops, docker: ContainerEngine, closed: RealRegistry, sshd: Sshd
) -> Pipeline:
    remote = init_bare(tmp_path / "sources" / "web.git")
    git(tmp_path, "clone", "-q", remote, "web")
    checkout = tmp_path / "web"
    shutil.copy("/bin/busybox", checkout / "busybox")
    (checkout / "Dockerfile").write_text('FROM scratch\nCOPY busybox /\nCMD ["/busybox"]\n')
    (checkout / "note").write_text(str(tmp_path))  # a hash of its own for each test
    git(checkout, "add", ".")
    git(checkout, "commit", "-q", "-m", "Begin")
    state = init_bare(tmp_path / "state.git")
    files: dict[str, str | None] = {
        f"{DEV}/images_path": f"{closed.address}/shop/\n",
        "gitops.toml": '[versions]\nnew_services = "allow"\n',
    }
    add_commits(state, [Commit("start", files, 1_793_606_400)])
    (gitops.home / ".gitconfig").unlink()  # a runner knows nobody
    variables = {
        **gitops.environment,
        **docker.variables,
        "CI": "true",
        "PATH": f"{_programs(tmp_path)}:{gitops.environment['PATH']}:/usr/sbin",
        "SSL_CERT_FILE": str(closed.ca_file),
    }
    key = sshd.add_key("state-key")
    return Pipeline(
        tmp_path, checkout, state, variables, closed, sshd.url(state), key, sshd.known_hosts
    )


def _programs(directory: Path) -> Path:
    """Return a directory with what a runner's image has: pipx and apk, which install nothing."""
    programs = directory / "programs"
    programs.mkdir()
    scripts = {
        "pipx": 'case $1 in install) ;; run) shift 3; exec "$@" ;; *) exit 1 ;; esac',
        "apk": '[ "$1" = add ]',
    }
    for name, script in scripts.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    (programs / "docker").symlink_to("/usr/bin/docker")
    return programs


def assert_released(pipeline: Pipeline, said: str) -> None:
    head = git(pipeline.checkout, "rev-parse", "HEAD")
    recorded = git(pipeline.state, "show", f"main:{DEV}/web.deployment")
    assert re.fullmatch(rf"{head}@sha256:[0-9a-f]{{64}}", recorded)
    private = pipeline.key.read_text().splitlines()[1]
    for secret in (ACCOUNT.password, ACCOUNT.packed, private):
        assert secret not in said
        assert secret not in git(pipeline.state, "log", "-p", "main")
        assert not [line for line in command_lines(pipeline.programs) if secret in line]


def test_github_actions(pipeline: Pipeline) -> None:
    workflow = yaml.safe_load(pipeline.recipe(Pipelines.GITHUB))
    known = {
        "secrets.STATE_DEPLOY_KEY": pipeline.key.read_text(),
        "secrets.REGISTRY_PASSWORD": ACCOUNT.password,
        "vars.REGISTRY_USER": ACCOUNT.user,
        "vars.STATE_KNOWN_HOSTS": pipeline.known_hosts.read_text(),
    }
    about = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_ACTOR": "ada",
        "GITHUB_REF_NAME": "main",
        "GITHUB_REPOSITORY": "acme/web",
        "GITHUB_RUN_ID": "42",
    }
    said = ""

    for step in workflow["jobs"]["release"]["steps"]:
        if "run" in step:
            given = {
                name: re.sub(r"\$\{\{ (\S+) \}\}", lambda m: known[m[1]], value)
                for name, value in step.get("env", {}).items()
            }
            shell = ["bash", "-e"]  # GitHub's own, where a step names none
            said += pipeline.run(shell, step["run"], {**workflow["env"], **about, **given})

    assert_released(pipeline, said)
    written = git(pipeline.state, "log", "-1", "--format=%an%n%B", "main")
    assert written.startswith("ada\n")
    assert "Gitops-Run: https://github.com/acme/web/actions/runs/42" in written


def test_gitlab_ci(pipeline: Pipeline) -> None:
    job = yaml.safe_load(pipeline.recipe(Pipelines.GITLAB))["release"]
    given = {
        "GITLAB_CI": "true",
        "GITLAB_USER_NAME": "Ada",
        "GITLAB_USER_EMAIL": "ada@example.com",
        "CI_COMMIT_BRANCH": "main",
        "REGISTRY_USER": ACCOUNT.user,
        "REGISTRY_PASSWORD": ACCOUNT.password,
        "STATE_DEPLOY_KEY": pipeline.key,  # of type file: the variable is its path
        "STATE_KNOWN_HOSTS": pipeline.known_hosts,
    }
    expanded = {
        name: value.replace("$STATE_KNOWN_HOSTS", str(pipeline.known_hosts))
        for name, value in job["variables"].items()
    }
    # GitLab's runner joins both lists into one script.
    script = "\n".join(["set -eo pipefail", *job["before_script"], *job["script"]])

    said = pipeline.run(["bash"], script, {**given, **expanded})

    assert_released(pipeline, said)


def test_jenkins(pipeline: Pipeline) -> None:
    text = pipeline.recipe(Pipelines.JENKINS)
    [script] = re.findall(r"sh '''\n(.*?)'''", text, re.DOTALL)
    assert "\\" not in script, "Groovy would read it before the shell"
    block = re.findall(r"environment \{(.*?)\}", text, re.DOTALL)[0]
    environment = dict(re.findall(r"(\w+) = '(.*)'", block))
    given = {
        "JENKINS_URL": "http://jenkins.test/",
        "BUILD_URL": "http://jenkins.test/job/web/7/",
        "BRANCH_NAME": "main",
        "REGISTRY_USER": ACCOUNT.user,
        "REGISTRY_PASSWORD": ACCOUNT.password,
        "STATE_DEPLOY_KEY": pipeline.key,
        "STATE_KNOWN_HOSTS": pipeline.known_hosts,
    }

    said = pipeline.run(["sh", "-xe"], script, {**environment, **given})

    assert_released(pipeline, said)
    assert not (Path(pipeline.variables["HOME"]) / ".docker").exists(), "the login ended with it"


def test_plain_shell(pipeline: Pipeline) -> None:
    temporary = pipeline.directory / "tmp"
    temporary.mkdir()
    given = {
        "TMPDIR": temporary,
        "REGISTRY_USER": ACCOUNT.user,
        "REGISTRY_PASSWORD": ACCOUNT.password,
        "STATE_DEPLOY_KEY": pipeline.key.read_text(),
        "STATE_KNOWN_HOSTS": pipeline.known_hosts.read_text(),
    }

    said = pipeline.run(["sh"], pipeline.recipe(Pipelines.SHELL), given)
    again = pipeline.run(["sh"], pipeline.recipe(Pipelines.SHELL), given)

    assert_released(pipeline, said + again)
    assert "nothing to do" in again
    assert list(temporary.iterdir()) == [], "key and login are gone"
