"""What the published file was published in spite of."""

from warehouse.reader import Reader


def published_despite(published: Reader) -> list[str]:
    """Return a sentence for each check that fails in the published file, by a person's word."""
    rows = published.rows(
        "SELECT table_name, check_name, failed, reason FROM ops.publish_overrides "
        "WHERE is_in_force ORDER BY ALL"
    )
    return [
        f"Published although {row['table_name']} fails {row['check_name']}: {row['failed']}; "
        f"{row['reason']}"
        for row in rows
    ]
