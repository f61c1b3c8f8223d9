"""``ref.claims``: the files of claims of the reference folder."""

import json
from pathlib import Path

import polars as pl

from assets.market.names import Names
from assets.ref.claims.files import read_claims
from assets.ref.claims.models import Claim, ClaimsFile
from assets.ref.gone import before, gone, some
from assets.ref.symbol_changes import names_in_force
from assets.resources import Inputs
from assets.table_asset import table_asset
from warehouse.errors import ClaimsFileError
from warehouse.landing import Landing
from warehouse.schemas import ref
from warehouse.validation import QUARANTINE_SCHEMA

FOLDER = "claims"
"""Folder of the reference folder that holds the files of claims."""


def claim_rows(name: str, file: ClaimsFile) -> list[dict[str, object]]:
    """Return the rows of ``ref.claims`` of a file.

    Args:
        name: name of the file, without ending.
        file: the file.
    """
    about = file.model_dump(mode="json", exclude={"claims"})
    return [
        {
            "claim_id": f"{name}/{claim.id}",
            "position": position,
            "title": file.title,
            "outlet": file.outlet,
            "published_on": file.date,
            "statement": claim.statement,
            "metric": claim.metric,
            "subject": subject(claim),
            "session_date": claim.session,
            "comparator": claim.comparator,
            "claimed": claim.claimed,
            "definition": json.dumps(
                about | {"claims": [claim.model_dump(mode="json", exclude_none=True)]},
                ensure_ascii=False,
                sort_keys=True,
            ),
        }
        for position, claim in enumerate(file.claims, start=1)
    ]


def subject(claim: Claim) -> str:
    """Return whom a claim speaks of."""
    named = claim.company or claim.sector or claim.group or ", ".join(claim.companies or [])
    if claim.index:
        return f"{named} in {claim.index}" if named else claim.index
    return named or "nothing that is held here"


def in_present_names(file: ClaimsFile, names: Names) -> ClaimsFile:
    """Return a file of claims that speaks of companies by their present names."""

    def renamed(claim: Claim) -> Claim:
        day = claim.session or file.date
        return claim.model_copy(
            update={
                "company": claim.company and names.on(claim.company, day),
                "companies": claim.companies and [names.on(s, day) for s in claim.companies],
            }
        )

    groups = {group: [names.on(s, file.date) for s in of] for group, of in file.groups.items()}
    return file.model_copy(
        update={"groups": groups, "claims": [renamed(claim) for claim in file.claims]}
    )


def claims_files(folder: Path) -> list[Path]:
    """Return the files of claims of a folder."""
    return sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])


def read_folder(folder: Path, names: Names | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read all files of claims; a bad one stops its own claims and nothing else.

    Args:
        folder: the folder.
        names: what names of lines stand for; None: each for itself.

    Returns:
        Rows of ``ref.claims``, and one quarantined row (``QUARANTINE_SCHEMA``) per bad file.
    """
    rows: list[dict[str, object]] = []
    bad: list[dict[str, object]] = []
    for path in claims_files(folder):
        try:
            article = in_present_names(read_claims(path), names or Names())
            rows += claim_rows(path.name.rsplit(".", 1)[0], article)
        except ClaimsFileError as error:
            bad.append(_refused(path, error.what))
    told = pl.DataFrame(rows, schema=ref.Claims.polars_schema())
    twice = told.filter(pl.col("claim_id").is_duplicated())["claim_id"].unique().sort()
    if len(twice):
        # a.yaml beside a.yml: neither is more right than the other.
        files = {claim_id.split("/")[0] for claim_id in twice}
        bad += [
            _refused(
                folder / f"{name}.yaml",
                f"{name}.yaml and {name}.yml: two files of one name, with the same claims",
            )
            for name in sorted(files)
        ]
        told = told.filter(~pl.col("claim_id").str.split("/").list.first().is_in(list(files)))
    return told.sort("claim_id"), pl.DataFrame(bad, schema=QUARANTINE_SCHEMA)


def _refused(path: Path, reason: str) -> dict[str, object]:
    return {
        "source_table": ref.Claims.table(),
        "rejected_row": json.dumps({"file": path.name}, ensure_ascii=False),
        "symbol": None,
        "row_date": None,
        "rules": ["claims_file"],
        # Where the folder lies is the machine's business.
        "reason": reason.replace(f"{path.parent}/", ""),
        "occurrences": 1,
        "status": "rejected",
    }


@table_asset(
    ref.Claims,
    {"securities": ref.Securities},
    behind={"changes": ref.SymbolChanges},
    kinds=frozenset({"yaml", "duckdb"}),
)
def claims(securities: pl.DataFrame, changes: pl.DataFrame, inputs: Inputs) -> Landing:
    """Read ``claims/*.yaml``."""
    names = names_in_force(changes, securities, inputs)
    rows, bad = read_folder(inputs.reference() / FOLDER, names)
    notes = [f"{FOLDER}: {reason}: its claims are left out." for reason in bad["reason"]]
    taken_away = gone(before(inputs, ref.Claims), rows, ["claim_id"])["claim_id"].to_list()
    if taken_away:
        notes.append(f"{FOLDER}: claims that are no longer there: {some(taken_away)}.")
    return Landing(
        rows,
        quarantined=bad,
        notes=tuple(notes),
        metadata={"files_refused": bad.height},
    )
