"""Which session is told: one that the published file holds."""

from datetime import date

from warehouse.errors import SessionNotCovered
from warehouse.reader import Reader


def require_session(published: Reader, session: date) -> date:
    """Return a session that the published file holds.

    Raises:
        SessionNotCovered: if it does not, naming the ones around it.
    """
    near = published.rows(
        "SELECT max(session_date) FILTER (session_date <= $day) AS before, "
        "min(session_date) FILTER (session_date > $day) AS after FROM mart.market_caps",
        day=session,
    )[0]
    if near["before"] != session:
        # A slow import, for the message alone.
        from assets.market import calendar

        around = " and ".join(str(d) for d in (near["before"], near["after"]) if d) or "none"
        if session not in calendar.sessions(session, session):
            what, more = "is no session of the New York Stock Exchange", ""
        else:
            what, more = "the published file holds no such session", "; `capshock run` fetches more"
        raise SessionNotCovered(f"{session}: {what}", f"The nearest in the file: {around}{more}.")
    return session


def last_session(published: Reader) -> date | None:
    """Return the last session that the published file holds; None without any."""
    last: date | None = published.value("SELECT max(session_date) FROM mart.market_caps")
    return last


def session_of_largest_loss(published: Reader) -> date | None:
    """Return the session with the largest loss of the published file; None without any loss."""
    largest: date | None = published.value(
        "SELECT session_date FROM mart.market_cap_losses "
        "ORDER BY loss_usd DESC, session_date, company_symbol LIMIT 1"
    )
    return largest
