"""What the tables of ``raw`` share: a delivery passes the first gate, and every symbol is told of.

The first gate looks at a row by itself: shape, types, key, finite and positive numbers, a session
of the exchange, not in the future, a known symbol.
"""

import bisect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import cast

import dagster as dg
import pandera.polars as pa
import polars as pl

from assets.market import calendar, listings
from assets.market.names import FOR_EVER, Names
from assets.market.rebased_closes import PRICES_AND_SPLITS
from assets.market.undelivered import CAME, may_lack, undelivered
from assets.metadata import as_table
from assets.resources import Inputs, Limits
from assets.sources import Delivery, Since, Source
from assets.sources.renamed import RenamedSource
from assets.table_asset import asset_key
from warehouse.errors import SourceError, TooFewDelivered
from warehouse.landing import Landing, Window
from warehouse.schemas import Table
from warehouse.schemas.raw import DELIVERED
from warehouse.schemas.vocabulary import Outcome, RefusalStatus
from warehouse.validation import Gated, pass_gate, quarantine

_ROW = "__row"

KINDS = frozenset({"polars", "pandera", "duckdb"})
"""Technologies of a raw table, for the UI."""

NO_LINES = pl.DataFrame(schema={"symbol": pl.String, "reason": pl.String})
"""Where no line is refused."""

OPTIONAL = frozenset({"shares_outstanding"})
"""Datasets that many symbols have nothing of: few deliveries say nothing about the rest."""


def first_gate(
    rows: pl.DataFrame, model: type[Table], known: Sequence[str], last_closed: date
) -> Gated:
    """Let through the rows that are right in themselves.

    Args:
        rows: rows as delivered, with provenance.
        model: the raw table.
        known: symbols that the reference data cover.
        last_closed: the last session that has ended; anything later is in the future.
    """
    symbol = next(c.name for c in model.columns() if c.is_key and c.dtype == pl.String)
    day = next(c.name for c in model.columns() if c.is_key and c.dtype == pl.Date)
    checks = {
        symbol: [_is_among(pl.Series(known, dtype=pl.String), "known_symbol")],
        day: [pa.Check.less_than_or_equal_to(last_closed, error="not_in_the_future")],
    }
    if day in ("session_date", "ex_date"):
        # A future row is said to be in the future, not to be off the calendar as well.
        allowed = calendar.sessions()
        checks[day].append(_is_among(pl.Series(allowed, dtype=pl.Date), "exchange_session"))
    if DELIVERED in model.names() and DELIVERED not in rows.columns:
        rows = rows.with_columns(pl.lit(None, pl.String).alias(DELIVERED))
    return pass_gate(rows, model, checks)


def _is_among(values: pl.Series, rule: str) -> pa.Check:
    """Return a check for one of many values; pandera's own copies them for each validation."""

    def judge(data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col(data.key).is_in(values.implode()))

    return pa.Check(judge, error=rule)


def with_lines_refused(gated: Gated, lines: pl.DataFrame) -> Gated:
    """Let the refused rows of a line that is refused itself say why that is.

    Args:
        gated: what the first gate made of a delivery.
        lines: symbol, reason of the lines of securities.csv that are not covered.
    """
    told = gated.quarantined.join(
        lines.select("symbol", line="reason"), on="symbol", how="left", maintain_order="left"
    )
    is_all = pl.col("rules").list.len() == 1
    reason = (
        pl.when(pl.col("line").is_null())
        .then("reason")
        .when(is_all)
        .then("line")
        .otherwise(pl.format("{}; {}", "line", "reason"))
    )
    return replace(gated, quarantined=told.with_columns(reason=reason).drop("line"))


def refuse_bad_delivery(
    gated: Gated, model: type[Table], limits: Limits, lines: pl.DataFrame = NO_LINES
) -> None:
    """Fail where too much of a delivery is wrong for the rest to be trusted.

    One session of all that is wrong for however many symbols, such as bars of a holiday, says
    nothing about the others (``wrong_session``).

    Args:
        gated: what the first gate made of it.
        model: the raw table.
        limits: how much of it may be wrong.
        lines: symbol of the lines that are not covered: that their rows are refused says nothing
            about the others.

    Raises:
        SourceError: with the broken rules, how often each, and an example.
    """
    wrong = gated.quarantined.join(lines, on="symbol", how="anti", maintain_order="left")
    _, of_session = wrong_session(replace(gated, quarantined=wrong), model)
    rejected = replace(gated, quarantined=wrong).rejected - of_session
    many = rejected > limits.max_rejected_share * (gated.received - of_session)
    if not many or rejected < limits.max_rejected_rows:
        return
    by_rule = (
        wrong.explode("rules")
        .group_by("rules", maintain_order=True)
        .agg(pl.col("occurrences").sum(), pl.col("reason").first())
        .sort("occurrences", descending=True)
    )
    said = "; ".join(f"{rule}: {n} rows, e.g. {e}" for rule, n, e in by_rule.head(5).iter_rows())
    raise SourceError(
        f"{model.table()}: {rejected} of {gated.received} delivered rows are wrong: {said}",
        "The last good data stay. Mend the source or the reference data; the limits are "
        "CAPSHOCK_MAX_REJECTED_SHARE and CAPSHOCK_MAX_REJECTED_ROWS.",
    )


