"""``capshock claims``: verdicts on what articles said."""

from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from assets.products.despite import published_despite
from warehouse.reader import read_published

CLOSEST = 3
"""Conventions shown beside the standard one where a claim holds under none."""

_UNIONS = "closest union of sectors"
"""Conventions that are told of every sum that does not hold as it is usually counted."""

_STYLES = {
    "holds": "green",
    "holds only under": "yellow",
    "overstated": "red",
    "understated": "red",
    "not checkable here": "dim",
}


def report_claims(console: Console, warehouse: Path, file: Path | None) -> None:
    """Print the verdicts on the claims of the published file, or on those of a file of claims.

    A file is checked against the published tables, and nothing is written.

    Raises:
        ClaimsFileError: if the file is not what it should be.
        WarehouseError: if there is no published file.
    """
    with read_published(warehouse) as published:
        if file is None:
            rows = published.rows(
                "FROM mart.claim_checks ORDER BY split_part(claim_id, '/', 1), position, convention"
            )
        else:
            from assets.market.names import names_of
            from assets.mart.claim_checks.market import Market
            from assets.mart.claim_checks.table import checked_rows
            from assets.ref.claims.files import read_claims
            from assets.ref.claims.table import in_present_names

            names = names_of(
                published.frame("FROM ref.symbol_changes"), published.frame("FROM ref.securities")
            )
            article = in_present_names(read_claims(file), names)
            claims = [(c.id, place, article, c) for place, c in enumerate(article.claims, start=1)]
            rows = checked_rows(claims, Market(published)).to_dicts()
        despite = published_despite(published)
    for said in despite:
        console.print(Text(said, style="yellow"))
    if not rows:
        console.print("There are no claims: CAPSHOCK_REFERENCE_DIR/claims holds no file.")
    title = None
    for _, checks in groupby(rows, key=lambda row: row["claim_id"]):
        claim = list(checks)
        if claim[0]["title"] != title:
            title = claim[0]["title"]
            console.print(Text(f"\n{title} ({claim[0]['outlet']})", style="bold"))
        _print_claim(console, claim)


def _print_claim(console: Console, checks: list[dict[str, Any]]) -> None:
    """Print a claim: the verdict, the standard convention, and what else could make it true."""
    standard = next(row for row in checks if row["is_standard"])
    verdict = standard["verdict"]
    kind = next((kind for kind in _STYLES if verdict.startswith(kind)), verdict)
    kind = "holds only under" if verdict.startswith("holds only") else kind
    judged = "holds only if counted another way" if kind == "holds only under" else kind
    title = Text.assemble((judged, _STYLES.get(kind, "")), f": {standard['statement']}")
    console.print(Padding(title, (0, 0, 0, 2)))
    sentences = [standard["explanation"]]
    if verdict != "holds":
        others = [row for row in checks if row["holds"] is not None and not row["is_standard"]]
        others.sort(key=lambda row: (abs(row["difference"]), row["convention"]))
        holding = [row for row in others if row["holds"]]
        sentences += [row["explanation"] for row in holding or others[:CLOSEST]]
        sentences += [row["explanation"] for row in checks if row["convention"].startswith(_UNIONS)]
        sentences += [row["explanation"] for row in checks if row["unit"] == "shares"]
    for sentence in dict.fromkeys(sentences):
        console.print(Padding(Text(sentence), (0, 0, 0, 6)))
