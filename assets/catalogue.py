"""Where each table stands in the catalogue of the UI: its group, its tier, its domain, its owner.

Groups are read from left to right: no arrow leads back to an earlier one.
"""

from typing import TypedDict

GROUPS = (
    "reference",
    "raw",
    "core",
    "index_impact",
    "market_caps",
    "claims",
    "publish",
)
"""All groups, from what people maintain to what readers open."""

OWNERS = {
    "universe": "team:market-data",
    "prices": "team:market-data",
    "corporate_actions": "team:market-data",
    "share_counts": "team:market-data",
    "market_caps": "team:market-data",
    "indices": "team:index",
    "index_impact": "team:index",
    "claims": "team:publishing",
    "publishing": "team:publishing",
}
"""Domain, and who answers for its tables: whoever is asked when a number there is in doubt."""

_DOMAINS = {
    "universe": ("ref.symbol_changes", "ref.securities"),
    "prices": ("raw.prices", "core.prices"),
    "corporate_actions": (
        "ref.split_decisions",
        "raw.splits",
        "raw.dividends",
        "core.corporate_actions",
    ),
    "share_counts": (
        "ref.share_count_decisions",
        "raw.shares_outstanding",
        "core.shares_outstanding",
    ),
    "indices": ("ref.indices", "ref.index_holdings", "raw.index_levels", "core.index_levels"),
    "market_caps": (
        "mart.market_caps",
        "mart.market_cap_losses",
        "mart.market_cap_gains",
        "mart.sector_moves",
        "mart.drawdowns",
    ),
    "index_impact": (
        "mart.index_impacts",
        "mart.index_reconciliations",
        "mart.index_residual_suspects",
        "mart.index_changes",
    ),
    "claims": ("ref.claims", "mart.claim_checks"),
}

_DOMAIN_OF = {table: domain for domain, tables in _DOMAINS.items() for table in tables}


def domain_of(table: str) -> str:
    """Return what a table is about. What the pipeline says of itself is published, and so about it.

    Args:
        table: ``schema.table``.

    Raises:
        KeyError: if nobody has said it yet.
    """
    return "publishing" if table.startswith("ops.") else _DOMAIN_OF[table]


def group_of(table: str) -> str:
    """Return the group of a table: claims are read with their checks, a mart with its domain."""
    tier, domain = table.split(".", maxsplit=1)[0], domain_of(table)
    if domain == "claims" or tier == "mart":
        return domain
    return {"ref": "reference", "ops": "publish"}.get(tier, tier)


class Place(TypedDict):
    """Group, tags and owners, as an asset or its spec takes them."""

    group_name: str
    tags: dict[str, str]
    owners: list[str]


def place_of(table: str) -> Place:
    """Return the place of a table, to be spread into the arguments of an asset."""
    domain = domain_of(table)
    return {
        "group_name": group_of(table),
        "tags": {"tier": table.split(".", maxsplit=1)[0], "domain": domain},
        "owners": [OWNERS[domain]],
    }
