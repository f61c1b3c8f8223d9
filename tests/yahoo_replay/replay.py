"""Yahoo Finance on loopback: the unmodified yfinance client talks to it over real TCP and TLS."""

import asyncio
import contextlib
import email.utils
import gzip
import json
import socket
import ssl
import struct
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

import trustme

from tests.yahoo_replay.faults import NOT_FOUND, STATUSES, changed
from tests.yahoo_replay.market import Market

CONSENT_PAGE = b"<html><body>Yahoo is part of a family of brands</body></html>"

_REDIRECTIONS = {
    "redirect": "https://query1.finance.yahoo.com{target}&redirected=1",
    "consent_redirect": "https://consent.yahoo.com/v2/collectConsent?sessionId=1",
}
"""Where a fault leads: to another host, which answers; or to the page that asks for consent."""

_HOSTS = ("yahoo.com", "*.yahoo.com", "*.finance.yahoo.com")


@dataclass
class Fault:
    """A fault of an endpoint for a symbol: its kind, and how often it still happens."""

    kind: str
    left: int | None = None
    value: Any = None


@dataclass(frozen=True)
class Request:
    """A request that came in."""

    endpoint: str
    symbol: str
    fault: str | None
    at: float


class Replay:
    """The server, in a thread of its own. A context manager.

    Args:
        market: what is served.
        now: the moment that the server takes for now.
    """

    def __init__(self, market: Market, now: datetime) -> None:
        self.market = market
        self.now = now
        self.log: list[Request] = []
        self.refused: list[str] = []
        self._faults: dict[tuple[str, str], Fault] = {}
        self._answers: dict[tuple[Any, ...], bytes] = {}
        self._answered = market
        self._folder = tempfile.TemporaryDirectory()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._port = 0

    def fault(
        self,
        endpoint: str,
        symbol: str,
        kind: str,
        times: int | None = None,
        value: Any = None,
    ) -> None:
        """Let answers fail: of an endpoint (chart, shares ...), for a symbol or '*'.

        Args:
            endpoint: chart, shares, crumb, cookie.
            symbol: a symbol, or '*'.
            kind: the fault; 'answer' serves what ``value`` is, bytes or JSON.
            times: how often; None: always.
            value: seconds of a stall, a Retry-After, the place of a bar (``faults.PLACES``).
        """
        self._faults[endpoint, symbol] = Fault(kind, times, value)

    def clear(self) -> None:
        """Let everything work again, and forget the log."""
        self._faults.clear()
        self.log.clear()

    def asked(self, endpoint: str, symbol: str | None = None) -> int:
        """Count the requests to an endpoint."""
        return sum(r.endpoint == endpoint and symbol in {None, r.symbol} for r in list(self.log))

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables that lead a client here."""
        proxy = f"http://127.0.0.1:{self._port}"
        authority = str(self._authority)
        return {
            "HTTPS_PROXY": proxy,
            "https_proxy": proxy,
            "NO_PROXY": "",
            "no_proxy": "",
            "CURL_CA_BUNDLE": authority,
            "REQUESTS_CA_BUNDLE": authority,
            "SSL_CERT_FILE": authority,
        }

    @property
    def _authority(self) -> Path:
        return Path(self._folder.name) / "ca.pem"

    def __enter__(self) -> Self:
        authority = trustme.CA(organization_name="replay of a Yahoo that is none")
        leaf = authority.issue_cert(*_HOSTS)
        authority.cert_pem.write_to_path(self._authority)
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        leaf.configure_cert(self._tls)
        self._tls.set_alpn_protocols(["http/1.1"])
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        self._folder.cleanup()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        server = await asyncio.start_server(self._handle, "127.0.0.1", 0)
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=5)
        # Transports say goodbye in the loop's next rounds.
        await asyncio.sleep(0.05)

    # --- HTTP -----------------------------------------------------------------------------------

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        with contextlib.suppress(
            ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, ValueError
        ):
            while line := await reader.readline():
                method, target, _ = line.decode("latin1").split(" ", 2)
                headers = {}
                while (told := await reader.readline()) not in {b"\r\n", b""}:
                    name, value = told.decode("latin1").split(":", 1)
                    headers[name.strip().lower()] = value.strip()
                if length := int(headers.get("content-length", 0)):
                    await reader.readexactly(length)
                if method == "CONNECT":
                    if not await self._connect(writer, target.rsplit(":", 1)[0]):
                        break
                elif not await self._answer(writer, headers.get("host", ""), target):
                    break
        self._tasks.discard(task)
        self._writers.discard(writer)
        writer.close()

    async def _connect(self, writer: asyncio.StreamWriter, host: str) -> bool:
        if host != "yahoo.com" and not host.endswith(".yahoo.com"):
            self.refused.append(host)
            writer.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
            await writer.drain()
            return False
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await writer.drain()
        await writer.start_tls(self._tls)
        return True

    async def _answer(self, writer: asyncio.StreamWriter, host: str, target: str) -> bool:
        """Answer a request; return whether the connection stays open."""
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        endpoint, symbol = _route(host, parts.path, query)
        fault = self._due(endpoint, symbol)
        kind = fault.kind if fault else None
        self.log.append(Request(endpoint, symbol, kind, time.monotonic()))
        status, headers, body = self._usual(endpoint, symbol, query)
        if kind in {"reset", "reset_in_body", "cut_body"}:
            return await self._break(writer, kind, body)
        if kind in {"chunked", "chunked_cut"}:
            return await self._in_chunks(writer, body, is_cut=kind == "chunked_cut")
        if fault is not None and kind == "stall":
            # In pieces, so that a server that stops does not wait for it.
            for _ in range(int(fault.value * 10)):
                if self._stop.is_set() or writer.transport.is_closing():
                    break
                await asyncio.sleep(0.1)
        elif fault is not None and not (kind in _REDIRECTIONS and "redirected" in query):
            status, headers, body = self._faulty(fault, target, headers, body)
        told_headers = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(
            f"HTTP/1.1 {status} X\r\n{told_headers}content-length: {len(body)}\r\n\r\n".encode()
            + body
        )
        await writer.drain()
        return True

    def _faulty(
        self, fault: Fault, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body of an answer with a fault."""
        if fault.kind in STATUSES:
            status, told = STATUSES[fault.kind]
            if fault.value is not None:
                headers = {"retry-after": str(fault.value)}
            return status, headers, _encoded(told)
        if fault.kind in _REDIRECTIONS:
            return 302, {"location": _REDIRECTIONS[fault.kind].format(target=target)}, b""
        if fault.kind == "answer":
            return 200, headers, _encoded(fault.value)
        if fault.kind == "truncated":
            return 200, headers, body[: len(body) // 2]
        if fault.kind in {"gzip", "gzip_cut"}:
            packed = gzip.compress(body)
            sent = packed[: len(packed) // 2] if fault.kind == "gzip_cut" else packed
            return 200, {**headers, "content-encoding": "gzip"}, sent
        told = changed(fault.kind, json.loads(body), self.now.timestamp(), fault.value)
        return 200, headers, _encoded(told)

    async def _in_chunks(self, writer: asyncio.StreamWriter, body: bytes, *, is_cut: bool) -> bool:
        """Send a body in pieces of its own length each; one that is cut lacks the last."""
        size = max(len(body) // 5, 1)
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
        writer.write(b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n")
        for piece in pieces[:-1] if is_cut else pieces:
            writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            await writer.drain()
        if not is_cut:
            writer.write(b"0\r\n\r\n")
            await writer.drain()
        return not is_cut

    async def _break(self, writer: asyncio.StreamWriter, kind: str, body: bytes) -> bool:
        if kind != "reset":
            writer.write(
                f"HTTP/1.1 200 X\r\ncontent-length: {len(body)}\r\n\r\n".encode()
                + body[: len(body) // 2]
            )
            await writer.drain()
        if kind != "cut_body":
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        return False

    def _due(self, endpoint: str, symbol: str) -> Fault | None:
        for key in ((endpoint, symbol), (endpoint, "*")):
            fault = self._faults.get(key)
            if fault is None or fault.left == 0:
                continue
            if fault.left is not None:
                fault.left -= 1
            return fault
        return None

    # --- endpoints ------------------------------------------------------------------------------

    def _usual(
        self, endpoint: str, symbol: str, query: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        as_json = {"content-type": "application/json;charset=utf-8"}
        if endpoint == "crumb":
            return 200, {"content-type": "text/plain"}, b"rEpLaY"
        if endpoint == "cookie":
            until = email.utils.formatdate(time.time() + 86400, usegmt=True)
            cookie = f"A3=d=replay; Expires={until}; Domain=.yahoo.com; Path=/; Secure; HttpOnly"
            return 404, {"set-cookie": cookie}, b"<html></html>"
        if endpoint == "consent":
            return 200, {"content-type": "text/html"}, CONSENT_PAGE
        if endpoint == "other":
            return 404, {}, b"no such page"
        if symbol not in self.market.bars:
            return (
                404,
                as_json,
                json.dumps({"chart": {"result": None, "error": NOT_FOUND}}).encode(),
            )
        first, last = float(query.get("period1", 0)), float(query.get("period2", 4e9))
        if self._answered is not self.market:
            self._answers.clear()
            self._answered = self.market
        key = (endpoint, symbol, first, last, self.now)
        if key not in self._answers:
            told = (
                self.market.chart(symbol, first, last, self.now)
                if endpoint == "chart"
                else self.market.shares(symbol, first, last)
            )
            self._answers[key] = json.dumps(told).encode()
        return 200, as_json, self._answers[key]


def _encoded(told: Any) -> bytes:
    if isinstance(told, bytes):
        return told
    return (told if isinstance(told, str) else json.dumps(told)).encode()


def _route(host: str, path: str, query: dict[str, str]) -> tuple[str, str]:
    name = unquote(path.rsplit("/", 1)[-1])
    if path.startswith("/v8/finance/chart/"):
        return "chart", name
    if path.startswith("/ws/fundamentals-timeseries/"):
        return "shares", name
    if path == "/v1/test/getcrumb":
        return "crumb", ""
    if host.startswith("consent.yahoo.com"):
        return "consent", ""
    if host.startswith("fc.yahoo.com"):
        return "cookie", ""
    return "other", query.get("symbols", "")


@contextlib.contextmanager
def serving(market: Market, now: str) -> Iterator[Replay]:
    """Serve a market as of a moment, written in ISO (UTC)."""
    with Replay(market, datetime.fromisoformat(now).replace(tzinfo=UTC)) as replay:
        yield replay
