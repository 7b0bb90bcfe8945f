"""Credentials of URLs: in git's environment, and not in its arguments."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping

import pytest

from gitops_cli.git.environment import without_credentials
from tests.testbed.git import environment


def asked(variables: Mapping[str, str], url: str) -> dict[str, str]:
    """Return what git itself, told no more than this, would log in with."""
    done = subprocess.run(
        ["git", "credential", "fill"],
        input=f"url={url}\n\n",
        env={**environment(), "GIT_TERMINAL_PROMPT": "0", **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


@pytest.mark.parametrize(
    ("given", "bare", "user", "password"),
    [
        ("https://ci:s3cret@git.test/a/b.git", "https://git.test/a/b.git", "ci", "s3cret"),
        ("http://ci:s3cret@127.0.0.1:80/a", "http://127.0.0.1:80/a", "ci", "s3cret"),
        ("https://x:a%2Fb%40c:d@git.test/a", "https://git.test/a", "x", "a/b@c:d"),
        ("https://x:a@b@git.test/a", "https://git.test/a", "x", "a@b"),
        ("HTTPS://t0ken:@Git.test/a", "HTTPS://Git.test/a", "t0ken", ""),
        ("https://x:$(id)\\n`'\"@git.test/a", "https://git.test/a", "x", "$(id)\\n`'\""),
    ],
)
def test_git_logs_in_with_what_the_url_held(
    given: str, bare: str, user: str, password: str
) -> None:
    arguments, variables = without_credentials(["fetch", "--", given, "main"], {})

    assert arguments == ["fetch", "--", bare, "main"]
    told = asked(variables, bare)
    assert (told["username"], told["password"]) == (user, password)


def test_a_user_name_alone_leaves_the_password_to_others() -> None:
    helper = {"GIT_CONFIG_KEY_0": "credential.helper", "GIT_CONFIG_COUNT": "1"}
    helper["GIT_CONFIG_VALUE_0"] = "!echo password=of-the-helper; cat >&2; :"

    arguments, variables = without_credentials(["fetch", "https://ada@git.test/a"], helper)

    assert arguments == ["fetch", "https://git.test/a"]
    told = asked(variables, "https://git.test/a")
    assert (told["username"], told["password"]) == ("ada", "of-the-helper")


def test_the_urls_credentials_go_before_helpers() -> None:
    helper = {"GIT_CONFIG_KEY_0": "credential.helper", "GIT_CONFIG_COUNT": "1"}
    helper["GIT_CONFIG_VALUE_0"] = "!echo username=other; echo password=other; :"

    _, variables = without_credentials(["fetch", "https://ci:s3cret@git.test/a"], helper)

    assert asked(variables, "https://git.test/a")["password"] == "s3cret"
    assert asked(variables, "https://elsewhere.test/a")["password"] == "other"


@pytest.mark.parametrize(
    "url", ["git@git.test:a/b", "ssh://git@git.test/a", "https://git.test/@a", "/srv/a@b", "-v"]
)
def test_others_stay_as_they_are(url: str) -> None:
    variables = {"A": "b"}

    assert without_credentials(["push", url], variables) == (["push", url], variables)
