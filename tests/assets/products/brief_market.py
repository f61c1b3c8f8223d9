"""A market of six made-up companies with names that try to do harm, as the files a user brings."""

import csv
from datetime import date
from pathlib import Path

from assets.market import calendar

SCRIPT = "<script>document.title='broken'</script> & Sons Inc."
RIGHT_TO_LEFT = "\u202eشركة الاتصالات | السعودية"
EIGHTY = "Consolidated Amalgamated International General Widget and Gadget Works of Town X"
NAMES = {
    "EVIL": SCRIPT,
    "RTL": RIGHT_TO_LEFT,
    "LONG": EIGHTY,
    "NONE": "No Count Corporation Common Stock",
    "GAP": "Gap *and* [Hole](javascript:alert) Ltd.",
    "HELD": "Held `back` #1 PLC",
}
INDEX = "^SIX/../&more"
LAST = date(2025, 1, 17)


def write(folder: Path) -> Path:
    """Write data and reference files: EVIL falls by a fifth on the last session."""
    folder.mkdir(parents=True)
    sessions = calendar.sessions(date(2025, 1, 2), LAST)
    prices = []
    for place, symbol in enumerate(NAMES, start=1):
        for number, day in enumerate(sessions):
            close = 10.0 * place + (number % 3) * 0.1 * place
            if symbol == "EVIL" and day == LAST:
                close *= 0.8
            if symbol == "GAP" and day == sessions[-2]:
                continue
            if symbol == "HELD" and day == LAST:
                close *= 3
            bar = (close, close + 1, close - 1, close) if symbol != "LONG" else ("", "", "", close)
            prices.append((symbol, day, *bar, 1000 * place))
    _write(folder / "prices.csv", "symbol,session_date,open,high,low,close,volume", prices)
    counted = [(s, sessions[0], 1_000_000 * n) for n, s in enumerate(NAMES, 1) if s != "NONE"]
    _write(folder / "shares_outstanding.csv", "symbol,as_of_date,shares_outstanding", counted)
    _write(folder / "splits.csv", "symbol,ex_date,ratio", [])
    levels = [(INDEX, day, "", "", "", 100 + n) for n, day in enumerate(sessions)]
    _write(folder / "index_levels.csv", "index_symbol,session_date,open,high,low,close", levels)
    _write(
        folder / "securities.csv",
        "symbol,name,company_symbol,sector,sector_scheme,industry",
        [(s, name, s, f"<i>Sector</i> {n % 2}", "made up", "") for n, (s, name) in
         enumerate(NAMES.items())],
    )  # fmt: skip
    _write(
        folder / "indices.csv",
        "index_symbol,name,weighting,effective_from,divisor",
        [(INDEX, "The <u>Six</u> & More", "price", "2024-01-01", "")],
    )
    _write(
        folder / "index_holdings.csv",
        "index_symbol,symbol,effective_from,units,as_of_date,is_estimate,source",
        [
            (INDEX, s, "2025-01-02", 1, "2025-01-02", "false", "<img src=x>")
            for s in NAMES
            if s not in {"GAP", "HELD"}
        ],
    )
    claims = folder / "claims"
    claims.mkdir()
    (claims / "evil.yaml").write_text(
        "title: 'An <em>article</em>'\noutlet: '<marquee>'\ndate: 2025-01-18\nclaims:\n"
        "  - {id: fell, statement: '<b>EVIL</b> fell by a fifth', metric: return, company: EVIL,\n"
        "     session: 2025-01-17, comparator: about, claimed: '-20 %'}\n"
    )
    return folder


def _write(path: Path, header: str, rows: list[tuple]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header.split(","))
        writer.writerows(rows)
