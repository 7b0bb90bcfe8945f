"""A registry with TLS that asks who it is: logins, helpers, authorities, and no secret anywhere."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.node.company import ACCOUNT, company, release
from tests.node.watching import command_lines
from tests.testbed.engine import ContainerEngine
from tests.testbed.git import git
from tests.testbed.gitops import Gitops
from tests.testbed.registry import Account, RealRegistry

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("engines")]


def test_over_tls_with_credentials(
    tmp_path: Path, gitops: Gitops, engine: ContainerEngine, closed: RealRegistry
) -> None:
    shop = company(tmp_path, gitops, engine, closed)

    log = tmp_path / "programs"

    done = release(shop.traced(log), engine, "--pin", "-v").ok()

    assert shop.recorded() == f"{shop.head}@{shop.digest(shop.head)}"
    said = f"{done.stdout}{done.stderr}{git(shop.state, 'log', '-p', 'main')}"
    for secret in (ACCOUNT.password, ACCOUNT.packed):
        assert secret not in said
        assert secret not in closed.log.read_text()
        assert not [line for line in command_lines(log) if secret in line]


def test_a_credential_helper_logs_in(
    tmp_path: Path, gitops: Gitops, engine: ContainerEngine, closed: RealRegistry
) -> None:
    shop, log = company(tmp_path, gitops, engine, closed), tmp_path / "programs"
    config = gitops.home / ".docker" / "config.json"
    config.write_text(json.dumps({"credHelpers": {closed.address: "vault"}}))
    vault = tmp_path / "bin" / "docker-credential-vault"
    vault.parent.mkdir()
    (tmp_path / "secret").write_text(
        json.dumps({"Username": ACCOUNT.user, "Secret": ACCOUNT.password})
    )
    vault.write_text(f'#!/bin/sh\n[ "$1" = get ] && exec cat {tmp_path}/secret\n')
    vault.chmod(0o755)
    path = shop.gitops.environment["PATH"]
    helped = replace(shop, gitops=shop.gitops.using(PATH=f"{vault.parent}:{path}"))

    done = release(helped.traced(log), engine, "--pin", "-v").ok()

    assert shop.recorded() == f"{shop.head}@{helped.digest(shop.head)}"
    ran = command_lines(log)
    assert [line for line in ran if "docker-credential-vault get" in line]
    assert not [line for line in ran if ACCOUNT.password in line]
    assert ACCOUNT.password not in str(done)


def test_the_users_config_names_a_registrys_authority(
    tmp_path: Path, gitops: Gitops, docker: ContainerEngine, closed: RealRegistry
) -> None:
    shop = company(tmp_path, gitops, docker, closed)
    shutil.rmtree(gitops.home / ".config" / "containers")
    digest = closed.push("shop/web", shop.head)

    distrusted = shop.gitops("set", "-e", "dev", "--verify-image")
    config = gitops.home / "config" / "gitops" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f'[registry."{closed.address}"]\nca_file = "{closed.ca_file}"\n')
    shop.gitops("set", "-e", "dev", "--verify-image", "--pin").ok()

    assert distrusted.code == 5
    assert "its certificate is not trusted" in distrusted.stderr
    assert "ca_file" in distrusted.stderr
    assert shop.recorded() == f"{shop.head}@{digest}"


def test_a_wrong_password_is_not_shown(
    tmp_path: Path, gitops: Gitops, engine: ContainerEngine, closed: RealRegistry
) -> None:
    shop, wrong = company(tmp_path, gitops, engine, closed), Account("ci", "wr0ng-pa55word")
    config = gitops.home / ".docker" / "config.json"
    config.write_text(closed.docker_config().replace(ACCOUNT.packed, wrong.packed))
    assert wrong.packed in config.read_text()

    done = release(shop, engine, "-v")

    assert done.code == 4, done
    for secret in (wrong.password, wrong.packed):
        assert secret not in done.stdout + done.stderr


def test_without_credentials_it_says_where_to_log_in(
    tmp_path: Path, gitops: Gitops, engine: ContainerEngine, closed: RealRegistry
) -> None:
    shop = company(tmp_path, gitops, engine, closed)
    (gitops.home / ".docker" / "config.json").write_text("{}")

    done = release(shop, engine)

    assert done.code == 4
    assert f"{engine.name} login {closed.address}" in done.stderr