def wrong_session(gated: Gated, model: type[Table]) -> tuple[date | None, int]:
    """Return the session of which most rows are refused, and how many: of several symbols alone.

    None of a table without a row per session, where a row of the session has passed, and where no
    other session has come.

    Args:
        gated: what a gate made of a delivery.
        model: the table.
    """
    if "session_date" not in model.key():
        return None, 0
    most = (
        gated.quarantined.filter(pl.col("status") == RefusalStatus.REJECTED)
        .drop_nulls("row_date")
        .group_by("row_date")
        .agg(rows=pl.col("occurrences").sum(), symbols=pl.col("symbol").n_unique())
        .filter(pl.col("symbols") > 1)
        .join(gated.passed, left_on="row_date", right_on="session_date", how="anti")
        .sort("rows", "row_date", descending=True)
    )
    if most.is_empty():
        return None, 0
    day, rows = most.select("row_date", "rows").row(0)
    return (None, 0) if gated.passed.is_empty() else (day, int(rows))


@dataclass(frozen=True)
class Judged:
    """What a gate made of a delivery, beside what has landed before.

    Attributes:
        gated: what lands, and what is refused.
        refused: symbols whose delivery is refused as a whole, and why.
        kept: landed rows of these symbols that the delivery has no equal of: they stay.
        withdrawn: landed rows that the delivery has in another place now, by what states them.
        said: what to tell of these.
    """

    gated: Gated
    refused: Mapping[str, str] = field(default_factory=dict)
    kept: pl.DataFrame | None = None
    withdrawn: pl.DataFrame | None = None
    said: Sequence[str] = ()


def refuse_symbols(
    gated: Gated,
    refused: Mapping[str, str],
    landed: pl.DataFrame,
    model: type[Table],
    rule: str,
) -> Judged:
    """Hold what a delivery says anew of some symbols; what has landed of them stays.

    Args:
        gated: what the first gate made of the delivery.
        refused: symbols, and why each is refused.
        landed: what has landed of the table where the delivery would land.
        model: the raw table.
        rule: the rule that the delivery breaks.
    """
    if not refused:
        return Judged(gated)
    theirs = pl.col("symbol").is_in(list(refused))
    stands, key = landed.filter(theirs), list(model.key())
    held = (
        gated.passed.filter(theirs)
        .join(stands, on=model.value_names(), how="anti", nulls_equal=True, maintain_order="left")
        .with_row_index(_ROW)
    )
    problems = held.select(
        _ROW, rule=pl.lit(rule), reason=pl.col("symbol").replace_strict(dict(refused))
    )
    lines = quarantine(held, problems, model, status=RefusalStatus.HELD)
    passed = gated.passed.join(held, on=key, how="anti", nulls_equal=True, maintain_order="left")
    return Judged(
        replace(gated, passed=passed, quarantined=pl.concat([gated.quarantined, lines])),
        refused,
        stands.join(passed, on=key, how="anti", nulls_equal=True, maintain_order="left"),
    )


def with_refused(told: pl.DataFrame, refused: Mapping[str, str]) -> pl.DataFrame:
    """Say of the symbols whose delivery was refused that it was, and why."""
    is_refused = pl.col("symbol").is_in(list(refused))
    why = pl.col("symbol").replace_strict(dict(refused), default=None, return_dtype=pl.String)
    return told.with_columns(
        outcome=pl.when(is_refused).then(pl.lit(Outcome.REFUSED)).otherwise("outcome"),
        message=pl.when(is_refused).then(why).otherwise("message"),
    )


ALWAYS = pl.DataFrame(schema={"symbol": pl.String, "listed_from": pl.Date, "listed_to": pl.Date})
"""Listings of which nothing is known: each symbol is expected from its first bar on."""


