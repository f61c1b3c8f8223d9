"""Messages to people: a log line, and a webhook that takes Slack's JSON where one is set."""

import logging

import dagster as dg
import requests
import tenacity

from pipelines.settings import Settings
from warehouse.errors import NotDelivered

ATTEMPTS = 3
FIRST_WAIT_SECONDS = 0.5
TIMEOUT_SECONDS = 5.0


def notify(
    settings: Settings, text: str, log: logging.Logger, level: int = logging.WARNING
) -> None:
    """Log a message, and post it where a webhook is set.

    Raises:
        NotDelivered: after some attempts; the message should be sent again later.
    """
    log.log(level, text)
    if settings.webhook_url is None:
        return
    retrying = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        wait=tenacity.wait_random_exponential(FIRST_WAIT_SECONDS, TIMEOUT_SECONDS),
        retry=tenacity.retry_if_exception_type(requests.RequestException),
        reraise=True,
    )
    try:
        retrying(_post, settings.webhook_url.get_secret_value(), text)
    except requests.RequestException as error:
        status = error.response.status_code if error.response is not None else None
        reason = f"HTTP status {status}" if status else type(error).__name__
        # The error's own words and its cause name the URL.
        raise NotDelivered(
            f"the webhook of CAPSHOCK_WEBHOOK_URL did not take a message ({reason}, asked "
            f"{ATTEMPTS} times)",
            "It is sent again with the next tick.",
        ) from None


def link(settings: Settings, run_id: str) -> str:
    """Return a link to a run, as Slack writes links."""
    return _link(settings, f"runs/{run_id}", f"run {run_id[:8]}")


def link_to_asset(settings: Settings, key: dg.AssetKey, name: str) -> str:
    """Return a link to the page of an asset, as Slack writes links."""
    return _link(settings, f"assets/{'/'.join(key.path)}", name)


def _link(settings: Settings, path: str, name: str) -> str:
    return f"<{settings.ui_url.rstrip('/')}/{path}|{name}>"


def _post(url: str, text: str) -> None:
    requests.post(url, json={"text": text}, timeout=TIMEOUT_SECONDS).raise_for_status()
