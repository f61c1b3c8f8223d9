"""``mart.claim_checks``: the claims, held against the tables."""

from collections.abc import Iterable

import polars as pl

from assets.mart.claim_checks.market import Market
from assets.mart.claim_checks.solver import check_claim
from assets.ref.claims.models import Claim, ClaimsFile
from assets.table_asset import table_asset
from warehouse.schemas import Table, core, mart, ref
from warehouse.scratch import in_memory


def claim_checks(claims: pl.DataFrame, market: Market) -> pl.DataFrame:
    """Check all claims.

    Args:
        claims: ``ref.claims``.
        market: the tables.

    Returns:
        Columns of ``mart.claim_checks``, sorted by claim_id, convention.
    """
    return checked_rows(_definitions(claims), market).sort("claim_id", "convention")


def checked_rows(
    claims: Iterable[tuple[str, int, ClaimsFile, Claim]], market: Market
) -> pl.DataFrame:
    """Check claims in the order given: claim_id, position, the article, the claim."""
    return pl.DataFrame(
        [row for claim in claims for row in check_claim(*claim, market)],
        schema=mart.ClaimChecks.polars_schema(),
    )


def _definitions(claims: pl.DataFrame) -> Iterable[tuple[str, int, ClaimsFile, Claim]]:
    for key, position, definition in claims.select("claim_id", "position", "definition").rows():
        file = ClaimsFile.model_validate_json(definition)
        yield key, position, file, file.claims[0]


_INPUTS: dict[str, type[Table]] = {
    "claims": ref.Claims,
    "losses": mart.MarketCapLosses,
    "sectors": mart.SectorMoves,
}
_BEHIND: dict[str, type[Table]] = {
    "securities": ref.Securities,
    "caps": mart.MarketCaps,
    "reconciliations": mart.IndexReconciliations,
    "impacts": mart.IndexImpacts,
    "prices": core.Prices,
    "levels": core.IndexLevels,
    "counts": core.SharesOutstanding,
    "actions": core.CorporateActions,
}


@table_asset(mart.ClaimChecks, _INPUTS, _BEHIND)
def mart_claim_checks(**tables: pl.DataFrame) -> pl.DataFrame:
    """Check all claims against the tables of the run."""
    asked = _INPUTS | _BEHIND
    named = {asked[name].table(): rows for name, rows in tables.items()}
    with in_memory(named) as tables_in_memory:
        return claim_checks(tables["claims"], Market(tables_in_memory))
