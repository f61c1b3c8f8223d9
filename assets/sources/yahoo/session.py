"""The session below yfinance: polite, patient, and it keeps every answer.

yfinance decides what to ask, and how: hosts, cookies, crumbs. How often, how long and what becomes
of a bad answer is decided here, below it, where nothing is hidden.
"""

import email.utils
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import tenacity
from curl_cffi import requests

from assets.sources.yahoo.errors import YahooError
from assets.sources.yahoo.shapes import result_of
from warehouse.responses import ResponseStore

_DATA_PATHS = ("/v8/finance/chart/", "/ws/fundamentals-timeseries/")
_SECRETS = frozenset({"crumb"})
_TOLD_HEADERS = ("content-type", "date", "age", "retry-after", "x-yahoo-request-id")
_TOO_MANY = 429
_SERVER_ERROR = 500
_OK = 200
_DENIED = frozenset({401, 403})


_HAS_COME: Any = {"chart": {"result": [{"meta": {}, "indicators": {"quote": [{}]}}], "error": None}}
"""What yfinance sees of a chart: making a frame of it takes longer than all the rest."""

_A_SENTENCE = 4096
"""A body longer than this is no refusal, unless it is a page."""

_WORDS = ((b"too many requests", "throttled"), (b"rate limited", "throttled"),
          (b"will be right back", "transient"))  # fmt: skip
"""What refuses, whatever the status of the answer, and what it means."""

_CONSENT_WORDS = (b"collectConsent", b"consent.yahoo.com", b"guce.yahoo.com")

_CONSENT = (
    "Yahoo asks for consent to its cookies instead of answering: run again later, which asks "
    "with a new cookie; if it stays so, ask from a network where Yahoo wants none (HTTPS_PROXY)"
)


@dataclass(frozen=True)
class Policy:
    """How the source is asked.

    Attributes:
        requests_per_second: at most; 0: without limit.
        attempts: how often a question is put before it is given up.
        first_wait_seconds: first pause between attempts; it doubles, with jitter.
        longest_wait_seconds: longest pause; a longer Retry-After ends the attempts at once.
        timeout_seconds: longest wait for an answer.
        throttled_in_a_row: questions finally refused as too many after which no more are put ...
        pause_seconds: ... for this long.
    """

    requests_per_second: float = 5.0
    attempts: int = 5
    first_wait_seconds: float = 1.0
    longest_wait_seconds: float = 60.0
    timeout_seconds: float = 30.0
    throttled_in_a_row: int = 3
    pause_seconds: float = 300.0


