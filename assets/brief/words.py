"""The words of a brief: how large a session was against history decides what is said of it."""

from collections.abc import Iterator
from typing import Any

from assets.brief.answers import Answer, Figure, Said, say

ENOUGH_SESSIONS = 250
"""Sessions of history before anything is called large, quiet or a record."""

TOP = 10
"""Places in history that are named by their number."""

UNUSUAL, USUAL, QUIET = 75, 50, 25
"""On so many of a hundred sessions it was smaller: what is unusual, usual, quiet."""

LONG_AGO_DAYS = 30
"""A move is said to be the largest since a day that lies further back than this."""

_VERB = {"loss": "loses", "gain": "gains"}


class Standing:
    """How large the leading loss (or gain) is against history.

    Args:
        side: loss or gain.
        leading: the answer to ``questions.leading``.
    """

    def __init__(self, side: str, leading: Answer) -> None:
        self.side = side
        self.leading = leading

    @property
    def is_known(self) -> bool:
        """Tell whether there is a loss, and enough history to measure it against."""
        return (
            len(self.leading) > 0
            and self.leading.value("companies_covered") > 0
            and self.leading.value("sessions_before") >= ENOUGH_SESSIONS
        )

    @property
    def is_top(self) -> bool:
        """Tell whether it is among the largest of all."""
        return self.is_known and self.leading.value("rank_to_date") <= TOP

    @property
    def is_unusual(self) -> bool:
        """Tell whether it is larger than the largest of most sessions."""
        return self.is_known and self.leading.value("smaller_on_of_100") >= UNUSUAL

    def named(self) -> tuple[Figure, Figure]:
        """Return who leads, and the dollars."""
        return self.leading.figure("name", "long name"), self.leading.figure(
            f"{self.side}_usd", "usd"
        )

    def said(self) -> Said:
        """Say who lost how much, in words that fit its size."""
        name, usd = self.named()
        verb = _VERB[self.side]
        if not self.is_known:
            tail: tuple[Any, ...] = ("; the history is too short to tell how much that is",)
        elif self.is_top:
            tail = self._place()
        else:
            of_100 = self.leading.figure("smaller_on_of_100", "count")
            tail = (": more than the largest ", self.side, " on ", of_100, " of 100 sessions")
        return say(name, f" {verb} ", usd, *tail)

    def _place(self) -> tuple[Any, ...]:
        """Say which place it takes among all; a tie with the record is no record."""
        answer = self.leading
        largest = f"largest one-day {self.side} of any company since "
        since = answer.figure("history_from", "day")
        if answer.value("is_record"):
            return (", the ", largest, since)
        if answer.value("rank_to_date") == 1:
            return (", as much as the ", largest, since)
        return (", the ", answer.figure("rank_to_date", "ordinal"), "-", largest, since)


def headline(loss: Answer, gain: Answer, indices: Answer) -> Said:
    """Say what happened, in one line: from a record down to a quiet day.

    The largest loss leads, unless the largest gain is among the largest of all and the loss is not,
    or unusual and the loss is not; an index that moved unusually leads where no company did.

    Args:
        loss: the answer to ``questions.leading`` for losses.
        gain: the same for gains.
        indices: the answer to ``questions.indices``.
    """
    losing, gaining = Standing("loss", loss), Standing("gain", gain)
    if not len(loss):
        return say("No company with a known share count lost market value")
    loudest = _loudest(losing, gaining)
    if loudest is not None:
        return loudest.said()
    name, usd = losing.named()
    if _index_share(indices) >= UNUSUAL:
        if indices.value("actual_return") < 0 or not len(gain):
            end = (", on no single company: ", name, " loses most, ", usd)
        else:
            end = ("; ", gaining.named()[0], " gains most, ", gaining.named()[1])
        return say(*_moved(indices), *end)
    gained = gain.value("smaller_on_of_100") if gaining.is_known else 0
    if loss.value("smaller_on_of_100") < QUIET and max(gained, _index_share(indices)) < USUAL:
        return say("A quiet session: no company loses more than ", usd)
    return say("An ordinary session: ", name, " loses most, ", usd)


def _loudest(losing: Standing, gaining: Standing) -> Standing | None:
    """Return what leads: places among the largest of all first, losses before gains."""
    if not losing.is_known:
        return losing
    for standing in (losing, gaining):
        if standing.is_top:
            return standing
    return next((standing for standing in (losing, gaining) if standing.is_unusual), None)


