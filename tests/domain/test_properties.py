"""What must hold for any input: the parsers, the plan and gitops.toml.

`make fuzz` runs these for an hour's worth of examples.
"""

from __future__ import annotations

import tomllib
import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from gitops_cli.domain.change.plan import plan_changes
from gitops_cli.domain.duration import age, parse_duration
from gitops_cli.domain.errors import GitOpsError, InvalidState
from gitops_cli.domain.image import image_for, parse_image, same_repository
from gitops_cli.domain.names import EnvironmentName, ServiceName, is_dns_label, is_service_name
from gitops_cli.domain.recorded.environment import KIND_OF_SUFFIX
from gitops_cli.domain.recorded.files import MAX_BYTES, FileType, RawFile
from gitops_cli.domain.recorded.findings import Severity
from gitops_cli.domain.recorded.freeze import parse_freeze
from gitops_cli.domain.recorded.locks import Lock, parse_lock
from gitops_cli.domain.recorded.reading import parse_snapshot
from gitops_cli.domain.recorded.stages import candidates, in_order, place_of
from gitops_cli.domain.recorded.team import TeamSettings, VersionForm
from gitops_cli.domain.recorded.team_file import parse_team
from gitops_cli.domain.text import one_line, redacted, visible
from gitops_cli.domain.version import Version, parse_version

pytestmark = pytest.mark.sweep

