"""``avctl seal``: the key of the sealed masters, and opening them: for the secretary, wherever that is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from avctl.errors import ConfigError

app = typer.Typer(help="The sealed recordings of closed parts.", no_args_is_help=True)


@app.command()
def key(
    file: Annotated[Path, typer.Argument(help="File for the private key; it must not exist.")],
) -> None:
    """Make a key and print its public half, for broadcast.closed.recipients; the file is the secretary's."""
    from pyrage import x25519

    if file.exists():
        raise _failure(f"{file} exists already")
    made = x25519.Identity.generate()
    file.touch(mode=0o600)
    file.write_text(f"{made}\n", encoding="ascii")
    typer.echo(str(made.to_public()))


@app.command("open")
def open_(
    key_file: Annotated[Path, typer.Argument(metavar="KEY", help="File with the private key.")],
    folder: Annotated[Path, typer.Argument(help="Folder of the broadcast (DATA/broadcasts/SESSION).")],
    target: Annotated[Path, typer.Argument(help="File to write, an MPEG transport stream (.ts).")],
) -> None:
    """Decrypt the hall of a closed part into a file that any player plays."""
    from streams.sealed import pieces_of, unsealed

    if target.exists():
        raise _failure(f"{target} exists already")
    pieces = pieces_of(folder)
    if not pieces:
        raise _failure(f"there is nothing sealed in {folder}")
    try:
        private = key_file.read_text(encoding="ascii")
        size = unsealed(pieces, private, target)
    except (ConfigError, OSError, UnicodeDecodeError) as fault:
        target.unlink(missing_ok=True)
        raise _failure(f"{key_file}: {fault}") from fault
    typer.echo(f"{len(pieces)} pieces, {size} bytes, are in {target}")


def _failure(why: str) -> typer.Exit:
    typer.echo(why, err=True)
    return typer.Exit(1)
