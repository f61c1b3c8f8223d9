"""Whether a fault became a number that looks clean: a run beside the run without the fault."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from assets.mart.market_cap_losses import WITNESSED
from tests.faults.run import Run
from warehouse.schemas.vocabulary import Witness


class Verdict(StrEnum):
    """What became of a fault."""

    CAUGHT = "caught"
    HARMLESS = "harmless"
    MISSED = "missed"


@dataclass(frozen=True)
class Column:
    """A number that readers quote: it is false if it is off by both more than these."""

    name: str
    part: float
    size: float


_PART = 0.005
_BILLION = 1e9
_COMPANY = ("company_symbol", "session_date")
_INDEX = ("index_symbol", "session_date")
TABLES: dict[str, tuple[tuple[str, ...], tuple[Column, ...]]] = {
    "mart.market_cap_losses": (_COMPANY, (Column("loss_usd", _PART, _BILLION),)),
    "mart.market_cap_gains": (_COMPANY, (Column("gain_usd", _PART, _BILLION),)),
    "mart.market_caps": (
        _COMPANY,
        (
            Column("market_cap_usd", _PART, _BILLION),
            Column("price_effect_usd", _PART, _BILLION),
            Column("intraday_low_effect_usd", _PART, _BILLION),
        ),
    ),
    "mart.sector_moves": (
        ("sector", "session_date"),
        tuple(Column(f"{of}_usd", _PART, _BILLION) for of in ("net_change", "losers", "gainers")),
    ),
    "mart.index_impacts": (
        ("index_symbol", "session_date", "symbol"),
        (
            Column("contribution_points", _PART, 0.1),
            Column("weight_previous_close", _PART, 1e-3),
        ),
    ),
    "mart.index_reconciliations": (
        _INDEX,
        (
            Column("level", _PART, 0.0),
            Column("actual_return", _PART, 1e-4),
            Column("replicated_return", _PART, 1e-4),
        ),
    ),
}
"""What is compared: by which key, and which numbers. Points, dollars, fractions."""

_FALSE = {"table": pl.String, "row": pl.String, "column": pl.String, "was": pl.Float64,
          "now": pl.Float64, "doubts": pl.List(pl.String)}  # fmt: skip


@dataclass(frozen=True)
class Judgement:
    """What became of one fault.

    Attributes:
        verdict: caught, harmless or missed.
        doubts: what refused it or speaks of it: rules, flags, checks, errors.
        false: false numbers: table, row, column, was, now, doubts.
    """

    verdict: Verdict
    doubts: frozenset[str]
    false: pl.DataFrame

    @property
    def clean_looking(self) -> pl.DataFrame:
        """Return the false numbers that nothing speaks of."""
        return self.false.filter(pl.col("doubts").list.len() == 0)


def judge(clean: Run, faulty: Run) -> Judgement:
    """Compare a run with the run without its fault.

    A number is false if it is off by more than half a percent, and by more than a billion dollars,
    a tenth of a point, or a basis point. It is doubted where its own row says more than it did: a
    flag, a lost witness, a disputed company, a member without a price. What an index's row of the
    session says holds for its members. An error, and a check that stops publishing, are caught.
    """
    refusals = {rule for *_, rule in faulty.refused - clean.refused}
    stops = {check for check, _ in faulty.stops - clean.stops}
    if faulty.error is not None:
        doubts = frozenset({"error", *refusals})
        return Judgement(Verdict.CAUGHT, doubts, pl.DataFrame(schema=_FALSE))
    frames = [_false_of(name, clean, faulty) for name in TABLES]
    false = pl.concat(frames)
    said = {doubt for doubts in false["doubts"].to_list() for doubt in doubts}
    doubts = frozenset(refusals | stops | said)
    is_silent = (false["doubts"].list.len() == 0).any()
    if is_silent and not stops:
        verdict = Verdict.MISSED
    elif false.height or refusals or stops:
        verdict = Verdict.CAUGHT
    else:
        verdict = Verdict.HARMLESS
    return Judgement(verdict, doubts, false)


def new_flags(clean: Run, faulty: Run) -> set[str]:
    """Return the flags and refusals that one run has and the other lacks."""
    found = {rule for *_, rule in faulty.refused - clean.refused}
    found |= {check for check, _ in faulty.stops - clean.stops}
    for name in TABLES:
        both = _beside(name, clean, faulty)
        found |= {doubt for doubts in both["doubts"].to_list() for doubt in doubts}
    return found


def _false_of(name: str, clean: Run, faulty: Run) -> pl.DataFrame:
    """Return the false numbers of a table, each with what speaks of it."""
    key, columns = TABLES[name]
    both = _beside(name, clean, faulty)
    row = pl.concat_str([pl.col(k).cast(pl.String) for k in key], separator=" ")
    found = [pl.DataFrame(schema=_FALSE)]
    for column in columns:
        now, was = pl.col(column.name), pl.col(f"{column.name}_clean")
        off = (now - was.fill_null(0.0)).abs()
        found.append(
            both.filter(
                now.is_not_null()
                & (off > column.part * was.fill_null(0.0).abs())
                & (off > column.size)
            ).select(
                table=pl.lit(name),
                row=row,
                column=pl.lit(column.name),
                was=was,
                now=now,
                doubts="doubts",
            )
        )
    if "is_record" in both.columns:
        found.append(
            both.filter(pl.col("is_record") & ~pl.col("is_record_clean").fill_null(value=False))
            .filter((pl.col(columns[0].name) - pl.col(f"{columns[0].name}_clean").fill_null(0)).abs() > _BILLION)
            .select(
                table=pl.lit(name), row=row, column=pl.lit("is_record"), was=pl.lit(0.0),
                now=pl.lit(1.0), doubts="doubts",
            )
        )  # fmt: skip
    return pl.concat(found)


def _beside(name: str, clean: Run, faulty: Run) -> pl.DataFrame:
    """Join a table of both runs; ``doubts`` are what the faulty one says more."""
    key = list(TABLES[name][0])
    now, was = faulty.tables[name], clean.tables[name]
    if now is was:
        now = now.clear()
    both = now.join(was, on=key, how="left", suffix="_clean")
    doubts = [_more_flags()] if "flags" in now.columns else []
    if "witness" in now.columns:
        doubts.append(_witness_lost())
    if key[0] == "company_symbol":
        both, refused = _with_refused(both, clean, faulty)
        doubts.append(refused)
    if name == "mart.sector_moves":
        doubts += _fewer_sure(
            more=(
                "companies_disputed",
                "companies_without_share_count",
                "companies_without_change",
            ),
            less=("companies",),
        )
    if name == "mart.index_reconciliations":
        doubts += _fewer_sure(more=("is_estimate",), less=("members_priced",))
    both = both.with_columns(doubts=pl.concat_list(doubts).list.drop_nulls())
    if name == "mart.index_impacts":
        of_index = _beside("mart.index_reconciliations", clean, faulty)
        both = both.join(
            of_index.select(*_INDEX, of_index="doubts"), on=_INDEX, how="left"
        ).with_columns(
            doubts=pl.concat_list("doubts", pl.col("of_index").fill_null([])).list.drop_nulls()
        )
    return both


def _with_refused(both: pl.DataFrame, clean: Run, faulty: Run) -> tuple[pl.DataFrame, pl.Expr]:
    """Add the last refusal of a company's share count: told of beside the session's numbers."""
    rows = [
        (symbol, day)
        for symbol, day, rule in faulty.refused - clean.refused
        if rule.startswith("share_count") and symbol and day
    ]
    refused = pl.DataFrame(
        rows, schema={"company_symbol": pl.String, "refused_on": pl.Date}, orient="row"
    ).sort("refused_on")
    joined = both.sort("session_date").join_asof(
        refused, left_on="session_date", right_on="refused_on", by="company_symbol",
        tolerance="92d", check_sortedness=False, coalesce=False,
    )  # fmt: skip
    is_told = pl.col("refused_on").is_not_null()
    return joined, pl.when(is_told).then(pl.lit("share_count refused"))


def _more_flags() -> pl.Expr:
    return pl.col("flags").list.set_difference(pl.col("flags_clean").fill_null([]))


def _witness_lost() -> pl.Expr:
    sure = [*WITNESSED]
    was_sure = pl.col("witness_clean").is_in(sure).fill_null(value=False)
    is_contradicted = pl.col("witness") == Witness.CONTRADICTED
    is_lost = (
        (was_sure & ~pl.col("witness").is_in(sure))
        | (
            is_contradicted
            & (pl.col("witness_clean") != Witness.CONTRADICTED).fill_null(value=True)
        )
        | (pl.col("witness_clean").is_null() & ~pl.col("witness").is_in(sure))
    )
    return pl.when(is_lost).then(pl.concat_str(pl.lit("witness "), "witness"))


def _fewer_sure(more: Sequence[str], less: Sequence[str]) -> list[pl.Expr]:
    return [
        *(
            pl.when(
                pl.col(name).cast(pl.Int64) > pl.col(f"{name}_clean").cast(pl.Int64).fill_null(0)
            ).then(pl.lit(name))
            for name in more
        ),
        *(
            pl.when(pl.col(name) < pl.col(f"{name}_clean")).then(pl.lit(f"fewer {name}"))
            for name in less
        ),
    ]
