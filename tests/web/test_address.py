"""URLs that a kubeconfig, a registry or its redirects name."""

from __future__ import annotations

import pytest

from gitops_cli.web.address import parse_address


@pytest.mark.parametrize(
    ("url", "netloc", "host", "port", "path"),
    [
        ("https://api.example", "api.example", "api.example", 443, ""),
        ("http://api.example:8080/a/b?c=d", "api.example:8080", "api.example", 8080, "/a/b?c=d"),
        ("https://[::1]:6443/", "[::1]:6443", "::1", 6443, "/"),
        ("https://prüf.example:6443", "xn--prf-ioa.example:6443", "xn--prf-ioa.example", 6443, ""),
    ],
)
def test_an_address_is_what_it_looks_like(
    url: str, netloc: str, host: str, port: int, path: str
) -> None:
    address = parse_address(url)

    assert (address.netloc, address.host, address.port, address.path) == (netloc, host, port, path)
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/v2/", "https://here.example:5000/v2/"),
        ("?a=b", "https://here.example:5000/base?a=b"),
        ("//there.example/x", "https://there.example/x"),
        ("http://there.example", "http://there.example"),
    ],
)
def test_a_relative_one_begins_where_it_was_said(location: str, expected: str) -> None:
    assert str(parse_address(location, "https://here.example:5000/base")) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "here.example",
        "ftp://here.example",
        "https://",
        "https://[",
        "https://[::1",
        "https://a@b",
        "https://127.0.0.1:x@b.example",
        "https://127.0.0.1\\@b.example",
        "https://a:0",
        "https://a:65536",
        "https://a:port",
        "https://a:-1",
        "https://a b",
        "https://a/b c",
        "https://a/\r\nX: y",
        "https://a\t.example",
        "https://a/ü",
        "https://\ud800",
        "https://" + "a" * 70 + "ü",
        "https://%61.example",
        "https://a%00",
    ],
)
def test_what_two_readers_may_read_differently_is_none(url: str) -> None:
    with pytest.raises(ValueError, match=r"not a|Invalid|Port|port|codec|label|IPv"):
        parse_address(url)


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("https://anywhere.example", True),
        ("http://anywhere.example", False),
        ("http://127.0.0.1:8001", True),
        ("http://[::1]:8001", True),
        ("http://localhost:8001", True),
        ("http://localhost.example", False),
        ("http://127.0.0.1.example", False),
    ],
)
def test_only_tls_and_this_machine_are_private(url: str, private: bool) -> None:
    assert parse_address(url).is_private is private
