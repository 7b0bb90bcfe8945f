"""Text from elsewhere, made safe to show."""

from __future__ import annotations

import re

# What CI systems act on when it stands in a log: GitHub's commands at the start of a line, the
# older form of GitHub and Azure anywhere.
_COMMAND = re.compile(r"^(?P<indent>\s*):(?=:)|(?<=#)#(?=\[|vso\[)", re.MULTILINE)
_CREDENTIALS = r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)[^/\s]+@"

_LOGIN = r"\b(Bearer|Basic)[ \t]+[^\n'\"]+"


def visible(text: str) -> str:
    """Return `text` with control and formatting characters written out, so that none acts.

    Line feeds and tabs are kept: the caller decides whether its place has room for lines.
    """
    if text.isprintable():
        return text  # nearly always: thousands of texts are shown at once
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    if character in "\n\t" or character.isprintable():
        return character
    import unicodedata  # 3 ms, and hardly ever needed

    if unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co"}:
        return character  # a space of another width, or a character newer than this Python
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def inert(text: str) -> str:
    """Return `text` without workflow commands, for any line that may end in a CI job's log."""
    return _COMMAND.sub(_written_out, text)


def _written_out(match: re.Match[str]) -> str:
    return "\\x23" if match["indent"] is None else f"{match['indent']}\\x3a"


def one_line(text: str) -> str:
    """Return `text` visible and on one line."""
    return " ".join(visible(text).split())


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
    """Return `text` without what a trace may carry: credentials of URLs and of a login.

    After `Bearer` and `Basic` the rest of the line goes, up to a quotation mark: a token that has
    white space is one of those that end in a trace.
    """
    return redacted(re.sub(_LOGIN, r"\1 ***", text, flags=re.IGNORECASE))


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
