"""Text from elsewhere in each place where we write it, so that it is seen and never acts.

Commit messages, names of files and branches, reasons, logs: whoever wrote them may have meant the
reader's terminal, the CI system that keeps the log, or the page that shows our Markdown.
"""

from __future__ import annotations

import re

from gitops_cli.domain.text import escaped, inert, one_line, unmarked, visible

# Whatever would begin markup, an entity, a cell or a block.
_SPECIAL = r"([\\`*_{}\[\]<>|~#@!&]|^:(?=:)|^[-+=](?=\s|[-+=]|$)|(?<=^\d)[.)]|(?<=^\d\d)[.)])"
# What forges make links and notifications of, even where its signs are escaped: addresses,
# mentions, numbers of issues. Only code is left alone.
_LINKED = r"://|(?<!\w)www\.|@\w|[#!]\d|(?<!\w)GH-\d"
_ADDRESS = r"https?://[!-~]+"
_COLOUR = r"(\x1b\[[0-9;]*m)"
_IN_STRINGS = "\\u0023"  # JSON and YAML read it as the sign it stands for
# Of a cell, and of what follows a `;`: half of Europe's spreadsheets begin another cell there.
_FORMULA = r"((?:^|;)\s*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])"  # and in full width


def for_terminal(text: str) -> str:
    """Return lines for a terminal, a pipe or a CI job's log."""
    return inert(visible(text))


def for_log(text: str, *, colours: bool) -> str:
    """Return a line of a program's log: its colours stay where they are liked, nothing else acts.

    They end with the line, so that nothing of ours is written in them.
    """
    text = text.replace("\r\n", "\n")
    if not colours or "\x1b" not in text:
        return for_terminal(re.sub(_COLOUR, "", text))
    parts = re.split(_COLOUR, text.removesuffix("\n"))
    shown = "".join(p if index % 2 else for_terminal(p) for index, p in enumerate(parts))
    return f"{shown}\x1b[0m" + "\n" * text.endswith("\n")


def for_cell(text: str) -> str:
    """Return one line of it; an empty cell would shift the columns for who splits at blanks."""
    return inert(one_line(text)) or "-"


def for_sheet(text: str) -> str:
    """Return a cell of a spreadsheet: on one line, and never a formula.

    What Excel, LibreOffice or Sheets would calculate has a `'` before it, which they hide:
    https://owasp.org/www-community/attacks/CSV_Injection
    """
    return re.sub(_FORMULA, r"\1'", inert(one_line(text)))


def for_json(text: str) -> str:
    """Return a JSON document that holds the same values, with what acts in it escaped."""
    return unmarked(text if _is_plain(text) else escaped(text, _in_json), _IN_STRINGS)


def for_yaml(text: str) -> str:
    """Return a YAML document, whose strings are quoted where needed, likewise."""
    return unmarked(text if _is_plain(text) else escaped(text, _in_yaml), _IN_STRINGS)


def for_markdown(text: str) -> str:
    """Return text that GitHub's and GitLab's Markdown shows as it is, on one line.

    An address, a mention or the number of an issue becomes code: else there would be a link to
    wherever a stranger likes, or somebody would be called.
    """
    shown, plain = [], ""
    for part in re.split(r"(\S+)", one_line(text)):  # word by word: a long one is read once
        if re.search(_LINKED, part) is None:
            plain += part
        else:
            shown += [_marked(plain), _code(part)]
            plain = ""
    return "".join([*shown, _marked(plain)])


def for_code(text: str) -> str:
    """Return a line of a block of code; the block's fence is longer than any in it."""
    return inert(visible(text).replace("\n", " ").replace("\t", " "))


def markdown_link(address: str) -> str:
    """Return a link that is ours, to be followed; what is no plain address is shown as text."""
    if not is_address(address) or re.search(r"[<>|`\\]", address):
        return for_markdown(address)
    return f"<{address}>"


def is_address(text: str) -> bool:
    """Tell whether text is an address of the web and nothing else, so that it may be followed."""
    return re.fullmatch(_ADDRESS, text) is not None


def for_workflow_message(text: str) -> str:
    """Return the message of one of GitHub's workflow commands."""
    # In this order, as actions/toolkit does it.
    return unmarked(visible(text)).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def for_workflow_property(text: str) -> str:
    """Return the value of one of their properties."""
    return for_workflow_message(text).replace(":", "%3A").replace(",", "%2C")


def _is_plain(text: str) -> bool:
    return text.isascii() and "\x7f" not in text


def _in_json(code: int) -> str:
    if code < 0x10000:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"


def _in_yaml(code: int) -> str:
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _marked(text: str) -> str:
    return re.sub(_SPECIAL, r"\\\1", text)


def _code(text: str) -> str:
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    blank = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{blank}{text}{blank}{fence}".replace("|", r"\|")
