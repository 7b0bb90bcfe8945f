"""WWW-Authenticate as registries send it."""

from __future__ import annotations

import pytest

from gitops_cli.registry.challenge import Challenge, parse_challenges


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param('Basic realm="tests"', [("basic", {"realm": "tests"})], id="basic"),
        pytest.param(
            'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",'
            'scope="repository:a/b:pull,push"',
            [
                (
                    "bearer",
                    {
                        "realm": "https://auth.docker.io/token",
                        "service": "registry.docker.io",
                        "scope": "repository:a/b:pull,push",
                    },
                )
            ],
            id="bearer, a comma inside quotes",
        ),
        pytest.param(
            'Bearer realm="https://t/", Basic realm="b"',
            [("bearer", {"realm": "https://t/"}), ("basic", {"realm": "b"})],
            id="two in one line",
        ),
        pytest.param(
            'BEARER Realm=plain,error="invalid_token"',
            [("bearer", {"realm": "plain", "error": "invalid_token"})],
            id="case and a word without quotes",
        ),
        pytest.param(r'Basic realm="a \"b\""', [("basic", {"realm": 'a "b"'})], id="escapes"),
        pytest.param("Negotiate", [("negotiate", {})], id="no parameters"),
        pytest.param("", [], id="empty"),
        pytest.param('="', [], id="nonsense"),
        pytest.param(f'Basic realm=a{" " * 60_000}"', [("basic", {"realm": "a"})], id="blanks"),
    ],
)
def test_reads_challenges(header: str, expected: list[tuple[str, dict[str, str]]]) -> None:
    assert parse_challenges([header]) == [Challenge(*pair) for pair in expected]


def test_reads_every_line() -> None:
    assert [c.scheme for c in parse_challenges(["Basic realm=a", "Bearer realm=b"])] == [
        "basic",
        "bearer",
    ]
