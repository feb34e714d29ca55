"""The secretary's side of sealed recordings: a key nobody else has, and what it opens."""

from __future__ import annotations

from pathlib import Path

import pyrage
from typer.testing import CliRunner

from avctl.main import app

runner = CliRunner()


def test_a_key_opens_what_was_sealed_for_it_and_nothing_else(tmp_path: Path) -> None:
    key, sealed, out = tmp_path / "key.txt", tmp_path / "s1" / "sealed", tmp_path / "hall.ts"
    made = runner.invoke(app, ["seal", "key", str(key)])
    assert made.exit_code == 0
    public = made.stdout.strip()
    assert key.stat().st_mode & 0o077 == 0
    assert key.read_text().strip() not in made.output
    assert runner.invoke(app, ["seal", "key", str(key)]).exit_code == 1

    assert runner.invoke(app, ["seal", "open", str(key), str(tmp_path / "s1"), str(out)]).exit_code == 1
    sealed.mkdir(parents=True)
    for number, piece in enumerate((b"one", b"two")):
        recipient = pyrage.x25519.Recipient.from_str(public)
        (sealed / f"{number:020d}.ts.age").write_bytes(pyrage.encrypt(piece, [recipient]))
    opened = runner.invoke(app, ["seal", "open", str(key), str(tmp_path / "s1"), str(out)])
    assert opened.exit_code == 0
    assert out.read_bytes() == b"onetwo"

    other = tmp_path / "other.txt"
    runner.invoke(app, ["seal", "key", str(other)])
    refused = runner.invoke(app, ["seal", "open", str(other), str(tmp_path / "s1"), str(tmp_path / "no.ts")])
    assert refused.exit_code == 1
    assert not (tmp_path / "no.ts").exists()
