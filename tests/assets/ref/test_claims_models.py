"""What a claim has to say, so that it can be checked."""

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from assets.ref.claims.models import Claim

DAY = date(2025, 1, 27)


def claim(**said: Any) -> Claim:
    return Claim(id="a-claim", statement="as printed", **said)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"claimed": "fell"}, "metric direction wants session and claimed"),
        ({"session": DAY}, "metric direction wants session and claimed"),
        ({"session": DAY, "claimed": "fell", "index": "^GSPC"}, "speaks of"),
    ],
)
def test_a_number_without_its_session_or_subject_is_refused(said, reason):
    with pytest.raises(ValidationError, match=reason):
        claim(**{"metric": "direction", "company": "CCC"} | said)


def test_what_cannot_be_checked_says_what_it_would_take():
    with pytest.raises(ValidationError, match="metric other says in needs"):
        claim(metric="other")
    assert claim(metric="other", needs="revenues").needs == "revenues"


def test_a_whole_claim_is_taken_as_it_is():
    whole = claim(metric="direction", company="CCC", session=DAY, claimed="fell")
    assert (whole.session, whole.claimed) == (DAY, "fell")
