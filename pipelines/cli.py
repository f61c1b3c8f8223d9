"""The command line, ``capshock``: run, publish, forget, story, brief, claims, trace and others."""

import getpass
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from pipelines.settings import Settings
from warehouse.errors import CapshockError

app = typer.Typer(
    help="What happened to the market, in dollars that can be checked.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
out = Console()
err = Console(stderr=True)


@app.command()
def run(
    first: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="First session. [default: missing ones]"),
    ] = None,
    last: Annotated[
        datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], help="Last session. [default: the latest]"),
    ] = None,
    rebuild: Annotated[
        bool, typer.Option(help="Make every table anew, also where no input of it has changed.")
    ] = False,
    verbose: Annotated[bool, typer.Option(help="Print Dagster's own log.")] = False,
) -> None:
    """Fetch sessions, bring every table up to date and publish the file.

    By default the sessions that the source has and the warehouse lacks.
    """
    from pipelines.progress import report_run

    settings = Settings.load()
    # Dagster says on every use that a feature is in beta; the tests pin what is relied on.
    warnings.filterwarnings("ignore", module="dagster")
    landed = report_run(out, settings, _date(first), _date(last), verbose=verbose, rebuild=rebuild)
    sys.exit(0 if landed else 1)


@app.command()
def publish(
    despite: Annotated[
        list[str] | None,
        typer.Option(help="A check that may fail, such as rows_kept; several may be named."),
    ] = None,
    reason: Annotated[
        str, typer.Option(help="Why; readers of the file find it in ops.publish_overrides.")
    ] = "",
) -> None:
    """Publish what has been written, if it passes the gate: past failing checks on your word alone.

    The word holds for the rows that fail now, and is kept in the file with your account's name.
    """
    from assets.resources import Override
    from pipelines.progress import report_publish

    settings = Settings.load()
    warnings.filterwarnings("ignore", module="dagster")
    override = Override(tuple(despite or ()), reason.strip(), _account())
    sys.exit(0 if report_publish(out, settings, override) else 1)


@app.command()
def forget(
    symbol: Annotated[str, typer.Argument(help="A line or an index, such as CCC.")],
    reason: Annotated[
        str, typer.Option(help="Why; readers of the file find it in ops.forgotten.")
    ] = "",
) -> None:
    """Let a line or an index go, and its history with it, on your word alone.

    It must be gone from the reference folder. Where it is no longer traded, listed_to keeps its
    history instead. The word is kept in the file with your account's name.
    """
    from pipelines.forget import Word, report_forget

    report_forget(out, Settings.load(), Word(symbol, reason.strip(), _account()))


@app.command()
def story(
    session: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Session. [default: the largest loss]"),
    ] = None,
) -> None:
    """Tell a session from the published file: losses, gains, sectors, and what is missing."""
    from assets.products.story import report_story

    report_story(out, Settings.load().warehouse.resolve(), _date(session))


@app.command()
def brief(
    session: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Session. [default: the last one]"),
    ] = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Write the page that tells a session, with its pictures, tables and Markdown."""
    from assets.products.brief_report import report_brief

    report_brief(out, Settings.load().warehouse.resolve(), _date(session), open_it=open_it)


@app.command()
def hashes(
    file: Annotated[
        Path | None, typer.Argument(help="A warehouse file. [default: the published one]")
    ] = None,
) -> None:
    """Print a hash of every table: equal hashes mean that running again changed nothing."""
    from warehouse.storage import open_warehouse

    for table, digest in open_warehouse(file or Settings.load().warehouse).hashes().items():
        out.print(f"{digest}  {table}", highlight=False)


@app.command()
def claims(
    file: Annotated[
        Path | None,
        typer.Argument(help="A file of claims, anywhere. [default: the published ones]"),
    ] = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema for editors instead.")
    ] = False,
) -> None:
    """Say whether what articles claimed holds, and under which convention."""
    if schema:
        from assets.ref.claims.files import schema_for_editors

        sys.stdout.write(schema_for_editors())
        return
    from assets.products.claims_report import report_claims

    report_claims(out, Settings.load().warehouse.resolve(), file)


@app.command()
def trace(
    symbol: Annotated[str, typer.Argument(help="A company, such as NVDA.")],
    session: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="Session.")],
) -> None:
    """Walk a market-cap loss back to the rows and the bytes it came from."""
    from assets.products.trace import Origins, report_trace
    from warehouse.responses import ResponseStore

    settings = Settings.load()
    published = settings.warehouse.resolve()
    responses = ResponseStore(published.parent / "responses")
    origins = Origins(settings.data_dir.resolve(), responses)
    report_trace(out, published, origins, symbol, session.date())


@app.command()
def doctor() -> None:
    """Look at everything that a run needs; exit 1 if something needs a hand."""
    from pipelines.doctor import report

    settings = Settings.load()
    warnings.filterwarnings("ignore", module="dagster")
    sys.exit(0 if report(out, settings) else 1)


@app.command(hidden=True)
def history() -> None:
    """Look whether Dagster can use its history and its settings."""
    from pipelines.history import prepared_home, require_sound

    require_sound(prepared_home())


holdings = typer.Typer(no_args_is_help=True, help="Who is in an index, with how many units.")
app.add_typer(holdings, name="holdings")


@holdings.command("import")
def import_holdings(
    file: Annotated[
        Path, typer.Argument(help="SSGA's workbook, iShares' or Invesco's CSV, as published.")
    ],
    index: Annotated[
        str | None, typer.Option(help="The index it follows. [default: by the fund]")
    ] = None,
    effective_from: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="First session. [default: the file's date]"),
    ] = None,
) -> None:
    """Write the holdings of a fund that follows an index into the reference folder."""
    from pipelines.holdings import report_import

    report_import(out, Settings.load(), file, index, _date(effective_from))


def _account() -> str:
    """Return the name of the account; its number where it has none, as in some containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"account {os.getuid()}"


def _date(moment: datetime | None) -> date | None:
    return None if moment is None else moment.date()


@contextmanager
def errors_as_sentences() -> Iterator[None]:
    """Print errors made for people as such, and files out of reach as what they are; then exit."""
    try:
        yield
    except CapshockError as error:
        _print_error(error.what, error.next_step)
    except OSError as error:
        if error.filename is None:
            raise
        _print_error(
            f"{error.filename}: {error.strerror}",
            "Make room, or make it readable and writable; then run again.",
        )


def _print_error(what: str, next_step: str) -> NoReturn:
    message = f"[bold red]{escape(what)}[/]\n  -> {escape(next_step)}"
    err.print(message, highlight=False, soft_wrap=True)
    sys.exit(1)


def main() -> None:
    """Run the command line."""
    with errors_as_sentences():
        app()


if __name__ == "__main__":
    main()
