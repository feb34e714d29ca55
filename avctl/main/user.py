"""``avctl user``: the people who may log in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from avctl.errors import AvctlError
from avctl.model.account import Role

app = typer.Typer(help="Add, list and disable the people who may log in.", no_args_is_help=True)

Data = Annotated[Path, typer.Option("--data", help="Folder of the record.")]
Config = Annotated[Path | None, typer.Option("--config", help="Configuration, when it names another store.")]
Name = Annotated[str, typer.Argument(help="Log-in name.")]
Password = Annotated[
    str,
    typer.Option(
        prompt=True,
        confirmation_prompt=True,
        hide_input=True,
        envvar="AVCTL_PASSWORD",
        help="Password; asked for when not given.",
    ),
]


@app.command()
def add(
    name: Name,
    role: Annotated[Role, typer.Option(help="What the person may do.")],
    password: Password,
    data: Data = Path("data"),
    config: Config = None,
) -> None:
    """Add a person."""
    _with_accounts(data, config, lambda accounts: accounts.add(name, role, password, actor="shell"))
    typer.echo(f"{name} was added as {role}")


@app.command(name="list")
def list_(data: Data = Path("data"), config: Config = None) -> None:
    """List the people and their roles."""
    from rich.console import Console
    from rich.table import Table

    table = Table("name", "role", "state")
    for account in _with_accounts(data, config, lambda accounts: accounts.all()):
        table.add_row(account.name, account.role, "disabled" if account.disabled else "")
    Console().print(table)


@app.command()
def password(name: Name, password: Password, data: Data = Path("data"), config: Config = None) -> None:
    """Give a person a new password; log-ins and tokens of the old one end."""
    _with_accounts(data, config, lambda accounts: accounts.set_password(name, password, actor="shell"))
    typer.echo(f"{name} has a new password")


@app.command()
def disable(name: Name, data: Data = Path("data"), config: Config = None) -> None:
    """Shut a person out; the account stays in the journal."""
    _with_accounts(data, config, lambda accounts: accounts.disable(name, actor="shell"))
    typer.echo(f"{name} is disabled")


@app.command()
def token(
    name: Name,
    label: Annotated[str, typer.Option(help="What the token is for.")] = "shell",
    data: Data = Path("data"),
    config: Config = None,
) -> None:
    """Make an API token for a person; it is shown once."""
    typer.echo(_with_accounts(data, config, lambda accounts: accounts.make_token(name, label, actor="shell")))


def _with_accounts(data: Path, config: Path | None, ask: Callable[[Any], Awaitable[Any]]) -> Any:
    from avctl.main.record import accounts_of

    async def work() -> Any:
        async with accounts_of(data, config) as accounts:
            return await ask(accounts)

    try:
        return asyncio.run(work())
    except AvctlError as refusal:
        typer.echo(str(refusal), err=True)
        raise typer.Exit(1) from refusal
