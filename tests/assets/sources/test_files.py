import hashlib
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from assets.raw.delivery import first_gate
from assets.sources import Delivery
from assets.sources.files import FilesSource
from warehouse.errors import SourceError
from warehouse.schemas import Table, raw

FIRST, LAST = date(2025, 1, 24), date(2025, 1, 27)

FOLDER = {
    "prices": pl.DataFrame(
        {
            "symbol": ["NVDA", "NVDA", "TSM"],
            "session_date": [FIRST, LAST, LAST],
            "open": [148.37, 124.80, None],
            "high": [148.97, 128.40, None],
            "low": [141.88, 116.70, None],
            "close": [142.62, 118.42, 192.31],
            "volume": [234_657_600, 818_830_900, None],
        }
    ),
    "splits": pl.DataFrame({"symbol": ["NVDA"], "ex_date": [date(2024, 6, 10)], "ratio": [10.0]}),
    "shares_outstanding": pl.DataFrame(
        {
            "symbol": ["NVDA"],
            "as_of_date": [date(2024, 11, 20)],
            "shares_outstanding": [24_490_000_000],
        }
    ),
    "index_levels": pl.DataFrame(
        {
            "index_symbol": ["^NDX"],
            "session_date": [LAST],
            "open": [21_000.5],
            "high": [21_200.0],
            "low": [20_900.0],
            "close": [21_127.28],
        }
    ),
    "dividends": pl.DataFrame(
        {"symbol": ["NVDA"], "ex_date": [date(2024, 12, 5)], "amount_usd": [0.01]}
    ),
}
MODELS: dict[str, type[Table]] = {
    "prices": raw.Prices,
    "splits": raw.Splits,
    "shares_outstanding": raw.SharesOutstanding,
    "index_levels": raw.IndexLevels,
    "dividends": raw.Dividends,
}
READ: dict[str, Callable[[FilesSource], Delivery]] = {
    "prices": lambda source: source.prices(["NVDA", "TSM"], FIRST, LAST),
    "splits": lambda source: source.splits({"NVDA": date(2025, 1, 2)}),
    "shares_outstanding": lambda source: source.shares_outstanding(["NVDA"]),
    "index_levels": lambda source: source.index_levels({"^NDX": date(2025, 1, 2)}),
    "dividends": lambda source: source.dividends({"NVDA": date(2025, 1, 2)}),
}
EVERY = pytest.mark.parametrize("dataset", list(FOLDER))
REQUIRED = pytest.mark.parametrize("dataset", [name for name in FOLDER if name != "dividends"])


def put(folder: Path, dataset: str, suffix: str, rows: pl.DataFrame | None = None) -> Path:
    path = folder / f"{dataset}.{suffix}"
    frame = FOLDER[dataset] if rows is None else rows
    if suffix == "csv":
        frame.write_csv(path)
    else:
        frame.write_parquet(path)
    return path


def values(delivery: Delivery, dataset: str) -> pl.DataFrame:
    """What the first gate lets through, without provenance and optional columns that are empty."""
    model = MODELS[dataset]
    gated = first_gate(delivery.rows, model, ["NVDA", "TSM", "^NDX"], date(2025, 2, 14))
    assert gated.quarantined.is_empty()
    told = gated.passed.select(model.value_names()).sort(model.key())
    return told.drop(n for n in model.optional_names() if told[n].is_null().all())


def refusal(folder: Path, dataset: str) -> SourceError:
    with pytest.raises(SourceError) as caught:
        READ[dataset](FilesSource(folder))
    assert caught.value.next_step
    return caught.value


@EVERY
def test_parquet_and_csv_give_equal_rows_after_the_first_gate(tmp_path: Path, dataset: str) -> None:
    for suffix in ("csv", "parquet"):
        (tmp_path / suffix).mkdir()
        put(tmp_path / suffix, dataset, suffix)

    from_csv = READ[dataset](FilesSource(tmp_path / "csv"))
    from_parquet = READ[dataset](FilesSource(tmp_path / "parquet"))

    assert values(from_csv, dataset).equals(values(from_parquet, dataset))
    assert values(from_parquet, dataset).equals(FOLDER[dataset])


@EVERY
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_the_order_of_columns_does_not_matter_and_extra_ones_are_ignored(
    tmp_path: Path, dataset: str, suffix: str
) -> None:
    rows = FOLDER[dataset]
    extended = rows.select(rows.columns[::-1]).with_columns(vendor_note=pl.lit("x; drop me"))
    put(tmp_path, dataset, suffix, extended)

    assert values(READ[dataset](FilesSource(tmp_path)), dataset).equals(rows)


def test_rows_say_where_they_came_from(tmp_path: Path) -> None:
    path = put(tmp_path, "splits", "csv")
    started = datetime.now(UTC)

    delivery = FilesSource(tmp_path).splits({"NVDA": date(2025, 1, 2)})

    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert delivery.response_id == sha256
    assert delivery.rows["source"].to_list() == ["files"]
    assert delivery.rows["response_id"].to_list() == [sha256]
    assert started <= delivery.rows["fetched_at"].item() <= datetime.now(UTC)


