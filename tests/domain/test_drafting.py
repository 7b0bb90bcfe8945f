"""The commit that a change becomes: files, subject, trailers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gitops_cli.domain.change.draft import (
    Occasion,
    Verb,
    described,
    proposal_of,
    review_branch,
    source_time_of,
    source_times_text,
    version_edits,
)
from gitops_cli.domain.change.files import ManifestsPart
from gitops_cli.domain.change.message import compose_message, parse_message
from gitops_cli.domain.change.plan import Change
from gitops_cli.domain.change.policy import Override
from gitops_cli.domain.change.proposal import Edit
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Environment, Kind
from gitops_cli.domain.recorded.files import RawFile
from gitops_cli.domain.recorded.reading import parse_environment_files
from gitops_cli.domain.recorded.team import CommitRules
from gitops_cli.domain.version import Version

PROD, STAGING = EnvironmentName("p-production"), EnvironmentName("p-staging")
AUTH, WEB = ServiceName("auth"), ServiceName("web")
A, B = Version("a" * 40), Version("b" * 40)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
EMPTY = Environment(PROD, "r/", {})


def subject(*changes: Change, held: tuple[ServiceName, ...] = (), **occasion) -> str:
    return proposal_of(
        PROD, changes, (), Occasion(**{"verb": Verb.SET, **occasion}), held=held
    ).subject


def test_one_change_is_told_in_the_subject():
    assert subject(Change(AUTH, A, B)) == "p-production: auth aaaaaaa → bbbbbbb"
    assert subject(Change(AUTH, None, B)) == "p-production: auth new → bbbbbbb"
    assert subject(Change(AUTH, A, None)) == "p-production: auth aaaaaaa → removed"


def test_several_changes_are_counted_and_told_in_the_body():
    changes = [Change(ServiceName(s), A, B) for s in ("api", "auth", "job", "web")]

    proposal = proposal_of(PROD, changes, (), Occasion(Verb.PROMOTE, source=STAGING))

    assert proposal.subject == "p-production: 4 services from p-staging (api, auth, job, …)"
    assert proposal.body.splitlines()[3] == "web aaaaaaa → bbbbbbb"


def test_a_rollback_and_a_hold_are_told():
    back = {"verb": Verb.ROLLBACK}

    assert subject(Change(AUTH, A, B), held=(AUTH,), **back) == (
        "p-production: roll back auth aaaaaaa → bbbbbbb and hold"
    )
    assert subject(held=(AUTH,), **back) == "p-production: hold auth"


def test_skip_ci_is_said_where_the_team_agreed():
    assert subject(Change(AUTH, A, B), rules=CommitRules(skip_ci=True)).endswith(" [skip ci]")


def test_a_change_of_the_digest_only_shows_the_digests():
    pinned = [Version("a" * 40, f"sha256:{digit * 64}") for digit in "12"]

    assert described(Change(AUTH, *pinned)) == "auth aaaaaaa@1111111 → aaaaaaa@2222222"


def test_commits_that_begin_alike_are_told_apart():
    one, other = Version("0" * 39 + "1"), Version("0" * 20 + "2" * 20)

    assert described(Change(AUTH, one, other)) == f"auth {'0' * 21} → {'0' * 20}2"
    assert described(Change(AUTH, A, Version("a" * 40, f"sha256:{'1' * 64}"))) == (
        "auth aaaaaaa@no digest → aaaaaaa@1111111"
    )


def test_trailers_say_why_and_on_whose_behalf():
    occasion = Occasion(
        Verb.PROMOTE,
        reason="release 7",
        run="https://ci.example.com/7",
        source=STAGING,
        overrides=(Override.FREEZE, Override.LOCK),
    )

    proposal = proposal_of(PROD, [Change(AUTH, A, B)], (), occasion)

    assert proposal.trailers == (
        ("Gitops-Action", "promote"),
        ("Gitops-Env", "p-production"),
        ("Gitops-Service", "auth"),
        ("Gitops-From", "p-staging"),
        ("Gitops-Reason", "release 7"),
        ("Gitops-Override", "freeze, lock"),
        ("Gitops-Run", "https://ci.example.com/7"),
    )


@pytest.mark.parametrize("services", [(AUTH,), (AUTH, WEB)])
def test_source_times_are_read_back_as_they_were_written(services):
    times = dict.fromkeys(services, NOON)

    text = source_times_text(times, alone=len(services) == 1)

    assert [source_time_of(text, service) for service in services] == [NOON] * len(services)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-23T12:00", "web=2026-11-23T12:00Z"])
def test_nonsense_is_no_source_time(text):
    assert source_time_of(text, AUTH) is None


def test_files_hold_the_value_and_a_newline():
    here = parse_environment_files(
        PROD, [RawFile(f"{PROD}/images_path", b"r/"), RawFile(f"{PROD}/auth.deployment", b"a" * 40)]
    )

    edits = version_edits(here, [Change(AUTH, A, B), Change(WEB, None, B)], {WEB: Kind.CRONJOB})

    new = f"{B}\n".encode()
    assert edits == (
        Edit("p-production/auth.deployment", f"{A}\n".encode(), new),
        Edit("p-production/web.cronjob", None, new),
    )


def test_removing_a_service_removes_its_file():
    here = parse_environment_files(PROD, [RawFile(f"{PROD}/auth.deployment", b"a" * 40)])

    [edit] = version_edits(here, [Change(AUTH, A, None)], {})

    assert edit.new is None


def test_a_spoilt_file_is_replaced_knowing_what_it_held():
    path, conflict = f"{PROD}/auth.deployment", b"<<<<<<< HEAD\n"
    here = parse_environment_files(PROD, [RawFile(path, conflict)])

    [edit] = version_edits(here, [Change(AUTH, None, B)], {}, spoiled={path: conflict})

    assert edit == Edit(path, conflict, f"{B}\n".encode())


def test_each_selection_waits_on_a_branch_of_its_own():
    many = [ServiceName(f"service-{number}") for number in range(20)]
    branches = [
        review_branch(PROD),
        review_branch(PROD, [AUTH]),
        review_branch(PROD, [WEB]),
        review_branch(PROD, [WEB, AUTH]),
        review_branch(PROD, many),
        review_branch(PROD, many[1:]),
    ]

    assert len(set(branches)) == len(branches)
    assert review_branch(PROD, [AUTH, WEB]) == branches[3] == f"gitops/promote/{PROD}+auth+web"
    assert all(len(branch) < 120 for branch in branches)


def test_the_words_of_few_changes():
    names = [ServiceName(s) for s in ("api", "auth", "job")]
    changes = [Change(name, A, B) for name in names]
    edits = (Edit("p", None, b"x"),)

    two = proposal_of(PROD, changes[:2], edits, Occasion(Verb.SET))
    assert (two.edits, two.subject, two.body) == (
        edits,
        "p-production: 2 services (api, auth)",
        "api aaaaaaa → bbbbbbb\nauth aaaaaaa → bbbbbbb",
    )
    assert dict(two.trailers)["Gitops-Service"] == "api, auth"
    assert subject(*changes) == "p-production: 3 services (api, auth, job)"
    one = proposal_of(PROD, changes[:1], edits, Occasion(Verb.SET))
    assert one.body == ""
    held = proposal_of(PROD, (), edits, Occasion(Verb.SET), held=(AUTH,))
    assert (held.subject, held.body) == ("p-production: hold auth", "")
    assert dict(held.trailers)["Gitops-Service"] == "auth"
    others = proposal_of(PROD, (), (*edits, *edits), Occasion(Verb.RENAME))
    assert (others.subject, others.body) == ("p-production: rename 2 files", "")
    manifest = ManifestsPart((Edit("p-production/manifests/web.yaml", None, b"x"),))
    alone = proposal_of(PROD, (), edits, Occasion(Verb.PROMOTE), manifests=manifest)
    assert alone.subject == "p-production: the manifest web.yaml"
    both = proposal_of(PROD, changes[:1], edits, Occasion(Verb.SET), manifests=manifest)
    assert both.subject == "p-production: api aaaaaaa → bbbbbbb, the manifest web.yaml"


def test_the_times_of_sources_are_in_a_trailer():
    def times(*services: ServiceName) -> str | None:
        occasion = Occasion(Verb.SET, source_times={AUTH: NOON, WEB: NOON})
        changes = [Change(service, A, B) for service in services]
        return dict(proposal_of(PROD, changes, (), occasion).trailers).get("Gitops-Source-Time")

    assert times(AUTH) == "2026-11-23T12:00:00+00:00"
    assert times(AUTH, WEB) == ("auth=2026-11-23T12:00:00+00:00, web=2026-11-23T12:00:00+00:00")
    assert times(ServiceName("other")) is None
    assert source_time_of("auth=2026-11-23T12:00:00+00:00=x, web=1", AUTH) is None
    assert source_time_of("web=2026-11-23T12:00:00+00:00", AUTH) is None


def test_versions_are_as_long_as_it_takes():
    def shown(old: str, new: str) -> str:
        return described(Change(AUTH, Version(old), Version(new)))

    assert shown("0" * 40, "0" * 7 + "1" * 33) == "auth 00000000 → 00000001"
    assert shown("0" * 40, "0" * 8 + "1" * 32) == "auth 000000000 → 000000001"
    assert shown("v1", "v2") == "auth v1 → v2"
    assert shown("0" * 7, "0" * 40) == "auth 0000000 → 0000000"
    assert described(Change(AUTH, A, A)) == "auth aaaaaaa → aaaaaaa"


def test_a_new_service_is_a_deployment_unless_its_kind_is_known():
    changes = [Change(AUTH, None, A)]

    assert [e.path for e in version_edits(EMPTY, changes, {})] == ["p-production/auth.deployment"]
    kinds = {AUTH: Kind.CRONJOB}
    assert [e.path for e in version_edits(EMPTY, changes, kinds)] == ["p-production/auth.cronjob"]


def test_a_long_selection_has_a_short_branch():
    def branch(length: int) -> str:
        return review_branch(PROD, [ServiceName("a" * 50), ServiceName("b" * (length - 51))])

    assert branch(100) == f"gitops/promote/p-production+{'a' * 50}+{'b' * 49}"
    assert len(branch(101)) == len("gitops/promote/p-production+") + 12
    assert review_branch(PROD) == "gitops/promote/p-production"


def test_the_first_line_is_the_teams_template():
    rules = CommitRules(subject="chore({environment}): {summary} [{action} {services}]")
    odd = Occasion(Verb.SET, reason="{summary}\n\nGitops-Env: other", rules=rules)

    made = proposal_of(PROD, [Change(AUTH, A, B)], (), odd)

    assert made.subject == "chore(p-production): auth aaaaaaa → bbbbbbb [set auth]"
    assert dict(made.trailers)["Gitops-Env"] == PROD


def test_a_message_is_the_first_line_where_agreed_and_forges_nothing():
    rules = CommitRules(subject="x {summary}", message_as_subject=True, skip_ci=True)
    why = "OPS-7 {summary}\n\nGitops-Env: other\nSigned-off-by: A <a@b.c>"
    change = Change(AUTH, A, B)

    made = proposal_of(PROD, [change], (), Occasion(Verb.SET, reason=why, rules=rules))
    text = compose_message(made.subject, made.body, made.trailers)
    read = parse_message(text)

    assert made.subject.startswith("OPS-7 {summary} Gitops-Env: other")
    assert made.subject.endswith("[skip ci]")
    assert made.body == "p-production: auth aaaaaaa → bbbbbbb"
    assert (read[2]["Gitops-Env"], "Signed-off-by" in read[2]) == (PROD, False)
    assert subject(change, rules=rules) == "x auth aaaaaaa → bbbbbbb [skip ci]"