class _Passing(Exception):
    """An attempt failed in a way that another may not."""

    def __init__(self, kind: str, message: str, wait_seconds: float | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.wait_seconds = wait_seconds


@dataclass
class Asked:
    """What became of the questions about one symbol.

    Attributes:
        attempts: requests sent.
        status: HTTP status of the last answer; None: none came.
        url: the last question, without secrets.
        response_id: the last stored answer.
        fetched_at: when it came.
        payload: that answer, parsed.
        said: what was left out of it, in words.
    """

    attempts: int = 0
    status: int | None = None
    url: str = ""
    response_id: str | None = None
    fetched_at: datetime | None = None
    payload: Any = None
    said: list[str] = field(default_factory=list)


class _Parsed(requests.Response):
    """An answer that is not parsed twice: ten years of bars take longer to parse than to come."""

    def __init__(self, payload: Any) -> None:
        super().__init__()
        self._payload = payload

    def json(self, **_: Any) -> Any:
        """Return the parsed body."""
        return self._payload


class YahooSession(requests.Session):  # type: ignore[type-arg,unused-ignore]
    """A curl_cffi session that yfinance accepts as its own.

    Args:
        store: where answers are kept.
        policy: how the source is asked.
        outdated_before: answers of a stopped run from before are asked for again.
        sleep: pauses (for tests).
    """

    def __init__(
        self,
        store: ResponseStore,
        policy: Policy,
        outdated_before: datetime,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(impersonate="chrome")
        self.store = store
        self.policy = policy
        self.asked = Asked()
        self._outdated_before = outdated_before
        self._sleep = sleep
        self._next_at = 0.0
        self._throttled = 0
        self._paused_until = 0.0

    def about(self) -> Asked:
        """Start counting for another symbol, and return its account."""
        self.asked = Asked()
        return self.asked

    def is_open(self, asked: Asked) -> bool:
        """Tell whether an answer may still be used: its run has not ended."""
        known = self.store.resumable(asked.url, self._outdated_before)
        return known is not None and known.response_id == asked.response_id

    def recall(self, asked: Asked) -> None:
        """Take over the account of an answer that was read before; nothing is asked."""
        account = self.asked
        account.url, account.status = asked.url, asked.status
        account.response_id, account.fetched_at = asked.response_id, asked.fetched_at

    def request(self, method: Any, url: str, *args: Any, **options: Any) -> Any:
        """Ask, as the policy says, and keep the answer.

        Cookies, crumbs and consent are passed through: yfinance does without them.

        Raises:
            YahooError: when a question about data is given up.
        """
        if not urlsplit(url).path.startswith(_DATA_PATHS):
            self._pace()
            return super().request(method, url, *args, **options)
        question = _question(url, options.get("params"))
        self.asked.url = question
        known = self.store.resumable(question, self._outdated_before)
        if known is not None:
            return self._answer(
                question,
                _OK,
                self.store.body(known.response_id),
                known.response_id,
                known.fetched_at,
            )
        self._refuse_while_paused()
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Passing),
            stop=self._is_enough,
            wait=self._wait,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            answer = retrying(self._attempt, method, url, question, *args, **options)
        except _Passing as error:
            self._note_throttling(error.kind)
            raise YahooError(error.kind, f"{error} (asked {self.asked.attempts} times)") from error
        self._throttled = 0
        return answer

    def _attempt(
        self, method: Any, url: str, question: str, *args: Any, **options: Any
    ) -> requests.Response:
        self._pace()
        self.asked.attempts += 1
        self.asked.status = None
        options["timeout"] = self.policy.timeout_seconds
        try:
            answer = super().request(method, url, *args, **options)
        except requests.exceptions.RequestException as error:
            raise _Passing("transient", f"no answer: {_first_line(error)}") from error
        self.asked.status = answer.status_code
        said_kind = _said_by(answer.content)
        if answer.status_code == _TOO_MANY or said_kind == "throttled":
            wait = _retry_after(answer.headers.get("retry-after"))
            said = "" if wait is None else f", to be asked again in {wait:.0f} s"
            raise _Passing("throttled", f"too many requests{said}", wait)
        if answer.status_code >= _SERVER_ERROR or said_kind == "transient":
            raise _Passing("transient", f"HTTP status {answer.status_code}")
        now = datetime.now(UTC)
        if _is_consent(answer.url, answer.content):
            raise _Passing("contract", _CONSENT)
        headers = {n: str(answer.headers[n]) for n in _TOLD_HEADERS if n in answer.headers}
        response_id = self.store.put(question, answer.status_code, headers, answer.content, now)
        return self._answer(question, answer.status_code, answer.content, response_id, now)

    def _answer(
        self, question: str, status: int, body: bytes, response_id: str, fetched_at: datetime
    ) -> requests.Response:
        """Return an answer to yfinance, if it is whole: of a chart, that it has come.

        Its bars and events are read from the answer itself (``chart.read_chart``).
        """
        self.asked.status, self.asked.response_id = status, response_id
        self.asked.fetched_at = fetched_at
        try:
            payload = json.loads(body)
        except ValueError as error:
            self.store.close(question)
            if status in _DENIED:
                payload = None
            else:
                raise _Passing(
                    "contract", f"HTTP status {status}, and no whole JSON: {_where(body, error)}"
                ) from error
        self.asked.payload = payload
        if result_of(payload) is not None:
            payload, body = _HAS_COME, b""
        answer = _Parsed(payload)
        answer.url, answer.status_code, answer.content = question, status, body
        answer.ok = status < 400  # noqa: PLR2004 - as curl_cffi has it
        answer.reason = "OK" if answer.ok else ""
        return answer

    # --- pauses ---------------------------------------------------------------------------------

    def _pace(self) -> None:
        """Wait until the next request is polite."""
        if not self.policy.requests_per_second:
            return
        now = time.monotonic()
        if now < self._next_at:
            self._sleep(self._next_at - now)
            now = max(now, self._next_at)
        self._next_at = now + 1 / self.policy.requests_per_second

    def _wait(self, state: tenacity.RetryCallState) -> float:
        """Return the next pause: as long as the server says, else longer and longer."""
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, _Passing) and error.wait_seconds is not None:
            return error.wait_seconds
        longest = min(
            self.policy.longest_wait_seconds,
            self.policy.first_wait_seconds * 2 ** (state.attempt_number - 1),
        )
        return float(longest * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, no secret

    def _is_enough(self, state: tenacity.RetryCallState) -> bool:
        """Tell whether to give up: after some attempts, or for a pause longer than a run makes."""
        if state.attempt_number >= self.policy.attempts:
            return True
        error = state.outcome.exception() if state.outcome else None
        wait = error.wait_seconds if isinstance(error, _Passing) else None
        return wait is not None and wait > self.policy.longest_wait_seconds

    def _note_throttling(self, kind: str) -> None:
        self._throttled = self._throttled + 1 if kind == "throttled" else 0
        if self._throttled >= self.policy.throttled_in_a_row:
            self._paused_until = time.monotonic() + self.policy.pause_seconds

    def _refuse_while_paused(self) -> None:
        if time.monotonic() < self._paused_until:
            raise YahooError(
                "skipped",
                f"not asked: the source refused {self._throttled} symbols in a row as too many "
                "requests",
            )


def _question(url: str, params: Any) -> str:
    """Return what is asked, without secrets, always written alike."""
    parts = urlsplit(url)
    pairs = [*parse_qsl(parts.query), *sorted((params or {}).items())]
    told = urlencode([(name, value) for name, value in pairs if name not in _SECRETS])
    return f"{parts.scheme}://{parts.netloc}{parts.path}?{told}"


def _said_by(body: bytes) -> str | None:
    """Return what an answer means by its words, where it refuses whatever its status."""
    if len(body) > _A_SENTENCE and not body.lstrip().startswith(b"<"):
        return None
    text = body.lower()
    return next((kind for words, kind in _WORDS if words in text), None)


def _is_consent(url: str, body: bytes) -> bool:
    """Tell whether an answer is the page that asks for consent to cookies."""
    is_theirs = urlsplit(url).netloc.startswith(("consent.", "guce."))
    is_page = body.lstrip()[:1] == b"<"
    return is_theirs or (is_page and any(words in body for words in _CONSENT_WORDS))


def _retry_after(text: str | None) -> float | None:
    """Read a Retry-After header: seconds, or a date."""
    if not text:
        return None
    try:
        return max(float(text), 0.0)
    except ValueError:
        pass
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)


def _where(body: bytes, error: ValueError) -> str:
    """Say of a body that cannot be parsed how far it can."""
    if not body.strip():
        return "the body is empty"
    place = error.pos if isinstance(error, json.JSONDecodeError) else 0
    return f"{len(body)} bytes, which cannot be read from character {place + 1} on"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