@dataclass(frozen=True)
class Expected:
    """Which rows a dataset with a row per session should have.

    Attributes:
        window: the sessions that a run fetches.
        listed: symbol, listed_from, listed_to: when each line has a bar.
    """

    window: Window
    listed: pl.DataFrame = field(default_factory=ALWAYS.clone)

    def sessions(self) -> Sequence[date]:
        """Return the sessions of the window, in order."""
        return calendar.sessions(self.window.first, self.window.last)


def outcomes(
    delivery: Delivery,
    gated: Gated,
    dataset: str,
    asked: Sequence[str],
    expected: Expected | None,
) -> pl.DataFrame:
    """Say for every symbol asked for what came: ``ops.ingest_outcomes`` without run_id.

    Args:
        delivery: what the source delivered.
        gated: what the first gate made of it.
        dataset: name of the dataset.
        asked: symbols asked for.
        expected: what should be there, of a dataset with a row per session. None: any number of
            rows is right.
    """
    symbol = gated.passed.columns[0]
    accounts = _accounts(delivery, asked)
    per_symbol = gated.passed.group_by(pl.col(symbol).alias("symbol")).agg(
        rows=pl.len().cast(pl.Int64),
        **({"first": pl.col("session_date").min()} if expected is not None else {}),
    )
    told = (
        pl.DataFrame({"symbol": asked}, schema={"symbol": pl.String})
        .join(per_symbol, on="symbol", how="left")
        .join(accounts, on="symbol", how="left")
        .join(ALWAYS if expected is None else expected.listed, on="symbol", how="left")
    )
    since, until = delivery.covers or ({}, None)
    asked_from = pl.Series([since.get(symbol) for symbol in asked], dtype=pl.Date)
    rows_expected = pl.lit(None, pl.Int64)
    if expected is not None:
        days = pl.Series(expected.sessions(), dtype=pl.Date)
        # Of what was not asked for nothing is expected.
        begin = pl.max_horizontal("listed_from", asked_from)
        lines = told.with_columns(
            listed_from=pl.when(pl.col("listed_from").is_not_null()).then(begin)
        )
        rows_expected = pl.lit(listings.expected_sessions(lines, days))
    # Of a line that has ended nothing is asked.
    is_not_listed = (pl.col("expected_rows") == 0).fill_null(value=False)
    is_off = is_not_listed | pl.col("outcome").is_null()
    has_none = pl.lit(dataset not in ("splits", "dividends")) & pl.col("rows").is_null()
    said = pl.col("message").fill_null(
        pl.when(is_not_listed)
        .then(_not_listed())
        .when(is_off)
        .then(pl.lit("not asked for: no longer listed, or come before"))
        .when(has_none)
        .then(pl.lit("the source has no row of this symbol"))
    )
    return told.with_columns(expected_rows=rows_expected).select(
        dataset=pl.lit(dataset),
        symbol="symbol",
        outcome=pl.when(is_off)
        .then(pl.lit(Outcome.OK))
        .when(pl.col("outcome") != Outcome.OK)
        .then("outcome")
        .when(has_none)
        .then(pl.lit(Outcome.NO_DATA))
        .when(pl.col("rows") < pl.col("expected_rows"))
        .then(pl.lit(Outcome.PARTIAL))
        .otherwise(pl.lit(Outcome.OK)),
        rows=pl.col("rows").fill_null(0),
        expected_rows="expected_rows",
        attempts=pl.col("attempts").fill_null(0),
        message=said,
        response_id="response_id",
        asked_from=asked_from,
        asked_to=pl.lit(until, pl.Date),
    )


def _not_listed() -> pl.Expr:
    """Say that a line is not listed on any of the sessions asked for."""
    return pl.concat_str(
        pl.lit("not listed on these sessions"),
        pl.format("; its first one is {}", "listed_from"),
        pl.format("; its last one is {}", "listed_to"),
        ignore_nulls=True,
    )


def _accounts(delivery: Delivery, asked: Sequence[str]) -> pl.DataFrame:
    """Return what came of each symbol; the same of all where the source answered at once."""
    if delivery.accounts is not None:
        return delivery.accounts
    return pl.DataFrame({"symbol": asked}, schema={"symbol": pl.String}).select(
        "symbol",
        outcome=pl.lit(Outcome.OK),
        attempts=pl.lit(1, pl.Int64),
        message=pl.lit(delivery.note, pl.String),
        response_id=pl.lit(delivery.response_id, pl.String),
    )


