"""The words of a brief: how large a session was against history decides what is said of it."""

from collections.abc import Iterator
from typing import Any

from assets.brief.answers import Answer, Said, say

ENOUGH_SESSIONS = 250
"""Sessions of history before anything is called large, quiet or a record."""

TOP = 10
"""Places in history that are named by their number."""

UNUSUAL, QUIET = 75, 25
"""On so many of a hundred sessions the largest loss was smaller: above and below, it is said."""

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

    def said(self) -> Said:
        """Say who lost how much, in words that fit its size."""
        answer = self.leading
        usd, name = answer.figure(f"{self.side}_usd", "usd"), answer.figure("name", "long name")
        verb = _VERB[self.side]
        if not self.is_known:
            tail: tuple[Any, ...] = ("; the history is too short to tell how much that is",)
        elif self.is_top:
            tail = self._place()
        elif answer.value("smaller_on_of_100") >= UNUSUAL:
            of_100 = answer.figure("smaller_on_of_100", "count")
            tail = (": more than the largest ", self.side, " on ", of_100, " of 100 sessions")
        elif answer.value("smaller_on_of_100") < QUIET:
            return say("A quiet session: no company ", verb, " more than ", usd)
        else:
            return say("An ordinary session: ", name, f" {verb} most, ", usd)
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

    The largest loss leads, but for a session whose largest gain is among the largest of all and its
    loss is not; an index that moved unusually leads where no single company did.

    Args:
        loss: the answer to ``questions.leading`` for losses.
        gain: the same for gains.
        indices: the answer to ``questions.indices``.
    """
    losing, gaining = Standing("loss", loss), Standing("gain", gain)
    if not len(loss):
        return say("No company with a known share count lost market value")
    if gaining.is_top and not losing.is_top:
        return gaining.said()
    if losing.is_known and not losing.is_top and loss.value("smaller_on_of_100") < UNUSUAL:
        if _is_unusual(indices):
            name, usd = loss.figure("name", "long name"), loss.figure("loss_usd", "usd")
            moved = _moved(indices)
            return say(*moved, ", on no single company: ", name, " loses most, ", usd)
    return losing.said()


def _is_unusual(indices: Answer) -> bool:
    """Tell whether the first index has members and moved as it rarely does."""
    return (
        len(indices) > 0
        and indices.value("members_priced") > 0
        and indices.value("sessions_before") >= ENOUGH_SESSIONS
        and indices.value("actual_return") is not None
        and indices.value("smaller_on_of_100") >= UNUSUAL
    )


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
        said += ["; the largest before was ", loss.figure("previous_record_name", "long name"), "'s ",
                 loss.figure("previous_record_usd", "usd"), " on ",
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
