"""TLS settings: made once for the same trust, and anew where what is believed has changed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from gitops_cli.web.tls import Pem, Trust, make_context
from tests.testbed.controlplane import make_certificates


def test_the_same_trust_is_loaded_once_as_long_as_the_systems_file_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_certificates(tmp_path / "made")
    authorities = Path(shutil.copy(made / "ca.crt", tmp_path / "system.crt"))
    monkeypatch.setenv("SSL_CERT_FILE", str(authorities))
    first = make_context(Trust())
    assert len(first.get_ca_certs()) == 1
    assert make_context(Trust()) is first
    assert make_context(Trust(verify=False)) is not first

    os.utime(authorities, ns=(1, 1))
    again = make_context(Trust())
    assert again is not first
    monkeypatch.delenv("SSL_CERT_FILE")
    assert make_context(Trust()) not in (first, again)


def test_settings_that_show_a_certificate_are_nobody_elses(tmp_path: Path) -> None:
    made = make_certificates(tmp_path)
    pair = tuple(Pem(name, (made / name).read_bytes()) for name in ("server.crt", "server.key"))
    shows = Trust(pairs=((pair[0], pair[1]),))
    assert make_context(shows) is not make_context(shows)
