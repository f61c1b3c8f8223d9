"""No test reaches anything but this machine: not this process, not libcurl, not a child."""

import socket
import subprocess
import sys

import pytest
from curl_cffi import requests

ELSEWHERE = "192.0.2.1"  # reserved for documentation: nobody is there (RFC 5737)


def test_a_socket_of_this_process_is_refused():
    with pytest.raises(ConnectionRefusedError, match="loopback alone"):
        socket.create_connection((ELSEWHERE, 443), timeout=1)


def test_libcurl_ends_at_a_proxy_that_is_not_there():
    with pytest.raises(requests.exceptions.ConnectionError, match=r"over proxy 127\.0\.0\.1"):
        requests.get(f"https://{ELSEWHERE}/", timeout=1)


def test_so_does_another_process():
    program = f"import urllib.request as r; r.urlopen('https://{ELSEWHERE}/', timeout=1)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert "Connection refused" in done.stderr
