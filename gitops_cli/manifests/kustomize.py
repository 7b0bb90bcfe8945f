"""Kustomizations: what they refer to is looked for before kustomize sees them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple

from gitops_cli.domain.errors import ConfigurationError
from gitops_cli.domain.text import one_line
from gitops_cli.manifests.generated import Sources, is_marked, sealed_sources
from gitops_cli.manifests.programs import exported, find, run
from gitops_cli.plain_yaml import NotPlain, documents

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_MOST_ROOTS = 200
_MOST_BYTES = 64 << 20

# Fields of a kustomization that name files or directories
# (https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/).
_LISTS = (
    "resources",
    "bases",
    "components",
    "crds",
    "configurations",
    "generators",
    "transformers",
    "validators",
    "patchesStrategicMerge",
)
_TABLES = ("patches", "patchesJson6902", "replacements")
_GENERATORS = ("configMapGenerator", "secretGenerator")
# What starts helm, or a program of the pusher's choice.
_REFUSED = ("helmCharts", "helmChartInflationGenerator", "helmGlobals")

_URL = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)

ReadFiles = Callable[[str], Mapping[str, bytes]]


def kustomization_in(directory: str, files: Mapping[str, bytes]) -> str | None:
    """Return the path of a directory's kustomization; None: it has none."""
    paths = (f"{directory}/{name}" for name in NAMES)
    return next((path for path in paths if path in files), None)


class Kustomized(NamedTuple):
    """What kustomize made of which files; `sources`: the encrypted ones that may be values."""

    data: bytes
    sources: Sources
    files: Mapping[str, bytes]


def kustomized(directory: str, read: ReadFiles, *, network: bool) -> Kustomized:
    """Return what kustomize makes of a directory. Raises ConfigurationError, TimedOut.

    Whatever its kustomizations refer to must be in the repository, unless `network` allows more.
    """
    program = find("kustomize", "kubectl")
    if program is None:
        raise ConfigurationError(
            f"{directory}: a kustomization needs kubectl or kustomize, and neither is on PATH",
            hint="install kubectl, or keep plain YAML",
        )
    files, roots = _closure(directory, read, network=network)
    sources = sealed_sources(files)
    if any(map(is_marked, files.values())):
        _check_generators(roots, files, sources)
        _check_replacements(roots, files)
    command = [program, "build" if program.endswith("kustomize") else "kustomize"]
    with exported(files) as place:
        words = ["--load-restrictor", "LoadRestrictionsRootOnly", "--", directory]
        made = run([*command, *words], place, directory=directory, network=network)
    return Kustomized(made, sources, files)


def _check_generators(roots: Collection[str], files: Mapping[str, bytes], sources: Sources) -> None:
    """Refuse what would keep encrypted text as if it were the value; raises ConfigurationError."""
    for root in sorted(roots):
        path = kustomization_in(root, files)
        value = _content(path, files[path]) if path is not None else {}
        for key in _GENERATORS:
            for one in _dicts(value.get(key)):
                for named, is_value in _taken(one):
                    data = files.get(posixpath.normpath(f"{root}/{named}"), b"")
                    is_put_in = is_value and key == "secretGenerator" and data in sources
                    if is_marked(data) and not is_put_in:
                        raise _encrypted(str(path), key, named, is_value=is_value)


def _check_replacements(roots: Collection[str], files: Mapping[str, bytes]) -> None:
    """Refuse what takes a part of a Secret's value: of an encrypted one it would be any text."""
    for root in sorted(roots):
        path = kustomization_in(root, files)
        value = _content(path, files[path]) if path is not None else {}
        for one in _replacements(root, value, files):
            if _takes_part_of_secret(one.get("source")):
                raise ConfigurationError(
                    f"{path}:1: replacements take a part of a Secret's value, and there are "
                    "encrypted ones, of which kustomize sees the encrypted text",
                    hint="keep that part as a value of its own, and let what needs it read the "
                    "Secret (secretKeyRef)",
                )


def _replacements(
    root: str, value: Mapping[str, Any], files: Mapping[str, bytes]
) -> Iterator[dict[str, Any]]:
    for one in _dicts(value.get("replacements")):
        yield one
        for named in _texts([one.get("path")]):
            path = posixpath.normpath(f"{root}/{named}")
            try:
                found = documents(files.get(path, b""))
            except NotPlain:
                continue  # kustomize says what is wrong with it
            for document in found:
                inner = document.value
                yield from _dicts(inner if isinstance(inner, list) else [inner])


def _takes_part_of_secret(source: Any) -> bool:
    """Tell whether a replacement may read a part of a Secret's value; without a kind it may."""
    if not isinstance(source, dict) or source.get("kind") not in (None, "Secret"):
        return False
    options = source.get("options")
    field = str(source.get("fieldPath") or "")
    is_part = isinstance(options, dict) and bool(options.get("delimiter"))
    return is_part and field.startswith(("data", "stringData"))


