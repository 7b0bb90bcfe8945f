"""gitops.toml when a service gets another name: comments stay, and what comes out is proved."""

from __future__ import annotations

import tomllib

import pytest

from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.names import ServiceName
from gitops_cli.domain.recorded.team_rename import (
    with_service_copied,
    with_service_renamed,
    with_workload,
)

OLD, NEW = ServiceName("billing"), ServiceName("invoices")
TABLE = """\
stages = ["dev", "prod"]

# who pays
[service.billing]  # since 2019
source = "https://git.example.com/acme/billing.git"
container = ["billing", "billing-migrate"]

[service.billing-batch]
workload = "billing"
"""


def test_a_table_gets_the_new_name_and_nothing_else_changes() -> None:
    found = with_service_renamed(TABLE.encode(), OLD, NEW).decode()

    assert found == TABLE.replace("[service.billing]", "[service.invoices]")


@pytest.mark.parametrize(
    "text",
    [
        '[service."billing"]\nsource = "/x"\n',
        "[ service . 'billing' ]\r\nsource = \"/x\"\r\n",
        'service.billing.source = "/x"\nservice.other.source = "/y"\n',
        '[service]\nbilling.source = "/x"\n\n[stage.production]\nprotected = true\n',
        '[service]\nbilling = { source = "/x" }\n',
        '\ufeff[service.billing]\nsource = "/x"\n',
    ],
)
def test_every_spelling_of_a_table_is_known(text: str) -> None:
    found = with_service_renamed(text.encode(), OLD, NEW)

    before, after = (tomllib.loads(t.removeprefix("\ufeff")) for t in (text, found.decode()))
    assert after["service"].pop("invoices") == before["service"].pop("billing")
    assert after == before


@pytest.mark.parametrize(
    "text",
    [
        'service = { billing = { source = "/x" } }\n',
        '[service.billing]\nsource = """\n[service.billing]\n"""\n',
    ],
)
def test_what_cannot_be_changed_for_sure_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="cannot be changed by itself"):
        with_service_renamed(text.encode(), OLD, NEW)


def test_a_name_with_a_dot_is_quoted() -> None:
    found = with_service_renamed(TABLE.encode(), OLD, ServiceName("a.b")).decode()

    assert '[service."a.b"]' in found


def test_a_service_that_stays_elsewhere_is_copied() -> None:
    found = with_service_copied(TABLE.encode(), OLD, NEW).decode()

    services = tomllib.loads(found)["service"]
    assert found.startswith(TABLE)
    assert services["invoices"] == services["billing"]


@pytest.mark.parametrize("text", ["", 'stages = ["a"]', "[service.invoices] # x", TABLE])
def test_a_workload_keeps_its_old_name(text: str) -> None:
    found = with_workload(text.encode(), NEW, "billing").decode()

    assert tomllib.loads(found)["service"]["invoices"]["workload"] == "billing"
    assert all(line in found for line in text.splitlines())


def test_a_workload_that_is_said_already_is_not_said_twice() -> None:
    with pytest.raises(UsageError, match="billing-batch"):
        with_workload(TABLE.encode(), ServiceName("billing-batch"), "other")


def test_a_service_that_cannot_be_given_a_table_is_named() -> None:
    with pytest.raises(UsageError) as refused:
        with_workload(b'service = { other = { source = "/x" } }\n', NEW, "billing")

    assert refused.value.message == (
        "gitops.toml: what it says of invoices is written so that it cannot be changed by itself"
    )
    assert refused.value.hint == (
        "write it as a table of its own, [service.invoices], then repeat the command"
    )


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("", ""),
        (" \n", " \n"),
        ("stages = ['a']", "stages = ['a']\n\n"),
        ("stages = ['a']\n", "stages = ['a']\n\n"),
    ],
)
def test_a_table_of_its_own_stands_after_an_empty_line(text: str, begins: str) -> None:
    found = with_workload(text.encode(), NEW, "billing").decode()
    assert found == f'{begins}[service.invoices]\nworkload = "billing"\n'


@pytest.mark.parametrize("end", ["", "\n", "\npath = 'a'\n"])
def test_a_workload_stands_first_in_the_table_that_is_there(end: str) -> None:
    found = with_workload(f"[service.invoices]{end}".encode(), NEW, "billing").decode()
    rest = end.removeprefix("\n")
    assert found == f'[service.invoices]\nworkload = "billing"\n{rest}'
