"""A year of evenings: a made-up market that Yahoo tells of, wrongly in one place each evening.

A ``Nightly`` runs the product's own tables, in their order and with their gates, over the replay;
Dagster's run around them, which costs more than they do, is left out.
"""

import copy
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import polars as pl

from assets.market import calendar
from assets.ops.checks import Evidence
from assets.ops.gate import open_stops
from assets.ref.securities import read_universe
from assets.resources import Inputs
from pipelines.definitions import build
from pipelines.plan import Offer, plan_live
from pipelines.settings import Settings
from tests.yahoo_replay import faults
from tests.yahoo_replay.market import Market, stamp
from tests.yahoo_replay.replay import Replay
from warehouse.schemas import TABLES
from warehouse.schemas.vocabulary import CapFlag
from warehouse.storage import Warehouse, open_warehouse

FIRST_SESSION = date(2023, 1, 3)
BEFORE = 12
"""Sessions that have ended before the first evening."""

INDEX = "^IDX"
MEMBERS = ("AAA", "BBB", "DDD")
RATIOS = {"AAA": 2.0, "BBB": 1.5, "CCC": 1.25, "DDD": 1 / 8, "EEE": 1.12}
"""What each line is split by, once: whole, below the gate's x1.8, reverse, a spin-off."""

PAYERS = ("AAA", "FFF")
LINES = (*RATIOS, "FFF")
SHARES = 2e9
DOUBT = {
    CapFlag.DISPUTED_PRICE,
    CapFlag.DISPUTED_SHARE_COUNT,
    CapFlag.UNWITNESSED,
    CapFlag.SHARE_COUNT_WARNING,
    CapFlag.STALE_SHARE_COUNT,
}
LARGE_LOSS_USD = 1e9
SAME_TO = 0.01
"""A loss that differs from the true one by no more than this part of it is the true one."""

ON_THE_WAY = ("truncated", "reset", "reset_in_body", "cut_body")


def sessions_of(evenings: int) -> list[date]:
    """Return the sessions before the first evening, and one for each of them."""
    return calendar.sessions(FIRST_SESSION)[: BEFORE + evenings]


def made_up(seed: int, evenings: int, all_at: int | None = None) -> Market:
    """Return a market with a split of each kind, dividends, counts and an index of some lines.

    Args:
        seed: of what is left to chance.
        evenings: how many there are.
        all_at: the evening on which all splits go ex, the first being 1; None: by chance.
    """
    chance = random.Random(seed)  # noqa: S311 - chosen by seed
    days = sessions_of(evenings)
    apart = (
        [BEFORE + all_at - 1] * len(RATIOS)
        if all_at
        else chance.sample(range(BEFORE + 1, len(days) - 2), len(RATIOS))
    )
    splits = {s: [(days[at], RATIOS[s])] for s, at in zip(RATIOS, apart, strict=True)}
    market = Market(bars={}, splits=splits, indices=frozenset({INDEX}))
    for symbol in LINES:
        market.bars[symbol] = list(_bars(chance, days, dict(splits.get(symbol, []))))
        count = SHARES
        market.counts[symbol] = [(days[0], count)]
        for at in range(20, len(days), 20):
            for ex, ratio in splits.get(symbol, []):
                count = SHARES * ratio if ex <= days[at] and symbol != "EEE" else SHARES
            market.counts[symbol].append((days[at], round(count)))
    for symbol in PAYERS:
        first = chance.randrange(BEFORE, BEFORE + 15)
        market.dividends[symbol] = [(days[at], 0.5) for at in range(first, len(days), 30)]
    market.bars[INDEX] = [_level(market, place, day) for place, day in enumerate(days)]
    return market


def _bars(
    chance: random.Random, days: Sequence[date], splits: dict[date, float]
) -> Iterator[dict[str, Any]]:
    price = chance.uniform(60, 240)
    for day in days:
        price = price / splits.get(day, 1.0) * (1 + chance.gauss(0, 0.015))
        start, close = price * (1 + chance.gauss(0, 0.004)), price
        low, high = min(start, close) * 0.996, max(start, close) * 1.004
        bar = {"open": start, "high": high, "low": low, "close": close}
        yield {
            "session_date": day,
            **{name: round(value, 2) for name, value in bar.items()},
            # What a split divides without a rest.
            "volume": 1_000 * chance.randrange(1, 9),
        }