def _index_share(indices: Answer) -> int:
    """Return on how many of 100 sessions the first index moved less; 0 where that is not known."""
    if not len(indices) or indices.value("actual_return") is None:
        return 0
    known = indices.value("sessions_before") >= ENOUGH_SESSIONS
    return int(indices.value("smaller_on_of_100")) if known else 0


def _moved(indices: Answer) -> tuple[Any, ...]:
    """Say what the first index did: The S&P 500 falls 1.46 %."""
    name, change = indices.figure("name", "text"), indices.value("actual_return")
    article = "" if str(name).lower().startswith("the ") else "The "
    if change is None:
        return (article, name, " has no move on this session")
    if change == 0:
        return (article, name, " is unchanged")
    size = indices.figure("actual_return", "percent size")
    return (article, name, " falls " if change < 0 else " rises ", size)


def deck(loss: Answer, gain: Answer, market: Answer, indices: Answer) -> Iterator[Said]:
    """Yield the sentences below the headline: loss, leading index, market, caution."""
    if len(loss):
        yield _about_the_loss(loss)
    if len(indices) and indices.value("members_priced"):
        yield _about_the_index(loss, indices)
    if market.value("companies"):
        yield say(
            "All ", market.figure("companies", "count"), " companies with a share count together: ",
            market.figure("net_change_usd", "signed usd"), " (", market.figure("losers", "count"),
            " fell, ", market.figure("gainers", "count"), " rose).",
            *_about_the_gain(gain),
        )  # fmt: skip
    if len(loss) and loss.value("flags"):
        stale = "stale_share_count" in loss.value("flags")
        age = loss.figure("share_count_age_days", "count")
        yield say("Before you quote the loss: ", loss.figure("flags", "flags"),
                  *([" (the count is ", age, " days old)"] if stale else []), ".")  # fmt: skip


def _about_the_loss(loss: Answer) -> Said:
    symbol, name = loss.figure("company_symbol", "text"), loss.figure("name", "long name")
    said = [name, " (", symbol, ") closes ", loss.figure("loss_return", "percent lost"),
            ", a loss of ", loss.figure("loss_usd", "usd"), " at the close"]  # fmt: skip
    low = loss.value("intraday_low_effect_usd")
    if low is not None and low < 0:
        said += [" and ", loss.figure("intraday_low_effect_usd", "usd size"),
                 " at the session's low (", loss.figure("intraday_low_return", "percent"),
                 ")"]  # fmt: skip
    if Standing("loss", loss).is_known:
        said += [". It is number ", loss.figure("rank_to_date", "count"),
                 " of all one-day losses since ", loss.figure("history_from", "day"), " among ",
                 loss.figure("companies_covered", "count"),
                 " companies with a history"]  # fmt: skip
    if loss.value("previous_record_usd") is not None:
        said += ["; the largest before was ", loss.figure("previous_record_usd", "usd"), ", by ",
                 loss.figure("previous_record_name", "long name"), " on ",
                 loss.figure("previous_record_date", "day")]  # fmt: skip
    return say(*said, ".")


def _about_the_gain(gain: Answer) -> tuple[Any, ...]:
    if not len(gain):
        return ()
    usd, change = gain.figure("gain_usd", "usd"), gain.figure("gain_return", "percent")
    return (" The largest gain: ", gain.figure("name", "long name"), ", ", usd, " (", change, ").")


def _about_the_index(loss: Answer, indices: Answer) -> Said:
    """Say what the first index did, and what the leading loser had to do with it."""
    said = [*_moved(indices)]
    if indices.value("actual_return") is not None:
        said += [" (", indices.figure("actual_points", "points"), " points)"]
    if indices.value("points_left_out") is not None:
        company = loss.figure("company_symbol", "text")
        said += [", ", indices.figure("points_left_out", "points"), " of it by ", company,
                 "; without ", company, " it would have been ",
                 indices.figure("return_without", "percent")]  # fmt: skip
    return say(*said, *_when_last(indices), ".")


def _when_last(indices: Answer) -> tuple[Any, ...]:
    """Say when the first index last moved as far, if that is long ago."""
    change, since = indices.value("actual_return"), indices.value("last_as_large_on")
    if not change or indices.value("sessions_before") < ENOUGH_SESSIONS:
        return ()
    largest = f", its largest {'fall' if change < 0 else 'rise'} since "
    if since is None:
        return (largest, indices.figure("history_from", "day"))
    if (indices.value("session_date") - since).days <= LONG_AGO_DAYS:
        return ()
    return (largest, indices.figure("last_as_large_on", "day"))