PASSING = {Outcome.TRANSIENT, Outcome.THROTTLED, Outcome.SKIPPED}
"""Outcomes that another try some minutes later may change."""


def too_few(told: pl.DataFrame, model: type[Table], inputs: Inputs) -> TooFewDelivered | None:
    """Say that too few symbols were delivered to publish what has come of the others.

    Args:
        told: what ``outcomes`` returns.
        model: the raw table.
        inputs: the limit.

    Returns:
        What to say, and what came of each; None where enough came.

    Raises:
        SourceError: if nothing was asked for: another try would not change that.
        TooFewDelivered: if not one symbol was delivered.
    """
    if told.is_empty():
        raise SourceError(
            f"{model.table()}: there is no symbol to ask for",
            "The reference table that names them has no rows yet: run it before this one, as "
            "`capshock run` does.",
        )
    lacking = told.filter(~pl.col("outcome").is_in(CAME))
    good = told.height - lacking.height
    if good and lacking.height <= may_lack(told.height, inputs.settings.min_ok_share):
        return None
    by_outcome = (
        lacking.group_by("outcome", maintain_order=True)
        .agg(pl.len(), pl.col("symbol").first(), pl.col("message").first())
        .sort("len", descending=True)
    )
    said = "; ".join(f"{o}: {n} (e.g. {s}: {m})" for o, n, s, m in by_outcome.iter_rows())
    nothing = pl.lit(None, pl.Date)
    found = TooFewDelivered(
        f"{model.table()}: only {good} of {told.height} symbols were delivered: {said}",
        "What came lands, the next run asks for the rest alone, and until then nothing is "
        "published. The limit is CAPSHOCK_MIN_OK_SHARE."
        if good
        else "The last good data stay. Run again once the source is back.",
        told.with_columns(asked_from=nothing, asked_to=nothing),
        passes=set(by_outcome["outcome"]) <= PASSING,
    )
    if not good:
        raise found
    return found


def land(  # noqa: PLR0913 - as many sides as it has
    delivery: Delivery,
    model: type[Table],
    asked: Sequence[str],
    inputs: Inputs,
    expected: Expected | None = None,
    *,
    names: Names | None = None,
    judge: Callable[[Gated], Judged] = Judged,
) -> Landing:
    """Pass a delivery through the first gate and account for every row and symbol.

    Args:
        delivery: what the source delivered.
        model: the raw table.
        asked: symbols asked for.
        inputs: the limits, and the moment that counts as now.
        expected: what should be there of a window, which alone lands; None: all lands.
        names: what names stand for, of a table of lines: what has landed follows.
        judge: what the gate looks at beyond a row by itself, in what lands.

    Raises:
        SourceError: if the delivery has a wrong shape or too many wrong rows.
        TooFewDelivered: if not one symbol came; what came of each is booked.
    """
    lines = inputs.refused_lines()
    gated = with_lines_refused(
        first_gate(delivery.rows, model, asked, calendar.last_closed_session(inputs.moment())),
        lines,
    )
    refuse_bad_delivery(gated, model, inputs.settings.limits, lines)
    window = None
    if expected is not None:
        window = expected.window
        # A complete delivery is judged as a whole; only the window lands.
        inside = pl.col(window.column).is_between(window.first, window.last)
        gated = replace(gated, passed=gated.passed.filter(inside))
    judged = judge(gated)
    gated = judged.gated
    dataset = model.table().split(".")[1]
    told = outcomes(delivery, gated, dataset, asked, expected)
    told = with_refused(told, judged.refused)
    lacks = None
    if delivery.accounts is not None and dataset not in OPTIONAL:
        try:
            lacks = too_few(told, model, inputs)
        except TooFewDelivered as error:
            inputs.book(error.outcomes)
            raise
    if lacks is not None:
        # Another try of this run may come first.
        inputs.book(lacks.outcomes)
    return Landing(
        rows=gated.passed if judged.kept is None else pl.concat([gated.passed, judged.kept]),
        window=window,
        names=None if names is None else names.of_landed().spans,
        keeps_absent=delivery.keeps_absent,
        withdrawn=judged.withdrawn,
        quarantined=gated.quarantined,
        quarantine_is_complete=delivery.is_complete,
        outcomes=told,
        scanned=delivery.response_id,
        notes=(
            *(f"{model.table()}: {said}" for said in judged.refused.values()),
            *(f"{model.table()}: {said}" for said in judged.said),
            *(() if lacks is None else [lacks.what]),
            *_told_of_session(gated, model, inputs),
        ),
        lacks=lacks,
        metadata={
            "received": gated.received,
            "quarantined": gated.quarantined.height,
            "collapsed_duplicates": gated.collapsed,
        },
    )