def _level(market: Market, place: int, day: date) -> dict[str, Any]:
    total = dict.fromkeys(("open", "high", "low", "close"), 0.0)
    for symbol in MEMBERS:
        ((ex, ratio),) = market.splits[symbol]
        for name in total:
            units = ratio if ex <= day else 1.0
            total[name] += units * market.bars[symbol][place][name]
    return {"session_date": day, "volume": 0} | {n: round(v, 2) for n, v in total.items()}


def write_reference(folder: Path) -> Path:
    """Write the reference data of the made-up market."""
    folder.mkdir()
    texts = {
        "securities": ["symbol,name,company_symbol,sector,sector_scheme,industry"]
        + [f"{s},{s} Inc.,{s},Things,made up,Things" for s in LINES],
        "indices": ["index_symbol,name,weighting,effective_from,divisor",
                    f"{INDEX},Made-up Index,market cap,2022-01-01,"],
        "index_holdings": ["index_symbol,symbol,effective_from,units,as_of_date,is_estimate,source"]
        + [f"{INDEX},{s},{FIRST_SESSION},1000,{FIRST_SESSION},false,made up" for s in MEMBERS],
    }  # fmt: skip
    for name, lines in texts.items():
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    return folder


def evening_of(session: date) -> datetime:
    """Return the moment of a session's run (UTC)."""
    return datetime.combine(session, time(23, 30), UTC)


# --- one thing wrong each evening -----------------------------------------------------------------


@dataclass(frozen=True)
class Wrong:
    """What is wrong on an evening."""

    endpoint: str
    symbol: str
    kind: str
    place: str | None = None


def draw(chance: random.Random, replay: Replay, days: Sequence[date], place: int) -> Wrong:
    """Choose what goes wrong: where a split is some days old, mostly there.

    Args:
        chance: where chance comes from.
        replay: what is served; its moment is the evening's.
        days: all sessions.
        place: the place of the evening's session among them.
    """
    recent = days[max(place - 4, 0) : place + 1]
    split = [s for s, told in replay.market.splits.items() if any(ex in recent for ex, _ in told)]
    while True:
        symbol = chance.choice([*LINES, INDEX])
        if split and chance.random() < 0.7:
            symbol = chance.choice(split)
        if chance.random() < 0.1:
            return Wrong("shares", chance.choice(LINES), chance.choice([*faults.STATUSES]))
        if chance.random() < 0.2:
            kinds = [k for k in (*faults.STATUSES, *ON_THE_WAY) if not k.startswith("shares")]
            return Wrong("chart", symbol, chance.choice(kinds))
        wrong = Wrong("chart", symbol, chance.choice([*faults._CHANGES, *faults.OF_A_BAR]),
                      chance.choice([*faults.PLACES]))  # fmt: skip
        # The shortest answer that is asked for: a fault shows in it, or is none this evening.
        if _shows(wrong, replay, days[max(place - 1, 0)]):
            return wrong


def _shows(wrong: Wrong, replay: Replay, first: date) -> bool:
    told = replay.market.chart(wrong.symbol, stamp(first), 4e9, replay.now)
    now = replay.now.timestamp()
    try:
        return faults.changed(wrong.kind, copy.deepcopy(told), now, wrong.place) != told
    except (KeyError, IndexError, ValueError):
        return False


# --- the pipeline of an evening -------------------------------------------------------------------

TO_LOSSES = ("raw.", "core.", "mart.index_impacts", "mart.index_reconciliations",
             "mart.market_caps", "mart.market_cap_losses")  # fmt: skip
"""Tables that a loss rests on, and itself: by these their names begin."""

ALL = ("",)
REFERENCE = ("ref.",)