def _taken(generator: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """Yield the files that a generator takes, and whether one is a value, not variables."""
    yield from ((_after_key(text), True) for text in _texts(generator.get("files")))
    for text in (*_texts(generator.get("envs")), *_texts([generator.get("env")])):
        yield text, False


def _encrypted(path: str, key: str, named: str, *, is_value: bool) -> ConfigurationError:
    file = one_line(named)[:200]
    if key == "configMapGenerator":
        return ConfigurationError(
            f"{path}:1: {key} has `{file}`, which SOPS encrypted: a ConfigMap would show it",
            hint="make it a secretGenerator",
        )
    if is_value:
        return ConfigurationError(
            f"{path}:1: {key} has `{file}`, which SOPS encrypted as what is not read here: its "
            "text would be the value",
            hint="encrypt it as a whole: sops encrypt --input-type binary",
        )
    return ConfigurationError(
        f"{path}:1: {key} reads variables of `{file}`, which SOPS encrypted: kustomize would have "
        "to read it decrypted, and nothing decrypted is ever written into a file",
        hint="name it in `files` of the generator, one value for each file; or keep a Secret of "
        "which SOPS encrypts the values, as a resource",
    )


def bases_of(directory: str, read: ReadFiles) -> list[str]:
    """Return the directories outside of its own that a kustomization is made from.

    None where it is no kustomization. Raises ConfigurationError for one that cannot be followed.
    """
    if kustomization_in(directory, read(directory)) is None:
        return []
    _, roots = _closure(directory, read, network=True)
    return sorted(root for root in roots if not f"{root}/".startswith(f"{directory}/"))


def _closure(
    directory: str, read: ReadFiles, *, network: bool
) -> tuple[dict[str, bytes], set[str]]:
    """Return the files of a kustomization and of those it is made from, and where they stand."""
    files: dict[str, bytes] = {}
    waiting, seen = [directory], {directory}
    while waiting:
        root = waiting.pop()
        files |= read(root)
        if sum(map(len, files.values())) > _MOST_BYTES:
            raise ConfigurationError(f"{directory}: made of more than {_MOST_BYTES >> 20} MiB")
        path = kustomization_in(root, files)
        if path is None:
            raise ConfigurationError(
                f"{root}: is referred to as a kustomization, and has no {NAMES[0]}"
            )
        for named in _named(path, files[path]):
            target = posixpath.normpath(posixpath.join(root, named))
            # A URL may be a file's path too, and kustomize tries the URL first.
            if (target in files and not _URL.match(named)) or target in seen:
                continue
            if _is_directory(named, target, read):
                seen.add(target)
                waiting.append(target)
            elif not network:
                raise _away(path, named)
            if len(seen) > _MOST_ROOTS:
                raise ConfigurationError(f"{directory}: made of more than {_MOST_ROOTS} others")
    return files, seen


def _is_directory(named: str, target: str, read: ReadFiles) -> bool:
    """Tell whether a kustomization means a directory of the repository by this.

    Not if it could be a URL too, such as `github.com/acme/base`: kustomize tries that first.
    """
    first = named.partition("/")[0]
    is_url = set(named) & set(":@?") or ("." in first and first not in {".", ".."})
    outside = target.startswith(("/", "..")) or target in {".", ".git"}
    return not is_url and not outside and bool(read(target))


def _away(path: str, named: str) -> ConfigurationError:
    return ConfigurationError(
        f"{path}:1: refers to `{one_line(named)[:200]}`, which is neither a file below it nor a "
        "directory of this repository",
        hint="keep it here; or let the stage fetch: [stage.X] manifests_network = true",
    )


def _named(path: str, data: bytes) -> Iterator[str]:
    """Yield what a kustomization refers to; raises ConfigurationError for what is never run."""
    value = _content(path, data)
    for key in _LISTS:
        yield from _texts(value.get(key))
    for one in (one for key in _TABLES for one in _dicts(value.get(key))):
        yield from _texts([one.get("path")])
    for one in (one for key in _GENERATORS for one in _dicts(value.get(key))):
        yield from (named for named, _ in _taken(one))
    yield from (
        text for one in _dicts([value.get("openapi")]) for text in _texts([one.get("path")])
    )


def _content(path: str, data: bytes) -> dict[str, Any]:
    try:
        found = documents(data)
    except NotPlain as error:
        raise ConfigurationError(f"{path}:{error.line or 1}: {error}") from error
    value: Any = found[0].value if found else {}
    if not isinstance(value, dict):
        raise ConfigurationError(f"{path}:1: is no kustomization")
    for key in _REFUSED:
        if key in value:
            raise ConfigurationError(
                f"{path}:1: {key} starts helm, which is not done from a kustomization",
                hint="keep the chart itself as the directory of manifests",
            )
    return value


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    yield from (one for one in (value if isinstance(value, list) else ()) if isinstance(one, dict))


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts of a list that are no content themselves, as inline patches are."""
    for one in value if isinstance(value, list) else ():
        if isinstance(one, str) and "\n" not in one.strip() and not one.lstrip().startswith("{"):
            yield one


def _after_key(text: str) -> str:
    """Return the file of `key=file`."""
    _, equals, file = text.partition("=")
    return file if equals else text
