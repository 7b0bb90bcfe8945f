"""Text from elsewhere, made safe to show."""

from __future__ import annotations

import re
from collections.abc import Callable

# Characters that do something, or hide, instead of being seen: controls, what turns the direction
# of writing, blanks without a width, halves of characters, private ones; not line feeds and tabs.
# Those beyond the first 65,536 stand apart: in one class they take five times as long.
_ACTING = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2"
    "\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ud800-\uf8ff\ufeff\uffa0\ufff0-\ufffb"
)
_ACTING_BEYOND = (
    "\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U0010ffff"  # tags, more variants, private ones
)
# What CI systems act on when it stands in a log: GitHub's commands at the start of a line, the
# older form of GitHub, Azure's and TeamCity's anywhere.
_COMMAND = r"^([^\S\n]*):(?=:)"
_MARK = r"(?<=#)#(?=\[|(?i:vso|teamcity)\[)"
# Of a scheme no more than any has, or each letter of a long word would be tried as its beginning.
_CREDENTIALS = r"(?P<scheme>[A-Za-z0-9+.-]{1,31}://)[^/\s]+@"

_NAME = r"(?:password|passwd|secret|token|api[-_]?key|key-data)"
_SECRETS = (
    r"\b(?:Bearer|Basic)[ \t]+(?P<login>[^\n'\"]+)",
    r"\bAuthorization['\"]?\s*[:=,](?!\W*b?\W*(?:Bearer|Basic)\b)\W*(?P<header>[^\n'\"]+)",
    rf"{_NAME}(?:['\"]?\s*[:=]\s*b?['\"]?|['\"],\s*b?['\"])(?P<named>[^\s'\"&,;)}}\]]+)",
    r"[?&][\w-]*(?:sig|signature|credential|code)=(?P<signed>[^&\s'\"]+)",
    r"\b(?P<token>eyJ[\w-]+\.[\w-]+\.[\w-]*|gh[a-z]_\w{20,}|github_pat_\w+|glpat-[\w-]{20,})",
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?P<key>[\s\S]*?)(?:-----END|\Z)",
)
_VALUE = re.compile(r"Invalid value: [\w.*]*[{\[]")
_MOST_VALUE = 200


def visible(text: str) -> str:
    """Return `text` with control and formatting characters written out, so that none acts.

    Line feeds and tabs are kept: the caller decides whether its place has room for lines.
    """
    if text.isascii() and text.isprintable():
        return text  # nearly always: thousands of texts are shown at once
    return escaped(text, lambda code: f"\\x{code:02x}" if code < 0x100 else _python(code))


def escaped(text: str, write: Callable[[int], str]) -> str:
    """Return `text` with each character that acts as `write` says it by its number."""

    def written(match: re.Match[str]) -> str:
        character = match[0]
        if character >= "\U00010000" and not re.match(f"[{_ACTING_BEYOND}]", character):
            return character
        return write(ord(character))

    return re.sub(f"[{_ACTING}\U00010000-\U0010ffff]", written, text)


def _python(code: int) -> str:
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def inert(text: str) -> str:
    """Return `text` without workflow commands, for any line that may end in a CI job's log."""
    if "::" in text:
        text = re.sub(_COMMAND, r"\1\\x3a", text, flags=re.MULTILINE)
    return unmarked(text)


def unmarked(text: str, sign: str = "\\x23") -> str:
    """Return `text` without the marks that act anywhere in a line: `sign` stands for their `#`."""
    return re.sub(_MARK, lambda _: sign, text) if "##" in text else text


def one_line(text: str) -> str:
    """Return `text` visible and on one line."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()  # nearly always
    return " ".join(visible(text).split())


def without_long_values(text: str) -> str:
    """Return what an API server says without values of many lines: the whole template of a Job."""
    made, place = [], 0
    for found in _VALUE.finditer(text):
        if found.start() < place:
            continue
        end = _closing(text, found.end() - 1)
        if end is None:
            break
        if end - found.end() > _MOST_VALUE:
            made += [text[place : found.end()], f"…{text[end]}"]
            place = end + 1
    return "".join([*made, text[place:]])


def _closing(text: str, start: int) -> int | None:
    """Return where a bracket is closed again; None if it is not."""
    depth, quoted, skip = 0, False, False
    for place in range(start, len(text)):
        sign = text[place]
        if skip:
            skip = False
        elif sign == "\\":
            skip = True
        elif sign == '"':
            quoted = not quoted
        elif not quoted:
            depth += (sign in "{[") - (sign in "}]")
            if depth == 0:
                return place
    return None


def redacted(text: str) -> str:
    """Return `text` with credentials in URLs replaced: `https://user:secret@host` loses them.

    An ssh user name (`ssh://git@host`) is no secret and stays.
    """
    if "://" not in text:
        return text  # nearly always, and the pattern need not be compiled
    return re.sub(_CREDENTIALS, _redact, text)


def _redact(match: re.Match[str]) -> str:
    scheme = match["scheme"]
    return (
        match[0]
        if scheme.lower().endswith("ssh://") and ":" not in match[0][len(scheme) :]
        else f"{scheme}***@"
    )


def without_secrets(text: str) -> str:
    """Return `text` without what a trace may carry: credentials of URLs, of a login, keys.

    After `Bearer` and `Basic` the rest of the line goes, up to a quotation mark: a token that has
    white space is one of those that end in a trace. Rather too much goes than too little.
    """
    for pattern in _SECRETS:
        text = re.sub(pattern, _starred, text, flags=re.IGNORECASE)
    return redacted(text)


def _starred(match: re.Match[str]) -> str:
    whole, at = match[0], match.start()
    begin, end = match.span(match.lastgroup or 0)
    return f"{whole[: begin - at]}***{whole[end - at :]}"


def holds_credentials(text: str) -> bool:
    """Tell whether a URL in `text` has a password, a user name that may be one, or a query.

    Over https a user name alone is often a token; a query is a usual place for one, and neither a
    repository nor a package index needs it.
    """
    if redacted(text) != text or "://***@" in text:
        return True
    return re.search(r"https?://[^\s?#]*[?#]", text, re.IGNORECASE) is not None


def plural(count: int, one: str, many: str | None = None) -> str:
    """Return `1 service`, `2 services`."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def spoken(word: str) -> str:
    """Return a word of documents as people read it: `in-sync` is in sync."""
    return word.replace("-", " ")
