"""Stored answers: once each, as they came, and pruned when nothing rests on them."""

from datetime import UTC, datetime, timedelta

import pytest

from warehouse.errors import WarehouseError
from warehouse.responses import ResponseStore

THEN = datetime(2025, 1, 7, 23, 30, tzinfo=UTC)
URL = "https://example.org/v8/finance/chart/AAA"


@pytest.fixture
def store(tmp_path) -> ResponseStore:
    return ResponseStore(tmp_path / "responses")


def _put(store: ResponseStore, body: bytes, at: datetime = THEN) -> str:
    return store.put(f"{URL}?{body.hex()}", 200, {"date": "today"}, body, at)


def test_equal_bodies_are_stored_once_and_each_fetch_is_known(store):
    one, other = _put(store, b"a"), _put(store, b"a", THEN + timedelta(days=1))
    assert one == other
    assert store.body(one) == b"a"
    assert [fetch.fetched_at for fetch in store.fetches(one)] == [THEN, THEN + timedelta(days=1)]
    assert len(list(store.folder.rglob("*.zst"))) == 1


def test_what_is_old_and_nothing_rests_on_is_pruned(store):
    kept = _put(store, b"rows rest on it")
    old = _put(store, b"old")
    again = _put(store, b"old, and fetched again since")
    _put(store, b"old, and fetched again since", THEN + timedelta(days=30))
    young = _put(store, b"young", THEN + timedelta(days=30))
    assert store.prune({kept}, THEN + timedelta(days=10)) == 1
    assert not store.path(old).exists()
    assert store.fetches(old) == []
    for response_id in (kept, again, young):
        assert store.body(response_id)
    assert store.prune({kept}, THEN + timedelta(days=10)) == 0
    with pytest.raises(WarehouseError, match="may have been pruned"):
        store.body(old)


def test_a_body_that_was_altered_is_told(store):
    one, other = _put(store, b"a"), _put(store, b"b")
    store.path(one).write_bytes(store.path(other).read_bytes())
    with pytest.raises(WarehouseError, match="altered"):
        store.body(one)


def test_answers_are_used_again_until_they_are_closed_or_outdated(store):
    response_id = store.put(URL, 200, {}, b"a", THEN)
    assert store.resumable(URL, THEN).response_id == response_id
    assert store.resumable(URL, THEN + timedelta(seconds=1)) is None
    store.close(URL)
    assert store.resumable(URL, THEN) is None
    store.put(URL, 500, {}, b"busy", THEN)
    assert store.resumable(URL, THEN) is None, "a fault is no answer to go on with"
    assert ResponseStore(store.folder / "nothing").prune(set(), THEN) == 0
