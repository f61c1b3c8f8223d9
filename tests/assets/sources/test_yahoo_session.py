"""Which stored answers a run may still use."""

from datetime import UTC, datetime

import pytest

from assets.sources.yahoo.session import Asked, Policy, YahooSession
from warehouse.responses import ResponseStore

THEN = datetime(2025, 1, 7, 23, 30, tzinfo=UTC)
URL = "https://example.org/v8/finance/chart/AAA"


@pytest.fixture
def session(tmp_path) -> YahooSession:
    store = ResponseStore(tmp_path / "responses")
    store.put(URL, 200, {}, b"the first answer", THEN)
    return YahooSession(store, Policy(), THEN)


def test_an_answer_is_open_while_it_is_the_last_to_its_question(session):
    (known,) = [session.store.resumable(URL, THEN)]
    asked = Asked(url=URL, response_id=known.response_id)
    assert session.is_open(asked)
    assert not session.is_open(Asked(url=URL, response_id="another"))
    assert not session.is_open(Asked(url=f"{URL}?other", response_id=known.response_id))
    session.store.close(URL)
    assert not session.is_open(asked)
