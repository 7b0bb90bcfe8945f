"""One reading of git URLs: which spellings name one repository, and which name none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.git_url import (
    GitUrl,
    identity_of,
    parse_git_url,
    repository_name,
    rewritten,
    same_repository,
    tolerant,
)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("git@github.com:acme/auth.git", GitUrl("ssh", "github.com", "acme/auth.git", "git")),
        ("gh:acme/auth", GitUrl("ssh", "gh", "acme/auth")),
        ("git@[host:2222]:acme/auth", GitUrl("ssh", "host", "acme/auth", "git", 2222)),
        ("[2001:db8::1]:auth.git", GitUrl("ssh", "2001:db8::1", "auth.git")),
        ("ssh://git@Git.Example:22/a//b", GitUrl("ssh", "git.example", "a//b", "git", 22)),
        ("git+ssh://git@host/a", GitUrl("ssh", "host", "a", "git")),
        ("https://user:secret@host/a.git/", GitUrl("https", "host", "a.git", "user")),
        ("file:///srv/auth.git", GitUrl("file", "", "/srv/auth.git")),
        ("file://localhost/srv/auth.git", GitUrl("file", "", "/srv/auth.git")),
        ("/srv/a:b.git", GitUrl("file", "", "/srv/a:b.git")),
        ("../auth", GitUrl("file", "", "../auth")),
    ],
)
def test_a_url_is_taken_apart_as_git_does(text, parts):
    assert parse_git_url(text) == parts


@pytest.mark.parametrize(
    "text", ["", "ext::sh -c id", "fd::3", "-oProxyCommand=x", "a\nb", "svn://host/a", "host::path"]
)
def test_programs_and_options_are_no_urls(text):
    assert parse_git_url(text) is None


@pytest.mark.parametrize("text", ["ssh://-oProxyCommand=x/y", "ssh:///x", "https://h:port/x"])
def test_what_names_no_host_is_told(text):
    with pytest.raises(UsageError):
        parse_git_url(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("git@github.com:acme/auth.git", "https://github.com/acme/auth"),
        ("ssh://git@github.com/acme/auth", "git@GitHub.com:acme/auth.git"),
        ("git@github.com:Acme/Auth", "https://github.com/acme/auth.git"),
        ("git+ssh://git@github.com/acme/auth", "git@github.com:acme/auth"),
        ("https://github.com//acme//auth/", "git@github.com:acme/auth"),
        ("ssh://git@ssh.github.com:443/acme/auth.git", "git@github.com:acme/auth"),
        ("https://token@gitlab.example.com/Team/auth", "git@gitlab.example.com:team/auth"),
        ("git@ssh.dev.azure.com:v3/org/shop/auth", "https://dev.azure.com/org/shop/_git/auth"),
        ("https://dev.azure.com/org/a%20b/_git/x", "git@ssh.dev.azure.com:v3/org/a b/x"),
        ("git@git.acme.example:auth", "https://git.acme.example/auth.git"),
        ("git@git.acme.example:/srv/auth", "ssh://git@git.acme.example/srv/auth"),
        ("file:///srv/auth.git", "/srv/auth"),
        ("file:///srv//auth", "/srv/auth/.git"),
    ],
)
def test_spellings_of_one_repository_are_one(one, other):
    assert same_repository(one, other)
    assert same_repository(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("git@github.com:acme/auth.git", "git@github.com:acme/web.git"),
        ("git@github.com:acme/auth", "git@gitlab.com:acme/auth"),
        ("git@git.acme.example:acme/Auth", "git@git.acme.example:acme/auth"),
        ("/srv/auth", "git@github.com:srv/auth"),
        ("/srv/Auth", "/srv/auth"),
        ("ext::sh", "ext::bash"),
    ],
)
def test_different_repositories_are_two(one, other):
    assert not same_repository(one, other)


@pytest.mark.parametrize(
    ("remote", "name"),
    [
        ("git@github.com:acme/auth.git", "auth"),
        ("gh:auth", "auth"),
        ("https://github.com/acme/auth/", "auth"),
        ("file:///srv/git/auth.git", "auth"),
        ("git@host:auth.git", "auth"),
        ("/srv/auth/.git", "auth"),
    ],
)
def test_a_repository_is_named_like_the_end_of_its_url(remote, name):
    assert repository_name(remote) == name


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("gh:acme/auth", "git@github.com:acme/auth"),
        ("https://github.com/acme/auth", "git@mirror:acme/auth"),
        ("https://github.com/other/x", "ssh://proxy/other/x"),
        ("git@github.com:acme/auth", "git@github.com:acme/auth"),
    ],
)
def test_the_longest_insteadof_counts(text, meant):
    rules = [
        ("git@github.com:", "gh:"),
        ("ssh://proxy/", "https://github.com/"),
        ("git@mirror:acme/", "https://github.com/acme/"),
        ("never", ""),
    ]
    assert rewritten(text, rules) == meant


@pytest.mark.parametrize(
    ("url", "is_called"),
    [
        ("git@GitHub.com:Acme/State.git", "github.com/acme/state"),
        ("https://ci:secret@github.com/acme/state", "github.com/acme/state"),
        ("/srv/state.git", "/srv/state.git"),
        ("file:///srv/x/../state.git", "/srv/state.git"),
        ("../state.git", "/home/state.git"),
        ("ext::sh -c x", "ext::sh -c x"),
    ],
)
def test_a_repository_is_called_one_name_however_it_is_spelt(url, is_called):
    assert identity_of(url, "/home/tess") == is_called


@pytest.mark.sweep
@given(st.text(max_size=60))
def test_no_text_breaks_the_reading(text):
    tolerant(text)
    repository_name(text)
    assert same_repository(text, text)