def _told_of_session(gated: Gated, model: type[Table], inputs: Inputs) -> list[str]:
    """Say which session is refused for so many symbols that a delivery like it would fail."""
    day, rows = wrong_session(gated, model)
    if rows < inputs.settings.max_rejected_rows:
        return []
    reason = gated.quarantined.filter(row_date=day)["reason"][0]
    return [f"{model.table()}: {rows} rows of {day} are refused, the others land: {reason}"]


def since_when(
    landed: pl.DataFrame, asked: Sequence[str], first_session: date, run_first: date | None
) -> Since:
    """Return from when each symbol has to be asked for, so that no stretch is left out.

    A symbol that has been asked for since the first session goes on where the run begins, or where
    it was left, whichever is earlier: a run may have ended between two tables, or without the
    symbol. Any other one is asked for from the first session on.

    Args:
        landed: what has landed of the dataset: symbol, asked_from, asked_to.
        asked: symbols to ask for.
        first_session: first session of the pipeline.
        run_first: first session of the run; None: it fetches none.
    """
    known = landed.group_by("symbol").agg(pl.col("asked_from").min(), pl.col("asked_to").max())
    left = {
        symbol: min(last, run_first or last)
        for symbol, first, last in known.select("symbol", "asked_from", "asked_to").rows()
        if first <= first_session
    }
    return {symbol: left.get(symbol, first_session) for symbol in asked}


def told_of_lines(inputs: Inputs, dataset: str, names: Names) -> pl.DataFrame:
    """Return the outcomes of a dataset, of all runs, under the present names of lines.

    Args:
        inputs: what has landed.
        dataset: the dataset.
        names: what names of lines stand for.
    """
    outcomes = inputs.all_outcomes(dataset)
    return names.of_landed().present(outcomes, "symbol", pl.lit(FOR_EVER))


def asked_since(
    inputs: Inputs, dataset: str, asked: Sequence[str], names: Names | None = None
) -> Since:
    """Return from when a run has to ask for each symbol of a dataset.

    Args:
        inputs: what has landed, and the sessions of the run.
        dataset: what is asked for.
        asked: symbols to ask for.
        names: what names of lines stand for; None: each for itself.
    """
    run_first, run_last = inputs.sessions or (None, None)
    told = told_of_lines(inputs, dataset, names or Names())
    since = since_when(covered(told), asked, inputs.settings.first_session, run_first)
    if dataset in OPTIONAL:
        return since
    return the_rest(since, told, run_last, inputs.settings.min_ok_share)


def covered(told: pl.DataFrame) -> pl.DataFrame:
    """Return the outcomes of what has landed, of stretches that were asked for.

    Args:
        told: outcomes of a dataset, of all runs.
    """
    good = pl.col("outcome").is_in([Outcome.OK, Outcome.PARTIAL])
    return told.filter(good).drop_nulls(["asked_from", "asked_to"])


def the_rest(since: Since, told: pl.DataFrame, last: date | None, min_ok_share: float) -> Since:
    """Leave out what an earlier run has brought up to the same session, where others lack.

    Who runs again then waits for these. A symbol that the source does not know, as long as there
    are few, is no such reason: values of the others may have been revised.

    Args:
        since: symbol -> from when it is asked for.
        told: outcomes of the dataset, of all runs.
        last: the last session of the run; None: it fetches none.
        min_ok_share: the part of the symbols that has to come.
    """
    if last is None:
        return since
    lacking = undelivered(told, list(since)).filter(asked_to=last)
    may_come = lacking.filter(~pl.col("outcome").is_in([Outcome.NOT_FOUND, Outcome.NO_DATA]))
    if may_come.is_empty() and lacking.height <= may_lack(len(since), min_ok_share):
        return since
    came = told.filter(pl.col("outcome") == Outcome.OK, asked_to=last).drop_nulls("asked_from")
    come = dict(came.group_by("symbol").agg(pl.col("asked_from").min()).iter_rows())
    return {s: first for s, first in since.items() if s not in come or come[s] > first}


