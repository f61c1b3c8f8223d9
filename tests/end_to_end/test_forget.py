"""Nothing leaves by being absent from a file: it is refused, or said, or forgotten by a word."""

import io
import shutil

import pytest
from rich.console import Console

from pipelines.forget import Word, forget, report_forget
from warehouse.errors import CannotForget

HOLDINGS = "index_symbol,symbol,effective_from,units,as_of_date,is_estimate,source\n"


def _without(path, start: str) -> str:
    before = path.read_text()
    kept = [line for line in before.splitlines() if not line.startswith(start)]
    assert len(kept) < len(before.splitlines())
    path.write_text("\n".join(kept) + "\n")
    return before


def _word(symbol: str, reason: str = "not ours") -> Word:
    return Word(symbol, reason, "tester")


def _about(deployment, symbol: str) -> dict[str, int]:
    of_it = "SELECT count(*) FROM {} WHERE {} = ?"
    return {
        table: deployment.one(of_it.format(table, column), symbol)
        for table, column in (
            ("ref.securities", "symbol"), ("raw.prices", "symbol"), ("core.prices", "symbol"),
            ("raw.shares_outstanding", "symbol"), ("mart.market_caps", "company_symbol"),
        )
    }  # fmt: skip


@pytest.mark.slow
def test_a_line_leaves_by_a_word_alone_and_back_it_brings_its_history(small, small_market):
    securities = small_market / "securities.csv"
    published, told = small.hashes(), io.StringIO()
    with pytest.raises(CannotForget, match="CCC is in securities, and would be fetched again"):
        forget(small.settings, _word("CCC"))
    complete = _without(securities, "CCC")
    refused = small.run()
    (reason,) = refused.reasons
    for said in (
        "ref.securities: securities: gone from the file, with their history: CCC (10 bars)",
        "in listed_to and delisting_reason, and its history stays",
        'capshock forget CCC --reason "..."',
    ):
        assert said in reason
    assert small.hashes() == published

    with pytest.raises(CannotForget, match="no reason is given"):
        forget(small.settings, _word("CCC", ""))
    with pytest.raises(CannotForget, match="NOPE: nothing of it is here"):
        forget(small.settings, _word("NOPE"))
    report_forget(Console(file=told, width=200), small.settings, _word("CCC"))
    assert "Forgotten: CCC (Gamma Inc. Common Stock), 10 bars from 2025-01-02 to" in told.getvalue()
    assert "3 one-day losses go with it, the largest of 500,000 dollars." in told.getvalue()
    # Readers have what they had until the next run.
    assert small.hashes() == published
    assert not small.publish().succeeded
    small.must_run()
    assert set(_about(small, "CCC").values()) == {0}
    (row,) = small.sql("FROM ops.forgotten").to_dicts()
    assert (row["symbol"], row["reason"], row["forgotten_by"]) == ("CCC", "not ours", "tester")
    assert (row["bars"], row["losses"]) == (10, 3)
    assert f"{row['largest_loss_usd'] / 1e6:.2f}" == "0.50"

    # The next night says nothing of it; back in the file, the line brings its history.
    small.must_run()
    securities.write_text(complete)
    small.must_run()
    caps = "SELECT count(*) FROM mart.market_caps WHERE company_symbol = 'CCC'"
    assert small.one(caps) == 10
    assert small.hashes()["mart.market_caps"] == published["mart.market_caps"]
    _without(securities, "CCC")
    assert not small.run().succeeded


@pytest.mark.slow
def test_what_else_goes_from_the_files_is_said(small, small_market):
    securities, holdings = small_market / "securities.csv", small_market / "index_holdings.csv"
    securities.write_text(securities.read_text() + "DDD,Never traded,DDD,Foods,made up,\n")
    holdings.write_text(
        f"{holdings.read_text().rstrip()}\n^IDX,BBB,2025-01-02,1,2025-01-02,false,made up\n"
        "^IDX,AAA,2025-01-13,1,2025-01-13,false,made up\n"
    )
    decisions = small_market / "split_decisions.csv"
    header = "symbol,ex_date,kind,ratio,reason,source\n"
    decisions.write_text(f"{header}AAA,2025-01-10,none,1,seen,made up\n")
    small.must_run()
    # A member is what the history of its index rests on.
    line = _without(securities, "BBB")
    with pytest.raises(CannotForget, match=r"BBB is a member of \^IDX in sets of 2025-01-02 to"):
        forget(small.settings, _word("BBB"))
    securities.write_text(line.replace("Foods", "Food"))
    # A line without a history goes with its typing error.
    _without(securities, "DDD")
    _without(holdings, "^IDX,BBB")
    _without(holdings, "^IDX,AAA,2025-01-13")
    decisions.write_text(header)
    small.overrides["max_shrink_share"] = 1.0
    warnings = small.must_run().warnings
    for said in (
        "securities: the sector Foods is gone, and with it its history; its 2 lines: now in Food.",
        "index_holdings: the set of ^IDX of 2025-01-13 (1 members) is gone: the set of 2025-01-02 "
        "holds on.",
        "index_holdings: gone from the set of ^IDX of 2025-01-02: BBB.",
        "split_decisions: none x1 of AAA 2025-01-10 is gone: what is recorded, and the rules, "
        "decide.",
    ):
        assert said in warnings
    assert not [said for said in small.must_run().warnings if "gone" in said]


@pytest.mark.slow
def test_an_index_leaves_by_a_word_alone(small, small_market):
    indices = small_market / "indices.csv"
    shutil.copy(indices, small_market / "indices.before")
    indices.write_text(indices.read_text() + "^NEW,New,none,2024-01-01,\n")
    levels = small_market / "index_levels.csv"
    of_idx = [line for line in levels.read_text().splitlines() if line.startswith("^IDX")]
    news = [line.replace("^IDX", "^NEW") for line in of_idx]
    levels.write_text("\n".join([levels.read_text().rstrip(), *news]) + "\n")
    small.must_run()
    shutil.copy(small_market / "indices.before", indices)
    (reason,) = small.run().reasons
    assert "ref.indices: indices: gone from the file, with their history: ^NEW (10 bars)" in reason
    forget(small.settings, _word("^NEW"))
    small.must_run()
    assert small.one("SELECT count(*) FROM core.index_levels WHERE index_symbol = '^NEW'") == 0
    assert small.one("SELECT symbol FROM ops.forgotten") == "^NEW"