@dataclass
class Nightly:
    """The product's tables on a folder of their own, run evening by evening.

    Attributes:
        folder: where the warehouse is.
        reference: folder of reference data.
        overrides: settings.
        said: what the tables had to say on the last evening.
        failed: tables that failed on it, and why.
    """

    folder: Path
    reference: Path
    overrides: dict[str, Any] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    _runs: int = 0
    _booked: set[str] = field(default_factory=set)

    def settings(self, now: datetime) -> Settings:
        given = {
            "source": "yahoo", "requests_per_second": 0, "first_session": FIRST_SESSION,
            "warehouse": self.folder / "market.duckdb", "reference_dir": self.reference,
            "briefs": "none", "now": now,
        }  # fmt: skip
        return Settings(_env_file=None, **given | self.overrides)

    @property
    def warehouse(self) -> Warehouse:
        return open_warehouse(self.folder / "market.duckdb")

    def run(self, now: datetime, tables: Sequence[str] = TO_LOSSES) -> Inputs:
        """Run an evening: some tables, or all, which publishes too; reference data the first time.

        Args:
            now: the moment.
            tables: what the names of the tables begin with.
        """
        settings = self.settings(now)
        self._runs += 1
        closed = calendar.last_closed_session(now)
        offer = Offer(None, settings.first_session, closed, None)
        universe = read_universe(settings.reference_dir)
        plan = plan_live(offer, self.warehouse, self._booked, universe, settings.overlap_sessions)
        sessions = (plan.first, plan.last)
        inputs = Inputs(settings, run_id=f"evening-{self._runs}", sessions=sessions)
        self.said, self.failed = [], {}
        wanted = (*tables, *REFERENCE) if self._runs == 1 else tuple(tables)
        warehouse = self.warehouse
        with warehouse.writing("a test"):
            for name, asset in _tables():
                if name.startswith(wanted) and name != "ops.shock_brief":
                    self._make(name, asset, warehouse, inputs)
        if "raw.prices" not in self.failed:
            self._booked |= {str(day) for day in calendar.sessions(*sessions)}
        return inputs

    def _make(
        self, name: str, asset: dg.AssetsDefinition, warehouse: Warehouse, inputs: Inputs
    ) -> None:
        before = {".".join(key.path) for key in asset.asset_deps[asset.key]}
        if before & set(self.failed):
            self.failed[name] = "after one that failed"
            return
        log = SimpleNamespace(warning=lambda *said: self.said.append(str(said)))
        context = SimpleNamespace(
            resources=SimpleNamespace(
                inputs=inputs, io_manager=SimpleNamespace(open=lambda: warehouse)
            ),
            log=log,
            log_event=lambda _: None,
            retry_number=0,
        )
        made = asset.op.compute_fn.decorated_fn(context)
        try:
            outputs = [told for told in made if isinstance(told, dg.Output)]
        except dg.Failure as failure:
            self.failed[name] = str(failure)
            return
        for output in outputs:
            built_from = tuple(asset.metadata_by_key[asset.key]["capshock/inputs"])
            warehouse.land(TABLES[name], output.value, built_from, inputs.run_id)

    def clean_losses(self) -> pl.DataFrame:
        """Return the large losses that nothing speaks against: company, session, loss."""
        losses = self.warehouse.read("mart.market_cap_losses")
        is_doubted = pl.col("flags").list.set_intersection([f.value for f in DOUBT]).list.len() > 0
        large = pl.col("loss_usd") > LARGE_LOSS_USD
        return losses.filter(large & ~is_doubted).select(
            "company_symbol", "session_date", "loss_usd"
        )

    def stops(self, inputs: Inputs) -> list[str]:
        """Return what stops publishing what is written."""
        return [str(stop) for stop in open_stops(Evidence(self.warehouse, inputs))]


def _tables() -> list[tuple[str, dg.AssetsDefinition]]:
    """Return the assets in the order in which they are made."""
    if not _ORDER:
        definitions = build(Settings(_env_file=None, source="yahoo"))
        graph = definitions.resolve_asset_graph()
        assets = {a.key: a for a in definitions.assets or () if isinstance(a, dg.AssetsDefinition)}
        _ORDER.extend(
            (".".join(key.path), assets[key])
            for key in graph.toposorted_asset_keys
            if key in assets
        )
    return _ORDER


_ORDER: list[tuple[str, dg.AssetsDefinition]] = []


def false_losses(told: pl.DataFrame, true: pl.DataFrame) -> pl.DataFrame:
    """Return the losses that are not the true ones.

    Args:
        told: company_symbol, session_date, loss_usd.
        true: the same, of a year without faults; a gain is no loss at all.
    """
    keys = ["company_symbol", "session_date"]
    beside = told.join(true.select(*keys, true_loss="loss_usd"), on=keys, how="left")
    off = (pl.col("loss_usd") / pl.col("true_loss").fill_null(0.0) - 1).abs()
    return beside.filter(~(off <= SAME_TO))
