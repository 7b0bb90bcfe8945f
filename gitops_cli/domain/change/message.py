"""Commit messages: a subject, a body and trailers that neither of them can forge."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from gitops_cli.domain.text import one_line, visible

OUR_PREFIX = "Gitops-"

_TRAILER = re.compile(r"(?P<key>[A-Za-z0-9][A-Za-z0-9-]*)[ \t]*:[ \t]*(?P<value>.*)\Z")
# Of what is written; compiled then.
_KEY = r"[A-Za-z0-9][A-Za-z0-9-]*\Z"
_OURS = rf"(?i)\s*{OUR_PREFIX}"
# git believes a last paragraph of mixed lines when one of these is among them and at least a
# quarter of the lines are trailers (git-interpret-trailers(1)).
_GITS_OWN = ("Signed-off-by: ", "(cherry picked from commit ")


def compose_message(subject: str, body: str, trailers: Iterable[tuple[str, str]]) -> str:
    """Return the text of a commit; raises ValueError for a subject or key that cannot stand.

    Lines of the body that look like our trailers, or that end the message for
    git-interpret-trailers (`---`), are quoted with `> `; values lose their line feeds.
    """
    title = one_line(subject)
    if not title:
        raise ValueError("a commit needs a subject")
    block = [f"{_key(key)}: {one_line(value)}" for key, value in trailers if one_line(value)]
    parts = [title]
    if text := _quoted(body, has_trailers=bool(block)):
        parts.append(text)
    if block:
        parts.append("\n".join(block))
    return "\n\n".join(parts) + "\n"


def _key(key: str) -> str:
    if re.match(_KEY, key) is None:
        raise ValueError(f"`{one_line(key)}` cannot be the key of a trailer")
    return key


def _quoted(body: str, *, has_trailers: bool) -> str:
    text = visible(body.replace("\r\n", "\n")).strip("\n")
    lines = [line.rstrip() for line in text.split("\n")]
    # Only the last paragraph can be a block of trailers, and with ours behind it, it is not last.
    last = len(lines) if has_trailers else _start_of_last_paragraph(lines)
    quoted = [
        f"> {line}"
        if re.match(_OURS, line) or line.startswith("---") or (at >= last and _is_block_line(line))
        else line
        for at, line in enumerate(lines)
    ]
    return "\n".join(quoted).strip("\n")


def _is_block_line(line: str) -> bool:
    return _TRAILER.match(line) is not None or line.startswith(_GITS_OWN)


def _start_of_last_paragraph(lines: Sequence[str]) -> int:
    at = len(lines)
    while at > 0 and lines[at - 1].strip():
        at -= 1
    return at


def parse_message(text: str) -> tuple[str, str, dict[str, str]]:
    """Return subject, body and trailers of a commit, as git would split them.

    The subject is the first paragraph on one line. Of a trailer that occurs twice the last counts.
    """
    text = text.strip("\n")
    if "\n" not in text:  # nearly all of a large history
        return text.strip(), "", {}
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    while lines and not lines[0]:
        lines.pop(0)
    while lines and not lines[-1]:
        lines.pop()
    end = next((at for at, line in enumerate(lines) if not line), len(lines))
    subject, rest = " ".join(line.strip() for line in lines[:end]), lines[end:]
    start = _start_of_last_paragraph(rest)
    block = rest[start:]
    if start == 0 or not _is_trailer_block(block):
        return subject, "\n".join(rest).strip("\n"), {}
    return subject, "\n".join(rest[:start]).strip("\n"), _trailers(block)


def _is_trailer_block(block: Sequence[str]) -> bool:
    if not block or block[0][0].isspace():
        return False
    whole = [line for line in block if not line[0].isspace()]
    trailers = [line for line in whole if _is_block_line(line)]
    if len(trailers) == len(whole):
        return True
    known = any(line.startswith(_GITS_OWN) for line in whole)
    return known and len(trailers) * 4 >= len(whole)


def _trailers(block: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    key = None
    for line in block:
        match = _TRAILER.match(line)
        if line[0].isspace():
            if key is not None:
                found[key] = f"{found[key]} {line.strip()}"
        elif match is not None:
            key = match["key"]
            found[key] = match["value"]
        else:
            key = None
    return found
