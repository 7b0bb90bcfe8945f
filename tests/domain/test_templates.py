"""Lines of gitops.toml with fields in braces: subjects of commits, notices, places of manifests."""

from __future__ import annotations

import re

import pytest

from gitops_cli.domain.recorded.manifests_place import check_api, check_place, check_release
from gitops_cli.domain.recorded.template import FIELDS, LONGEST, check_template, filled

KNOWN = "{environment}, {action}, {services}, {summary}"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a\nb", "must be one line of visible characters"),
        ("\x1b[31m", "must be one line of visible characters"),
        ("x" * (LONGEST + 1), "is longer than 200 characters"),
        ("{summary} {who}", f"`{{who}}` is not a field; there are {KNOWN}"),
        ("{}", f"`{{}}` is not a field; there are {KNOWN}"),
        ("{summary}}", "has a brace that belongs to no field"),
        ("a { b", "has a brace that belongs to no field"),
    ],
)
def test_a_template_that_could_not_be_filled_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(says)}$"):
        check_template(text)


@pytest.mark.parametrize("text", ["", "X: {summary}", "x" * LONGEST, "{action}{services}"])
def test_a_template_is_kept_as_it_is(text: str) -> None:
    assert check_template(text) == text
    assert check_template("{event}", ["event"]) == "{event}"


def test_a_values_own_braces_stay() -> None:
    values = dict.fromkeys(FIELDS, "x") | {"summary": "{action} {0}"}
    assert filled("X {action}: {summary}", values) == "X x: {action} {0}"


@pytest.mark.parametrize(
    "text",
    [
        ".",
        "chart",
        "../base",
        "../{stage}/{project}/{environment}",
        "../a b",
        "../base/.git",
        "x/../..y",
        "~",
    ],
)
def test_a_place_of_manifests_is_kept_as_it_is(text: str) -> None:
    assert check_place(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "..",
        "../..",
        "../../x",
        "../.git",
        "../.git/hooks",
        "/srv",
        "/{stage}",
        "a\\b",
        "c:/x",
        "a{b",
        "a}b",
        "{stage}}",
        "a\x1fb",
        "a\nb",
    ],
)
def test_a_place_outside_the_repository_or_no_directory_is_refused(text: str) -> None:
    says = f"`{text}` is no directory of this repository, such as `../base`"
    with pytest.raises(ValueError, match=f"^{re.escape(says)}$"):
        check_place(text)


@pytest.mark.parametrize("field", ["name", "", "Stage"])
def test_a_place_has_no_other_fields(field: str) -> None:
    says = f"`{{{field}}}` is none of {{project}}, {{stage}}, {{environment}}"
    with pytest.raises(ValueError, match=f"^{re.escape(says)}$"):
        check_place(f"../{{stage}}/{{{field}}}")


@pytest.mark.parametrize("text", ["1.33", "1.33.2", "v1.28"])
def test_a_release_of_kubernetes(text: str) -> None:
    assert check_release(text) == text


@pytest.mark.parametrize("text", ["", "1", "33", "1.33-eks", "latest", "1.33.2.1", "--x"])
def test_what_is_no_release_of_kubernetes(text: str) -> None:
    with pytest.raises(ValueError, match=r"no release of Kubernetes, such as `1\.33`"):
        check_release(text)


@pytest.mark.parametrize("text", ["v1", "v1/Pod", "a.example.com/v1beta1", "batch/v1/CronJob"])
def test_an_api_of_a_cluster(text: str) -> None:
    assert check_api(text) == text


@pytest.mark.parametrize("text", ["", "batch", "batch/1", "Batch/v1", "batch/v1/cronjob", "a/b/v1"])
def test_what_is_no_api_of_a_cluster(text: str) -> None:
    with pytest.raises(ValueError, match=r"no API, such as `monitoring\.coreos\.com/v1`"):
        check_api(text)