def bars_since(inputs: Inputs, asked: Sequence[str], names: Names) -> Since:
    """Return from when a run has to ask for the bars of each line.

    A line that nobody could be asked for so far is asked for from where the others begin, and no
    other one with it.

    Args:
        inputs: what has landed, and the sessions of the run.
        asked: lines to ask for.
        names: what names of lines stand for.
    """
    first, last = inputs.sessions or (inputs.settings.first_session, None)
    told = told_of_lines(inputs, "prices", names)
    landed = covered(told)
    if landed.is_empty():
        # A source that is read whole, or the first run.
        return dict.fromkeys(asked, first)
    begin = max(cast("date", landed["asked_from"].min()), inputs.settings.first_session)
    left = with_waiting(since_when(landed, asked, begin, first), inputs)
    since = with_overlap(left, begin, names)
    return the_rest(since, told, last, inputs.settings.min_ok_share)


SEEN_AGAIN = 20
"""Sessions of which prices and splits are seen again each evening, whatever is fetched: the record
of a split and the division by it come some evenings apart, and no further."""


def with_overlap(since: Since, begin: date, names: Names) -> Since:
    """Go back by the sessions of which prices and splits are held against each other.

    Not to those of which a line had another name, where these need not be asked for.

    Args:
        since: line -> from when it is asked for.
        begin: the first session of all.
        names: what names of lines stand for.
    """
    known = calendar.sessions()
    back = {
        day: max(known[max(bisect.bisect_left(known, day) - SEEN_AGAIN, 0)], begin)
        for day in set(since.values())
    }
    named = {
        symbol: max(former.until for former in had) for symbol, had in names.former.items() if had
    }
    return {
        symbol: min(day, max(back[day], named.get(symbol, back[day])))
        for symbol, day in since.items()
    }


def with_waiting(since: Since, inputs: Inputs) -> Since:
    """Go back to the first bar that waits, of lines whose prices and splits are at odds.

    What was refused as a whole is judged as a whole again.

    Args:
        since: line -> from when it is asked for.
        inputs: what waits in quarantine.
    """
    waiting = inputs.waiting(PRICES_AND_SPLITS)
    return {s: min(first, waiting.get(s, first)) for s, first in since.items()}


def lines_since(inputs: Inputs, dataset: str, securities: pl.DataFrame, names: Names) -> Since:
    """Return from when a run has to ask for each line; those that ended before are left out.

    Args:
        inputs: what has landed, and the sessions of the run.
        dataset: what is asked for.
        securities: ``ref.securities``.
        names: what names of lines stand for.
    """
    asked = asked_since(inputs, dataset, securities["symbol"].to_list(), names)
    ends = dict(securities.select("symbol", "listed_to").drop_nulls().iter_rows())
    since = {s: day for s, day in asked.items() if s not in ends or ends[s] >= day}
    if dataset in OPTIONAL or inputs.sessions is None:
        return since
    # Prices, splits and dividends come in one answer.
    return with_overlap(with_waiting(since, inputs), inputs.settings.first_session, names)


def source_of(inputs: Inputs, names: Names) -> Source:
    """Return the source of raw data, under the present names of companies."""
    return RenamedSource(inputs.open_source(), names)


NAMED = 8
"""Symbols that a sentence names."""


def listed(symbols: Sequence[str]) -> str:
    """Name symbols in a sentence, of many the first ones."""
    more = f" and {len(symbols) - NAMED} more" if len(symbols) > NAMED else ""
    return ", ".join(symbols[:NAMED]) + more


def delivered(model: type[Table]) -> dg.AssetChecksDefinition:
    """Make the check that every symbol asked for came."""
    dataset = model.table().split(".")[1]

    @dg.asset_check(
        asset=asset_key(model),
        name="delivered",
        required_resource_keys={"inputs"},
        description="Whether every symbol asked for was delivered; if not, which and why.",
    )
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        told = cast("Inputs", context.resources.inputs).outcomes(dataset)
        lacking = told.filter(pl.col("outcome") != Outcome.OK).sort("outcome", "symbol")
        shown = lacking.select("symbol", "outcome", "rows", "expected_rows", "message")
        counted = lacking.group_by("outcome", maintain_order=True).agg("symbol").iter_rows()
        told_of = "; ".join(f"{len(of)} {outcome} ({listed(of)})" for outcome, of in counted)
        return dg.AssetCheckResult(
            passed=lacking.is_empty(),
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{lacking.height} of {told.height} symbols did not come whole: {told_of}"
            if lacking.height
            else f"all {told.height} symbols came whole",
            metadata={
                "asked": told.height,
                "not_ok": lacking.height,
                "symbols": as_table(shown),
            },
        )

    return check
