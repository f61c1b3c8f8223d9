"""Which stored answers a run may still use."""

from datetime import UTC, datetime

import pytest

from assets.sources.yahoo.session import _A_SENTENCE, Asked, Policy, YahooSession, _said_by
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


@pytest.mark.parametrize("room", [0, _A_SENTENCE])
def test_a_page_of_any_length_refuses_by_its_words_and_what_else_is_long_does_not(room):
    words = b"Will be right back" + b" " * room
    assert _said_by(b" <html>" + words) == "transient"
    assert _said_by(words) == (None if room else "transient")
    assert _said_by(b" " * room + b"{}") is None