HEX = "0123456789abcdef"
LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
SERVICES = LABELS.map(ServiceName)
NAMES = st.from_regex(r"[a-z]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
HASHES = st.text(HEX, min_size=40, max_size=40) | st.text(HEX, min_size=64, max_size=64)
DIGESTS = st.text(HEX, min_size=64, max_size=64).map("sha256:{}".format)
VERSIONS = st.builds(Version, HASHES, st.none() | DIGESTS)
RELEASES = st.dictionaries(SERVICES, VERSIONS, max_size=6)
TIMES = st.integers(946_684_800, 4_102_444_800).map(lambda s: datetime.fromtimestamp(s, UTC))
LEAVES = (
    st.builds(
        "{}{}".format, LABELS | st.text(max_size=8), st.sampled_from([*KIND_OF_SUFFIX, ".lock"])
    )
    | st.just("images_path")
    | st.text(max_size=12)
)
CONTENT = (
    st.binary(max_size=60)
    | st.text(max_size=60).map(str.encode)
    | HASHES.map(str.encode)
    | st.binary(min_size=MAX_BYTES, max_size=MAX_BYTES + 1)
)
FILES = st.builds(
    RawFile,
    st.builds("{}/{}".format, LABELS | st.text(max_size=12), LEAVES) | st.text(max_size=12),
    CONTENT,
    st.sampled_from(FileType),
)


def attempt(call, *arguments):
    """Return what the call returns and None, or None and the error it refuses with."""
    try:
        return call(*arguments), None
    except (GitOpsError, ValueError) as error:
        return None, error


@given(VERSIONS)
def test_a_version_reads_back(version):
    assert parse_version(str(version)) == version


@given(st.text(max_size=200))
@example("a" * 40 + "@sha256:" + "B" * 64)
@example("abc\n")
def test_a_version_is_taken_whole_or_not_at_all(text):
    version = parse_version(text)

    assert version is None or str(version) == text


@given(st.lists(FILES, max_size=12))
def test_no_file_breaks_the_reading_of_the_repository(files):
    snapshot = parse_snapshot(files)

    for finding in snapshot.all_findings:
        assert finding.line >= 1
        assert finding.message
        assert finding.rule
    for name, environment in snapshot.environments.items():
        assert is_dns_label(name)
        for service, file in environment.files.items():
            assert is_service_name(service)
            assert file.path.startswith(f"{name}/{service}.")
            assert parse_version(str(file.version)) == file.version


@given(st.lists(FILES, max_size=8), st.randoms())
def test_the_order_of_files_does_not_matter(files, random):
    unique = list({file.path: file for file in files}.values())
    shuffled = random.sample(unique, len(unique))

    assert parse_snapshot(unique) == parse_snapshot(shuffled)


@given(st.binary(max_size=100))
@example(b"\xef\xbb\xbf" + b"a" * 40)
@example(b"<<<<<<< ours\n")
@example(b"a" * 40 + b"\r\n")
@example(b"\n\n")
def test_a_version_file_gives_its_version_or_the_error_that_says_why(data):
    path = "project1-production/web.deployment"
    images = RawFile("project1-production/images_path", b"registry.example.com/p/\n")
    snapshot = parse_snapshot([images, RawFile(path, data)])
    environment = snapshot.environments[EnvironmentName("project1-production")]
    file, error = attempt(environment.file, ServiceName("web"))

    if file is None:
        assert isinstance(error, InvalidState)
        assert error.message.startswith(f"{path}:")
        assert any(f.severity is Severity.ERROR for f in environment.findings)
    else:
        assert data.decode().strip() == str(file.version)
        assert str(environment.image(ServiceName("web"))).endswith(f"web:{file.version}")


@given(RELEASES, RELEASES)
def test_a_plan_leads_from_current_to_desired(desired, current):
    plan = plan_changes(EnvironmentName("e"), desired=desired, current=current)

    reached = dict(current)
    for change in plan.changes:
        assert reached.get(change.service) == change.current
        if change.desired is None:
            del reached[change.service]
        else:
            reached[change.service] = change.desired
    assert reached == desired
    assert plan_changes(EnvironmentName("e"), desired=desired, current=reached).is_empty
    assert [c.service for c in plan.changes] == sorted(c.service for c in plan.changes)


@given(SERVICES, VERSIONS)
def test_an_image_is_the_plain_concatenation(service, version):
    image = image_for("registry.example.com:5000/team/", service, version)

    assert str(image) == f"registry.example.com:5000/team/{service}:{version}"
    assert image.version == version
    assert parse_image(str(image)) == image


@given(st.text(max_size=80))
def test_reading_an_image_loses_nothing(text):
    assume(not text.endswith((":", "@")) and ":@" not in text)
    image = parse_image(text)

    assert str(image) == text
    assert same_repository(image.repository, image.repository)


@given(
    st.none() | st.text(max_size=60),
    st.none() | st.text(max_size=60),
    st.none() | TIMES,
)
def test_a_lock_reads_back(by, reason, until):
    try:
        (by or "").encode()
        (reason or "").encode()
    except UnicodeEncodeError:
        assume(False)
    lock = Lock("e/web.lock", ServiceName("web"), by=by, reason=reason, until=until)

    assert parse_lock("e/web.lock", ServiceName("web"), lock.text().encode()) == lock


@given(st.binary(max_size=80))
@example(b'until = "tomorrow"')
@example(b"until = 2026-01-01")
def test_whatever_cannot_be_read_locks(data):
    lock = parse_lock("e/.lock", None, data)

    if lock.problem is not None:
        assert lock.holds(datetime(2100, 1, 1, tzinfo=UTC))


@given(st.integers(0, 10**7))
def test_durations_read_back(seconds):
    days, rest = divmod(seconds, 86400)
    text = f"{days}d{rest // 3600}h{rest % 3600 // 60}m{rest % 60}s"

    assert parse_duration(text) == seconds
    assert age(timedelta(seconds=seconds))


@given(st.text(max_size=30))
def test_a_duration_is_read_or_refused(text):
    seconds, error = attempt(parse_duration, text)

    assert (seconds is None) == (error is not None)
    assert seconds is None or seconds >= 0


DAYS = st.sampled_from(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"])
CLOCK = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
ZONES = st.sampled_from(["UTC", "Europe/Warsaw", "America/New_York", "Asia/Kolkata"])


@given(DAYS, CLOCK, DAYS, CLOCK, ZONES, TIMES)
def test_a_weekly_window_and_its_complement_share_the_week(day, at, day2, at2, zone, now):
    assume((day, at) != (day2, at2))
    window = parse_freeze(f"{day} {at} - {day2} {at2} {zone}")
    complement = parse_freeze(f"{day2} {at2} - {day} {at} {zone}")

    closes = window.closes(now)

    assert (closes is None) != (complement.closes(now) is None)
    if closes is not None:
        # An hour more where clocks go back within the window.
        assert timedelta(hours=-1) <= closes - now <= timedelta(days=7, hours=1)


@given(st.text(max_size=60))
def test_a_freeze_window_is_read_or_refused(text):
    window, error = attempt(parse_freeze, text)

    assert (window is None) == bool(str(error or ""))


@given(st.lists(LABELS, min_size=1, max_size=8, unique=True), LABELS)
def test_a_stage_means_environments_that_end_with_it(names, word):
    environments = [EnvironmentName(name) for name in names]
    team = TeamSettings()
    found, error = attempt(candidates, word, environments, team)

    if found is None:
        assert isinstance(error, GitOpsError)
        assert error.hint
    else:
        assert found == in_order(found, team)
        assert found == [word] or len({place_of(name, team).stage for name in found}) == 1


@given(
    st.binary(max_size=200)
    | st.text("stage[].=\"' \n#productioncluster", max_size=200).map(str.encode)
)
@example(b"[stage.production]\nfreeze = ['x']")
@example(b"stages = []")
@example(b"[service]\nx = 1")
@example(b"[[stage]]\n")
def test_settings_are_read_or_refused_with_their_line(data):
    team = parse_team(RawFile("gitops.toml", data))

    assert team.stages
    for defect in team.defects:
        assert defect.path == "gitops.toml"
        assert 1 <= defect.line <= data.count(b"\n") + 1
        assert defect.message
    if not any(defect.key == () for defect in team.defects):
        tomllib.loads(data.removeprefix(b"\xef\xbb\xbf").decode())


def _tables(draw):
    """Draw the lines of a valid file: its stages, and tables with some of their keys."""
    stages = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    yield f"stages = {list(stages)}"
    for stage in draw(st.lists(st.sampled_from(stages), unique=True)):
        yield f"[stage.{stage}]"
        lines = [
            "protected = true",
            "mode = 'pr'",
            "require = ['image', 'live-in-source']",
            "freeze = ['Fri 16:00 - Mon 08:00 Europe/Warsaw']",
            f"cluster = '{draw(NAMES)}'",
            f"promote_from = {draw(st.lists(st.sampled_from(stages), unique=True))}",
            f"branches = {draw(st.lists(NAMES, max_size=2))}",
        ]
        yield from draw(st.lists(st.sampled_from(lines), unique=True))
    for service in draw(st.lists(NAMES, max_size=2, unique=True)):
        yield from (f"[service.{service}]", "source = 'https://example.com/a.git'")
    if draw(st.booleans()):
        yield from ("[versions]", f"form = '{draw(st.sampled_from(VersionForm))}'")


VALID_SETTINGS = st.composite(lambda draw: list(_tables(draw)))()
WRONG_LINES = st.sampled_from(
    [
        "protectd = true",
        "protected = 'yes'",
        "mode = 'merge'",
        "freeze = ['Fri']",
        "require = 1",
        "promote_from = ['nowhere']",
        "cluster = 1",
        "x =",
        "[stage.nowhere]",
        "[servce.web]",
    ]
)


@given(VALID_SETTINGS)
def test_valid_settings_say_what_they_mean(lines):
    team = parse_team(RawFile("gitops.toml", "\n".join(lines).encode()))

    meant = tomllib.loads("\n".join(lines))
    assert list(team.stages) == meant["stages"]
    for stage, keys in meant.get("stage", {}).items():
        rules = team.stage(stage)
        assert rules.protected == keys.get("protected", False)
        assert rules.cluster == keys.get("cluster")
        assert rules.mode.value == keys.get("mode", "push")
        assert list(rules.promote_from or ()) == keys.get("promote_from", [])
        assert list(rules.branches) == keys.get("branches", [])
        assert {each.value for each in rules.require} == set(keys.get("require", []))
        assert [each.text for each in rules.freeze] == keys.get("freeze", [])
    assert set(team.services) == set(meant.get("service", {}))
    assert team.version_form.value == meant.get("versions", {}).get("form", "commit")


@given(VALID_SETTINGS, WRONG_LINES)
def test_one_wrong_line_is_the_one_that_is_named(lines, wrong):
    stage = next((i for i, line in enumerate(lines) if line.startswith("[stage.")), None)
    assume(wrong.startswith("[") or stage is not None)
    at = len(lines) if wrong.startswith("[") else (stage or 0) + 1
    key = wrong.partition(" ")[0]
    kept = [line for line in lines if not line.startswith(f"{key} ")]
    assume(len(kept) == len(lines))  # the same key twice is another mistake
    spoiled = [*lines[:at], wrong, *lines[at:]]

    team = parse_team(RawFile("gitops.toml", "\n".join(spoiled).encode()))

    assert {defect.line for defect in team.defects} == {at + 1}, team.defects


@given(st.text(max_size=100))
def test_no_text_acts_on_a_terminal(text):
    shown = visible(text)

    acting = {c for c in shown if unicodedata.category(c) in {"Cc", "Cf"}}
    assert acting <= {"\n", "\t"}
    assert "\n" not in one_line(text)


@given(st.from_regex(r"[A-Za-z0-9%_.-]{8,20}", fullmatch=True))
def test_no_credential_in_a_url_is_shown(secret):
    for url in (f"https://{secret}@host/path", f"https://user:{secret}@host/path"):
        assert secret not in redacted(f"fatal: cannot read {url}: no").replace("host/path", "")
