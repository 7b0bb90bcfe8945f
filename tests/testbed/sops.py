"""A stand-in for the program `sops`: its encryption is base64, and it notes how it was started.

The real one, with age and PGP keys, is in tests/node/test_sops.py.
"""

from __future__ import annotations

import json
import stat
import sys
from base64 import b64encode
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import yaml

KEY = "age1key"
NO_KEY = "age1nobody"

_PROGRAM = """#!{python} -S
import base64, json, os, re, sys
words = sys.argv[1:]
with open({notes!r}, "a") as notes:
    print(json.dumps([words, dict(os.environ), os.listdir(".")]), file=notes)
text = open(words[-1]).read()
if "encrypt" in words:
    rules = json.load(open(words[1]))["creation_rules"]
    hide = lambda found: "  %s: ENC[AES256_GCM,data:%s,type:str]" % (
        found[1], base64.b64encode(found[2].encode()).decode())
    head, data, rest = re.match(r"(?s)(.*?\\ndata:\\n)((?:  .*?\\n)*)(.*)", text).groups()
    print(head + re.sub(r"(?m)^  ([^:]*): (.*)$", hide, data) + rest, end="")
    print("sops:\\n  age:\\n  - recipient: %s\\n    enc: x\\n  mac: good" % rules[0]["age"])
    sys.exit()
if {no_key!r} in text:
    sys.exit(128)
if "mac: good" not in text and '"mac": "good"' not in text and "--ignore-mac" not in words:
    sys.exit(51)
def plain(found):
    return base64.b64decode(found[1]).decode()
text = re.sub(r"ENC\\[AES256_GCM,data:([^,]*),type:str\\]", plain, text)
if "json" in words:
    value = json.loads(text)
    del value["sops"]
    print(json.dumps(value))
else:
    print(re.sub(r"(?m)^sops:\\n(?: .*\\n)*", "", text), end="")
"""


def install(directory: Path) -> Path:
    """Write the program into a directory; return where it notes its starts."""
    notes, program = directory / "sops.notes", directory / "sops"
    directory.mkdir(parents=True, exist_ok=True)
    notes.touch()
    program.write_text(_PROGRAM.format(python=sys.executable, notes=str(notes), no_key=NO_KEY))
    program.chmod(stat.S_IRWXU)
    return notes


def starts(notes: Path) -> list[tuple[list[str], dict[str, str], list[str]]]:
    """Return of each start its words, its environment, and what was in its directory."""
    return [tuple(json.loads(line)) for line in notes.read_text().splitlines()]


def sealed(
    value: Mapping[str, Any],
    *,
    only: Collection[str] = ("data", "stringData"),
    key: str = KEY,
    mac: str = "good",
) -> dict[str, Any]:
    """Return a document as SOPS writes it; `only` are the fields of which the values are hidden."""
    content = {k: _hidden(v) if k in only else v for k, v in value.items()}
    return {**content, "sops": {"age": [{"recipient": key, "enc": "x"}], "mac": mac}}


def as_yaml(*documents: Mapping[str, Any]) -> str:
    """Return a file of documents."""
    return yaml.safe_dump_all(documents, sort_keys=False)


def _hidden(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _hidden(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return list(map(_hidden, value))
    return f"ENC[AES256_GCM,data:{b64encode(str(value).encode()).decode()},type:str]"
