"""``capshock forget``: a line or an index leaves with its history, because a person says so.

Nothing leaves by being absent from a file: a line that is gone from it is refused. Here it is
written down who let it go and why, in ``ops.forgotten``, which is published; only then are its rows
taken out. The next run computes what rested on them.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import polars as pl
from rich.console import Console
from rich.markup import escape

from assets.products.wording import in_words
from assets.ref.reference_files import read_reference
from assets.ref.securities import read_universe
from pipelines.settings import Settings
from warehouse.errors import CannotForget, WarehouseError
from warehouse.reader import Reader
from warehouse.schemas import ops, ref
from warehouse.storage import open_warehouse

WRITTEN_BY = "capshock forget"
"""Who writes, for those who wait, and as versions of tables have it."""


@dataclass(frozen=True)
class Word:
    """What a person says.

    Attributes:
        symbol: the line or index that is to go.
        reason: why.
        by: who says so.
    """

    symbol: str
    reason: str
    by: str


def forget(settings: Settings, word: Word) -> pl.DataFrame:
    """Write down that a line or index is forgotten, and take its rows out.

    Returns:
        The row of ``ops.forgotten``.

    Raises:
        CannotForget: if there is no reason, nothing has landed of it, a file has it still, or an
            index needs its history.
        WarehouseError: if there is no warehouse, or another writer is at work.
    """
    if not word.reason:
        raise CannotForget(
            f"{word.symbol}: no reason is given", 'Say why: --reason "..."; readers find it.'
        )
    _require_gone(settings, word.symbol)
    warehouse = open_warehouse(settings.warehouse, settings.lock_wait_seconds)
    if not warehouse.exists():
        raise WarehouseError(
            f"{warehouse.location}: nothing has landed here yet", "Run `capshock run` first."
        )
    with warehouse.writing(WRITTEN_BY):
        with warehouse.open_written() as written:
            record = _record(written, word)
        warehouse.forget(record, WRITTEN_BY)
    return record


def _require_gone(settings: Settings, symbol: str) -> None:
    """Refuse what a file of the reference folder names still.

    An index keeps the history of its members, whoever is alive today: a member is not forgotten.
    """
    folder = settings.reference_dir.resolve()
    universe = read_universe(folder)
    indices = read_reference(folder, "indices", ref.Indices, optional=False)
    written = read_reference(folder, "index_holdings", ref.IndexHoldings, optional=False)
    holdings = universe.names.present(written, "symbol", pl.col("effective_from"))
    lines = {*universe.lines["symbol"], *universe.quarantined["symbol"]}
    for file, named in (("securities", lines), ("indices", set(indices["index_symbol"]))):
        if symbol in named:
            raise CannotForget(
                f"{symbol} is in {file}, and would be fetched again",
                f"Take its rows out of {file} first, then say it again. A line that has ended "
                "keeps its history with listed_to.",
            )
    sets = holdings.filter(pl.col("symbol") == symbol)
    if sets.height:
        where = sets["index_symbol"].unique().sort().to_list()
        days = sets["effective_from"].sort().to_list()
        raise CannotForget(
            f"{symbol} is a member of {', '.join(where)} in sets of {days[0]} to {days[-1]}: "
            "without its prices the history of the index would be another",
            "Put its line back into securities, with listed_to where it has ended; or take it out "
            "of index_holdings first.",
        )


def _record(written: Reader, word: Word) -> pl.DataFrame:
    about = written.rows(
        "SELECT coalesce("
        "(SELECT any_value(name) FROM ref.securities WHERE symbol = $symbol), "
        "(SELECT any_value(name) FROM ref.indices WHERE index_symbol = $symbol)) AS name, "
        "count(*) AS bars, min(session_date) AS first_session, max(session_date) AS last_session, "
        "(SELECT count(*) FROM mart.market_cap_losses WHERE company_symbol = $symbol) AS losses, "
        "(SELECT max(loss_usd) FROM mart.market_cap_losses WHERE company_symbol = $symbol) "
        "AS largest_loss_usd FROM (SELECT session_date FROM raw.prices WHERE symbol = $symbol "
        "UNION ALL SELECT session_date FROM raw.index_levels WHERE index_symbol = $symbol)",
        symbol=word.symbol,
    )[0]
    if about["name"] is None and not about["bars"]:
        raise CannotForget(
            f"{word.symbol}: nothing of it is here", "Check the symbol: ref.securities has them."
        )
    said = {
        "symbol": word.symbol,
        "forgotten_at": datetime.now(UTC),
        "forgotten_by": word.by,
        "reason": word.reason,
    }
    return pl.DataFrame([said | about], schema=ops.Forgotten.polars_schema())


def report_forget(console: Console, settings: Settings, word: Word) -> None:
    """Forget a line or an index, and tell what went."""
    (row,) = forget(settings, word).to_dicts()

    def say(text: str, style: str = "") -> None:
        console.print(escape(text), style=style, highlight=False, soft_wrap=True, emoji=False)

    called = f" ({row['name']})" if row["name"] else ""
    say(f"Forgotten: {row['symbol']}{called}, {_span(row['bars'], row)}.", "green")
    if row["losses"]:
        losses = "one-day loss goes" if row["losses"] == 1 else "one-day losses go"
        largest = in_words(row["largest_loss_usd"])
        say(f"  {row['losses']:,} {losses} with it, the largest of {largest} dollars.")
    say(f"  ops.forgotten keeps the word of {row['forgotten_by']}: {row['reason']}")
    say("Next: `capshock run` computes the tables without it, and publishes that.")


def _span(bars: int, row: dict[str, date]) -> str:
    if not bars:
        return "which had no bar"
    return f"{bars:,} bars from {row['first_session']} to {row['last_session']}"
