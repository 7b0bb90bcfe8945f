"""TOML from elsewhere: bounded, and read in the time of its length."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from gitops_cli.domain.recorded.files import MAX_BYTES, MAX_SETTINGS_BYTES, RawFile
from gitops_cli.domain.recorded.locks import MAX_LOCK_BYTES, parse_lock
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.recorded.team_file import parse_team
from gitops_cli.domain.settings import BadSettings
from gitops_cli.domain.toml import MAX_PARTS, BadToml, Document, parse_toml

ROOM = MAX_SETTINGS_BYTES - 100


def read(text: str) -> Document:
    return parse_toml(text.encode(), most=MAX_SETTINGS_BYTES)


def team(text: str) -> TeamSettings:
    return parse_team(RawFile("gitops.toml", text.encode()))


def test_a_byte_order_mark_is_no_part_of_it() -> None:
    assert parse_team(RawFile("gitops.toml", b"\xef\xbb\xbfstages = ['dev']")).stages == ("dev",)
    assert parse_lock("x", None, b"\xef\xbb\xbfby = 'ada'\n").by == "ada"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a." * 40_000 + "b = 1", 1),
        ("a." * 40_000 + "b = 1\nc = 2\n", 1),
        ("\n[" + "a." * 40_000 + "b]", 2),
        ("\n[['" + "'.'".join("a" * MAX_PARTS) + "'.b]]", 2),
        ("x = {y = 1, " + "a ." * 40_000 + "b = 1}", 1),
        ("a = '''\n\n'''\n" + "a." * MAX_PARTS + "b = 1", 4),
    ],
)
def test_a_key_of_many_parts_is_refused_before_it_is_read(text: str, line: int) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(BadToml, match=f"a key has more than {MAX_PARTS} parts") as caught:
            read(text)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert caught.value.line == line
    assert peak < 20_000_000


@pytest.mark.parametrize(
    "text",
    [
        "a." * (MAX_PARTS - 1) + "b = 1",
        "# " + "." * 80 + "\n" + "a." * (MAX_PARTS - 1) + "b = 1",
        "# " + "." * 80 + "\na = 1",
        "a = 1 # " + "." * 80,
        "a = '" + "." * 80 + "'",
        'a = "\\"' + "." * 80 + '"',
        'a = """\n' + "." * 80 + '\n"""',
        "a = '''\n" + "." * 80 + "\n'''",
        "a = [" + "1.5, " * 80 + "]",
    ],
)
def test_dots_that_are_no_keys_are_no_matter(text: str) -> None:
    assert "a" in read(text).content


LARGE = {
    "blanks in a text": "x = '" + " " * ROOM + "'",
    "blanks before a line": " " * ROOM + "x = 1",
    "blanks after a key": "x" + " " * ROOM + "= 1",
    "an open bracket": "[" + "a" * ROOM,
    "open brackets": "[" * ROOM,
    "a header of blanks": "[" + " " * ROOM + "]",
    "a text that never ends": 'x = "' + '\\"' * (ROOM // 2),
    "texts that never end": "x = '\n" * (ROOM // 6),
    "a long text that never ends": 'x = """' + '""\\' * (ROOM // 3),
    "stages": f"stages = [{', '.join(repr(f's{n}') for n in range(ROOM // 10))}]",
    "rules": "stages = ['dev']\n" + "[stage.x]\nfrieze = 1\n" * (ROOM // 21),
    "tables": "".join(f"[service.s{n}]\ncontainer = 'app'\n" for n in range(ROOM // 38)),
    "a long name": f"[stage.{'x' * ROOM}]",
    "a long key": f"{'x' * ROOM} = 1",
    "windows": "[stage.production]\nfreeze = [" + "'Fri 16:00 - Mon 08:00', " * (ROOM // 25) + "]",
    "inline": "x = [" + "{a = {b = 1}}," * (ROOM // 14) + "]",
    "a comment": "#" * ROOM,
    "dots": "x = '" + "." * ROOM + "'",
    "quotes": "'" * ROOM,
    "dots and quotes": "." * 40 + "\"'" * (ROOM // 2),
}


@pytest.mark.parametrize("text", LARGE.values(), ids=LARGE)
def test_the_largest_file_is_read_in_seconds(text: str) -> None:
    assert len(text) <= MAX_SETTINGS_BYTES
    began = time.process_time()
    found = team(text).defects
    assert len(str(BadSettings(*found))) < 3 * MAX_SETTINGS_BYTES
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "line", ["k{n} = 1", "[stage.x{n}]", '[service."X{n}"]', "[stage.production.t{n}]"]
)
def test_of_thousands_of_defects_a_hundred_are_told_apart(
    line: str,
) -> None:
    stages = [f"s{n}" for n in range(2000)]
    text = f"stages = {stages}\n" + "\n".join(line.format(n=n) for n in range(4000))
    began = time.process_time()

    found = team(text).defects

    assert time.process_time() - began < 5
    assert len(found) == 101
    assert [defect for defect in found if defect.key == ()]


def test_four_thousand_stages_with_rules() -> None:
    names = [f"s{n}" for n in range(4000)]
    text = f"stages = {names}\n" + "".join(
        f"[stage.{name}]\nprotected = true\nmode = 'pr'\n" for name in names
    )
    began = time.process_time()

    found = team(text[:MAX_SETTINGS_BYTES])

    assert time.process_time() - began < 5
    assert found.stage("s3999").lines == {"protected": 12_000, "mode": 12_001}


def test_larger_files_are_not_read() -> None:
    [defect] = team("#" * (MAX_SETTINGS_BYTES + 1)).defects
    assert (defect.where, defect.message) == ("gitops.toml:1", "larger than 262144 bytes")
    lock = parse_lock("x", None, b"by = 'ada'\n" + b"#" * MAX_LOCK_BYTES)
    assert (lock.by, lock.problem) == (None, "not TOML: larger than 4096 bytes")
    assert MAX_LOCK_BYTES == MAX_BYTES, "as much is read"