def test_the_whole_file_is_delivered_for_the_gate_to_judge(tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text(
        "symbol,session_date,open,high,low,close,volume\n"
        "NVDA,2025-01-27,,,,118.42,\nNVDA,27.01.2025,,,,1,\nNVDA,2024-01-02,,,,1,\n"
    )

    delivery = FilesSource(tmp_path).prices(["NVDA"], FIRST, LAST)

    assert delivery.is_complete
    days = delivery.rows["session_date"].to_list()
    assert days == ["2025-01-27", "27.01.2025", "2024-01-02"]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_bars_tells_which_bars_of_the_symbols_asked_for_are_there(
    tmp_path: Path, suffix: str
) -> None:
    put(tmp_path, "prices", suffix)

    assert FilesSource(tmp_path).bars(["NVDA", "MISSING"]).rows() == [
        ("NVDA", FIRST),
        ("NVDA", LAST),
    ]


def test_the_fingerprint_changes_with_the_prices(tmp_path: Path) -> None:
    put(tmp_path, "prices", "csv")
    before = FilesSource(tmp_path).fingerprint()
    assert FilesSource(tmp_path).fingerprint() == before

    put(tmp_path, "prices", "csv", FOLDER["prices"].head(2))

    assert FilesSource(tmp_path).fingerprint() != before


def test_a_missing_file_of_dividends_means_none(tmp_path: Path) -> None:
    delivery = FilesSource(tmp_path).dividends({"NVDA": date(2025, 1, 2)})

    assert delivery.rows.is_empty()
    assert delivery.rows.schema == raw.Dividends.polars_schema()
    assert delivery.response_id is None
    assert delivery.note


@EVERY
def test_a_missing_folder_is_named(tmp_path: Path, dataset: str) -> None:
    error = refusal(tmp_path / "nowhere", dataset)

    assert str(tmp_path / "nowhere") in error.what
    assert "CAPSHOCK_DATA_DIR" in error.next_step


@REQUIRED
def test_a_missing_file_is_named_with_both_its_endings(tmp_path: Path, dataset: str) -> None:
    error = refusal(tmp_path, dataset)

    assert f"{dataset}.parquet" in error.what
    assert f"{dataset}.csv" in error.what
    assert str(tmp_path) in error.what


@EVERY
def test_parquet_and_csv_side_by_side_are_refused(tmp_path: Path, dataset: str) -> None:
    put(tmp_path, dataset, "csv")
    put(tmp_path, dataset, "parquet")

    error = refusal(tmp_path, dataset)

    assert f"{dataset}.parquet" in error.what
    assert f"{dataset}.csv" in error.what
    assert "Keep" in error.next_step


@EVERY
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_missing_column_is_named_with_its_file(tmp_path: Path, dataset: str, suffix: str) -> None:
    *kept, last = FOLDER[dataset].columns
    path = put(tmp_path, dataset, suffix, FOLDER[dataset].select(kept))

    error = refusal(tmp_path, dataset)

    assert str(path) in error.what
    assert f"column {last} is missing" in error.what
    assert "column" in error.next_step


@EVERY
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_an_empty_file_is_named(tmp_path: Path, dataset: str, suffix: str) -> None:
    path = tmp_path / f"{dataset}.{suffix}"
    path.touch()

    error = refusal(tmp_path, dataset)

    assert str(path) in error.what
    assert "0 bytes" in error.what
    assert "deliver it again" in error.next_step


@EVERY
@pytest.mark.parametrize("kept", [3, 40, -9])
def test_a_truncated_parquet_file_is_named(tmp_path: Path, dataset: str, kept: int) -> None:
    path = put(tmp_path, dataset, "parquet")
    path.write_bytes(path.read_bytes()[:kept])

    error = refusal(tmp_path, dataset)

    assert str(path) in error.what
    assert "deliver it again" in error.next_step


def test_a_parquet_file_damaged_inside_is_named(tmp_path: Path) -> None:
    path = put(tmp_path, "prices", "parquet")
    content = bytearray(path.read_bytes())
    content[8:200] = b"\xff" * 192
    path.write_bytes(content)

    assert str(path) in refusal(tmp_path, "prices").what


def test_a_csv_file_with_a_line_of_too_many_cells_is_named(tmp_path: Path) -> None:
    path = put(tmp_path, "splits", "csv")
    with path.open("a") as handle:
        handle.write("TSM,2024-01-02,2.0,what,is,this\n")

    assert str(path) in refusal(tmp_path, "splits").what


@EVERY
def test_text_in_a_numeric_parquet_column_is_named(tmp_path: Path, dataset: str) -> None:
    last = FOLDER[dataset].columns[-1]
    path = put(
        tmp_path, dataset, "parquet", FOLDER[dataset].with_columns(pl.col(last).cast(pl.String))
    )

    error = refusal(tmp_path, dataset)

    assert str(path) in error.what
    assert f"column {last} holds text" in error.what
    assert "numbers" in error.next_step


def test_a_header_alone_is_no_price_file(tmp_path: Path) -> None:
    path = put(tmp_path, "prices", "csv", FOLDER["prices"].clear())

    with pytest.raises(SourceError, match="the file has no rows") as caught:
        FilesSource(tmp_path).prices(["NVDA"], FIRST, LAST)

    assert str(path) in caught.value.what


def test_a_header_alone_means_no_splits(tmp_path: Path) -> None:
    put(tmp_path, "splits", "csv", FOLDER["splits"].clear())

    assert FilesSource(tmp_path).splits({"NVDA": date(2025, 1, 2)}).rows.is_empty()


def test_a_csv_file_as_spreadsheets_write_it_is_read(tmp_path: Path) -> None:
    text = "\ufeffsymbol,ex_date,ratio\r\nNVDA, 2024-06-10 ,10\r\n"
    (tmp_path / "splits.csv").write_bytes(text.encode())

    assert values(FilesSource(tmp_path).splits({"NVDA": date(2025, 1, 2)}), "splits").equals(
        FOLDER["splits"]
    )
