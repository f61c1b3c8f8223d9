"""What was said about 27 January 2025, and what the tables say to it."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from assets.products.claims_report import report_claims

ROOT = Path(__file__).parents[2]
ARTICLE, ELSEWHERE = "2025-01-28-what-is-deepseek", "2025-01-28-published-elsewhere"
UNION = "closest union of sectors, losers only"


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        (f"{ARTICLE}/nvidia-return", "holds only under previous close to low"),
        (f"{ARTICLE}/nvidia-loss", "holds only under close to close, count reported before; "
         "previous close to low; previous close to low, count reported before"),
        (f"{ARTICLE}/nvidia-record", "holds"),
        (f"{ARTICLE}/microsoft-and-alphabet-fell", "holds"),
        (f"{ARTICLE}/other-tech-giants-fell", "overstated"),
        (f"{ARTICLE}/technology-companies-loss", f"holds only under {UNION}"),
        (f"{ARTICLE}/nasdaq-100-return", "holds"),
        (f"{ARTICLE}/s-and-p-500-return", "overstated"),
        *((f"{ARTICLE}/{name}", "not checkable here") for name in (
            "training-cost", "gpu-need", "consumer-hardware", "open-source",
            "founded-in-hangzhou")),
        (f"{ELSEWHERE}/nvidia-loss-589", "understated"),
        *((f"{ELSEWHERE}/{name}", "holds") for name in (
            "broadcom", "marvell", "vistra", "microsoft", "alphabet", "nasdaq-composite",
            "nvidias-share-of-the-drop", "record-before")),
        (f"{ELSEWHERE}/sox", "overstated"),
        (f"{ELSEWHERE}/record-before-that",
         "holds only under close to close, count reported next"),
    ],
)  # fmt: skip
def test_verdicts(founding, claim, verdict):
    found = founding.sql("SELECT DISTINCT verdict FROM mart.claim_checks WHERE claim_id = ?", claim)
    assert found["verdict"].to_list() == [verdict]


@pytest.mark.parametrize(
    ("claim", "convention", "measured"),
    [
        ("nvidia-return", "close to close", -0.1697),
        ("nvidia-return", "previous close to low", -0.1817),
        ("nvidia-loss", "close to close", 592.66e9),
        ("nvidia-loss", "close to close, count reported before", 593.63e9),
        ("nvidia-loss", "share count it would take, close to close", 24.504e9),
        ("nasdaq-100-return", "close to close", -0.0297),
        ("s-and-p-500-return", "close to close", -0.0146),
        ("s-and-p-500-return", "previous close to low", -0.0227),
        ("technology-companies-loss", "Information Technology, net", 1.2132e12),
        ("technology-companies-loss", "Information Technology, losers only", 1.3597e12),
        ("technology-companies-loss", UNION, 1.6048e12),
        ("nvidia-loss-589", "share count it would take, close to close", 24.339e9),
        ("record-before-that", "close to close, count reported next", 232.02e9),
    ],
)
def test_measured_values(founding, claim, convention, measured):
    found = founding.one(
        "SELECT measured_value FROM mart.claim_checks "
        "WHERE claim_id LIKE '%/' || ? AND convention = ?",
        claim, convention,
    )  # fmt: skip
    assert found == pytest.approx(measured, rel=5e-4, abs=5e-5)


def test_every_query_gives_the_number_beside_it(founding):
    rows = founding.sql(
        "SELECT sql, measured_value FROM mart.claim_checks WHERE sql IS NOT NULL"
    ).rows()
    assert len(rows) > 100
    for query, measured in rows:
        again = founding.sql(query)
        found = again.item() if again.height else None
        assert found == (None if measured is None else pytest.approx(measured, rel=1e-9)), query


def _told(founding, file: Path | None = None) -> str:
    out = io.StringIO()
    report_claims(Console(file=out, width=80), founding.settings.warehouse, file)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def test_the_readme_shows_what_the_command_prints(founding):
    shown = re.search(
        r"capshock claims\n```\n\n```text\n(.*?)\n```", _page("README.md"), re.DOTALL
    )[1]
    told = set(_told(founding).splitlines())
    lines = [line for line in shown.splitlines() if line.strip() != "..."]
    assert len(lines) > 25
    assert set(lines) <= told


@pytest.mark.slow
def test_the_guide_shows_what_its_file_gives_and_writes_nothing(founding, tmp_path):
    page = _page("docs/claims.md")
    before = founding.hashes()
    file = tmp_path / "my-article.yaml"
    file.write_text(re.search(r"```yaml\n(.*?)```", page, re.DOTALL)[1])
    shown = re.search(r"```text\n(.*?)\n```", page, re.DOTALL)[1]
    assert _told(founding, file).strip() == shown.strip()
    assert founding.hashes() == before


def _page(name: str) -> str:
    return (ROOT / name).read_text()


@pytest.mark.slow
def test_a_bad_file_is_said_and_held_until_it_is_mended(small, small_market):
    folder = small_market / "claims"
    folder.mkdir()
    good = (
        "title: t\noutlet: o\ndate: 2025-01-11\nclaims:\n"
        "  - {id: a, statement: AAA lost 15 million, metric: loss_usd, company: AAA, "
        "session: 2025-01-10, claimed: 15 million USD}\n"
    )
    (folder / "good.yaml").write_text(good)
    (folder / "bad.yaml").write_text(good.replace("15 million USD", "a lot"))
    outcome = small.must_run()
    (warning,) = outcome.warnings
    assert warning.startswith("claims: bad.yaml, line 5: claimed: 'a lot' is not a number")
    assert small.one("SELECT DISTINCT verdict FROM mart.claim_checks") == "holds"
    query = "SELECT status FROM ops.quarantine WHERE source_table = 'ref.claims'"
    assert small.one(query) == "rejected"
    (folder / "bad.yaml").write_text(good)
    small.must_run()
    assert small.one(query) == "resolved"
    assert small.one("SELECT count(DISTINCT claim_id) FROM mart.claim_checks") == 2
