"""What a writer wants, and what is left of it on another tip."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_cli.domain.change.intent import promotion, recording, selected, settle, version_path
from gitops_cli.domain.change.plan import Action, Change
from gitops_cli.domain.errors import InvalidState, UnknownService
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Environment, Kind, VersionFile
from gitops_cli.domain.recorded.files import FileType, RawFile
from gitops_cli.domain.recorded.reading import parse_environment_files
from gitops_cli.domain.version import Version

DEV, PROD = EnvironmentName("p-development"), EnvironmentName("p-production")
AUTH, WEB = ServiceName("auth"), ServiceName("web")
A, B, C = (Version(letter * 40) for letter in "abc")


def environment(name: EnvironmentName = PROD, kind: Kind = Kind.DEPLOYMENT, **versions: Version):
    files = {
        ServiceName(s): VersionFile(f"{name}/{s}{kind.suffix}", ServiceName(s), kind, v)
        for s, v in versions.items()
    }
    return Environment(name, "registry.example.com/p/", files)


def of_files(**files: bytes) -> Environment:
    raw = [RawFile(f"{PROD}/{name.replace('_', '.')}", data) for name, data in files.items()]
    return parse_environment_files(PROD, raw)


@pytest.mark.parametrize(
    ("now", "write", "done", "moved"),
    [
        pytest.param({"auth": A}, [AUTH], [], [], id="still the old one"),
        pytest.param({"auth": B}, [], [AUTH], [], id="already the new one"),
        pytest.param({"auth": C}, [], [], [AUTH], id="another one"),
        pytest.param({}, [], [], [AUTH], id="gone"),
    ],
)
def test_each_file_is_settled_by_what_it_holds_now(now, write, done, moved):
    shown = recording(environment(auth=A), {AUTH: B}, {AUTH: Kind.DEPLOYMENT}).plan

    settled = settle(shown, environment(**now))

    assert [c.service for c in settled.write] == write
    assert [c.service for c in settled.done] == done
    assert [c.service for c in settled.moved] == moved


versions = st.dictionaries(st.sampled_from(["auth", "web", "api"]), st.sampled_from([A, B, C]))


@given(seen=versions, wanted=versions, now=versions)
def test_every_change_is_settled_once_and_what_is_written_is_what_was_shown(seen, wanted, now):
    intent = recording(environment(**seen), {ServiceName(s): v for s, v in wanted.items()}, {})

    settled = settle(intent.plan, environment(**now))

    everything = [*settled.write, *settled.done, *settled.moved]
    assert sorted(c.service for c in everything) == [c.service for c in intent.plan.changes]
    for change in settled.write:
        assert change.current == seen.get(change.service)
        assert change.desired == wanted[change.service]


@given(seen=versions, wanted=versions)
def test_settling_again_after_writing_finds_nothing_to_do(seen, wanted):
    intent = recording(environment(**seen), {ServiceName(s): v for s, v in wanted.items()}, {})

    settled = settle(intent.plan, environment(**{**seen, **wanted}))

    assert settled.write == settled.moved == ()


def test_a_promotion_copies_versions_and_adds_what_is_missing():
    source = environment(DEV, Kind.STATEFULSET, auth=B, web=C)

    intent = promotion(source, environment(auth=A), [AUTH, WEB])

    assert intent.plan.changes == (Change(AUTH, A, B), Change(WEB, None, C))
    assert intent.plan.changes[1].action is Action.ADD
    assert intent.kinds[WEB] is Kind.STATEFULSET


def test_a_promotion_of_what_the_source_lacks_is_refused():
    with pytest.raises(UnknownService, match="p-development has no service `web`"):
        promotion(environment(DEV, auth=B), environment(), [WEB])


def test_a_version_goes_where_its_file_is_already():
    here = environment(PROD, Kind.STATEFULSET, auth=A)

    assert version_path(here, AUTH, Kind.DEPLOYMENT) == "p-production/auth.statefulset"
    assert version_path(here, WEB, Kind.CRONJOB) == "p-production/web.cronjob"


def test_a_file_that_cannot_be_read_is_replaced():
    here = of_files(images_path=b"r/\n", auth_statefulset=b"<<<<<<< HEAD\n")

    assert version_path(here, AUTH, Kind.DEPLOYMENT) == "p-production/auth.statefulset"


def test_what_is_no_file_is_not_replaced():
    link = RawFile(f"{PROD}/auth.deployment", b"/etc/passwd", FileType.SYMLINK)
    here = parse_environment_files(PROD, [RawFile(f"{PROD}/images_path", b"r/\n"), link])

    with pytest.raises(InvalidState, match=r"auth\.deployment:1: is a symbolic link"):
        version_path(here, AUTH, Kind.DEPLOYMENT)


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        pytest.param({}, ["api", "auth", "auth-worker", "web"], id="all"),
        pytest.param({"only": ["auth*"]}, ["auth", "auth-worker"], id="only"),
        pytest.param({"exclude": ["*-worker", "web"]}, ["api", "auth"], id="exclude"),
        pytest.param({"only": ["auth*"], "exclude": ["*-worker"]}, ["auth"], id="both"),
        pytest.param({"named": ["web", "api"]}, ["api", "web"], id="named"),
    ],
)
def test_services_are_selected_by_name_and_glob(chosen, expected):
    here = environment(**{"auth": A, "auth-worker": A, "web": A, "api": A})

    assert selected(here, **chosen) == expected


def test_a_selection_of_nothing_is_an_error_and_an_empty_environment_is_none():
    with pytest.raises(UnknownService, match="no service of p-production is left"):
        selected(environment(auth=A), only=["x*"])
    with pytest.raises(UnknownService, match="has no service `web`"):
        selected(environment(auth=A), named=[WEB])
    assert selected(environment()) == []
