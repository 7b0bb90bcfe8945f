"""Labels, commands and secrets of an image, as plain values."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.release.building import (
    CommitRequest,
    check_container,
    check_secret,
    image_labels,
    parse_command,
    web_address,
)

NOW = datetime(2026, 11, 23, 12, 30, tzinfo=timezone(timedelta(hours=1)))


def test_the_time_of_a_label_is_in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as elsewhere:  # the machine's own zone is no matter
        elsewhere.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        labels = image_labels(revision="a", source=None, built=NOW, more=[])
    time.tzset()
    assert labels["org.opencontainers.image.created"] == "2026-11-23T11:30:00Z"


def test_labels_are_those_of_the_image_specification() -> None:
    labels = image_labels(
        revision="a" * 40, source="git@example.com:acme/web.git", built=NOW, more=["team=shop"]
    )

    assert labels == {
        "org.opencontainers.image.revision": "a" * 40,
        "org.opencontainers.image.created": "2026-11-23T11:30:00Z",
        "org.opencontainers.image.source": "https://example.com/acme/web",
        "team": "shop",
    }


def test_a_label_may_be_said_otherwise_or_be_empty() -> None:
    more = ["org.opencontainers.image.source=elsewhere", "empty="]

    labels = image_labels(revision="a", source="file:///x", built=NOW.astimezone(UTC), more=more)

    assert labels["org.opencontainers.image.source"] == "elsewhere"
    assert labels["empty"] == ""


@pytest.mark.parametrize("word", ["team", "=shop"])
def test_a_label_has_a_name_and_a_value(word: str) -> None:
    with pytest.raises(UsageError, match="NAME=VALUE"):
        image_labels(revision="a", source=None, built=NOW, more=[word])


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("git@github.com:acme/web.git", "https://github.com/acme/web"),
        ("ssh://git@git.example.com:2222/acme/web.git", "https://git.example.com/acme/web"),
        ("https://ada:secret@example.com/acme/web.git", "https://example.com/acme/web"),
        ("https://token@example.com/acme/web", "https://example.com/acme/web"),
        ("https://example.com/acme/web", "https://example.com/acme/web"),
        ("/srv/git/web.git", "/srv/git/web"),
    ],
)
def test_a_remote_becomes_an_address_without_credentials(remote: str, expected: str) -> None:
    assert web_address(remote) == expected


def test_a_command_is_split_as_a_shell_does() -> None:
    assert parse_command("nginx -g 'daemon off;'") == ["nginx", "-g", "daemon off;"]
    assert parse_command(None) is None


@pytest.mark.parametrize("text", ["", "  ", "nginx 'open"])
def test_a_command_that_is_none(text: str) -> None:
    with pytest.raises(UsageError, match="--cmd"):
        parse_command(text)


def test_changes_to_a_committed_image_are_dockerfile_instructions() -> None:
    request = CommitRequest("c", ["sh", "-c", 'echo "$HOME"'], {"a b": 'say "$x"'})

    assert request.changes == [
        r'LABEL "a b"="say \"\$x\""',
        r'CMD ["sh", "-c", "echo \"$HOME\""]',
    ]
    assert CommitRequest("c").changes == []


@pytest.mark.parametrize(
    ("entrypoint", "changes"),
    [
        (["tini", "--"], ['ENTRYPOINT ["tini", "--"]', 'CMD ["nginx", "-g"]']),
        ([], ['ENTRYPOINT ["nginx", "-g"]', "CMD []"]),
    ],
)
def test_the_images_entrypoint_takes_the_command_or_is_it(
    entrypoint: list[str], changes: list[str]
) -> None:
    assert CommitRequest("c", ["nginx", "-g"], entrypoint=entrypoint).changes == changes


@pytest.mark.parametrize("text", ["--help", "", "a b", "x/y", "-v"])
def test_what_is_no_container(text: str) -> None:
    with pytest.raises(UsageError, match="container"):
        check_container(text)


@pytest.mark.parametrize("text", ["site", "69cb502ab0d1", "a.b_c-d"])
def test_what_is_a_container(text: str) -> None:
    assert check_container(text) == text


@pytest.mark.parametrize("text", ["id=npm,env=TOKEN", "id=npm,src=/run/x", "type=env,id=npm"])
def test_a_secret_says_where_it_is(text: str) -> None:
    assert check_secret(text, {"TOKEN": ""}) == text


@pytest.mark.parametrize("text", ["hunter2", "npm=hunter2", "id=npm,value=hunter2", "env=hunter2"])
def test_a_secret_itself_is_refused_and_not_quoted(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_secret(text, {})

    assert "hunter2" not in f"{caught.value.message}{caught.value.hint}"


def test_a_secrets_variable_that_is_not_set_is_no_empty_secret() -> None:
    with pytest.raises(UsageError, match="id=npm: the variable that `env=` names is not set"):
        check_secret("id=npm,env=NPM_TOKEN", {"NPM_TOKE": "x"})


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("git@example.com:acme/web.git", "https://example.com/acme/web"),
        ("example.com:acme/web", "https://example.com/acme/web"),
        ("ssh://git@example.com:2222/acme/web.git", "https://example.com/acme/web"),
        ("ssh://example.com/acme/web", "https://example.com/acme/web"),
        ("ssh://a@b@example.com/acme/web", "https://example.com/acme/web"),
        ("https://user:secret@example.com/acme/web.git", "https://example.com/acme/web"),
        ("https://example.com:8443/a://b.git", "https://example.com:8443/a://b"),
        ("file:///srv/web.git", "file:///srv/web"),
    ],
)
def test_a_remote_as_others_may_read_it(remote: str, address: str) -> None:
    assert web_address(remote) == address


def test_what_is_said_of_words_that_cannot_be_meant() -> None:
    with pytest.raises(UsageError) as label:
        image_labels(revision="a", source=None, built=NOW, more=["x\x1b"])
    assert label.value.message == r"--label x\x1b: write NAME=VALUE"
    with pytest.raises(UsageError) as empty:
        parse_command(" ")
    assert (empty.value.message, empty.value.hint) == (
        "--cmd: is empty",
        "--cmd \"nginx -g 'daemon off;'\"",
    )
    with pytest.raises(UsageError) as quote:
        parse_command("a 'b")
    assert quote.value.message == "--cmd a 'b: No closing quotation"
    with pytest.raises(UsageError) as container:
        check_container("-x")
    assert container.value.message == "`-x` is not the id or name of a container"
    with pytest.raises(UsageError) as secret:
        check_secret("hunter2", {})
    assert (secret.value.message, secret.value.hint) == (
        "--secret: names where a secret is, not what it is",
        "--secret id=npm,env=NPM_TOKEN, or --secret id=npm,src=FILE",
    )
    with pytest.raises(UsageError) as unset:
        check_secret("id=npm,env=NPM_TOKEN", {})
    assert (unset.value.message, unset.value.hint) == (
        "--secret id=npm: the variable that `env=` names is not set",
        "give the job that secret, and look at how the variable is written",
    )


def test_a_label_is_split_at_its_first_equals_sign() -> None:
    labels = image_labels(revision="a", source=None, built=NOW, more=["a=b=c"])

    assert labels["a"] == "b=c"
    assert "org.opencontainers.image.source" not in labels


def test_every_way_to_name_a_secret() -> None:
    for text in ("id=n,src=/a=b", "id=n,source=f,type=file", "type=env,id=n,env=A,src=f,source=f"):
        assert check_secret(text, {"A": ""}) == text


def test_what_a_committed_image_gets_is_written_as_it_is() -> None:
    request = CommitRequest("c", ["sag", "größer"], {"k": "für $5"})

    assert request.changes == ['LABEL "k"="für \\$5"', 'CMD ["sag", "größer"]']
    entry = request._replace(labels={}, entrypoint=["tini"])
    assert entry.changes == ['ENTRYPOINT ["tini"]', 'CMD ["sag", "größer"]']
    none = request._replace(labels={}, entrypoint=[])
    assert none.changes == ['ENTRYPOINT ["sag", "größer"]', "CMD []"]
    assert CommitRequest("c", labels={"k": "v"}).changes == ['LABEL "k"="v"']
