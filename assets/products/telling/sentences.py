"""What is said of a session: how large it was against history decides the words."""

from collections.abc import Iterator
from typing import Any

from assets.products.restated import connective
from assets.products.telling.answers import STYLES, Answer, Figure, Sentence, say
from assets.products.wording import unconfirmed
from warehouse.schemas.vocabulary import Change

ENOUGH_SESSIONS = 250
"""Sessions of history before anything is called large, quiet or a record."""

TOP = 10
"""Places in history that are named by their number."""

UNUSUAL, USUAL, QUIET = 80, 50, 25
"""On so many of a hundred sessions of a year it was smaller: what is unusual, usual, quiet."""

LONG_AGO_DAYS = 30
"""A move is said to be the largest since a day that lies further back than this."""

RESTATED = 3
"""Losses and gains, the largest changes first, of which it is told what was published before."""

PUBLISHED_DESPITE = "published despite a check"
"""The doubt about the file as a whole."""

_VERB = {"loss": "loses", "gain": "gains"}


class Standing:
    """How large the leading loss (or gain) is against history.

    Args:
        side: loss or gain.
        leading: the answer to ``questions.LEADER``.
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

    @property
    def is_news(self) -> bool:
        """Tell whether it is large enough to be what the session is told by."""
        return self.is_top or self.is_unusual

    @property
    def usd(self) -> float:
        """Return the dollars."""
        return float(self.leading.value("size_usd"))

    def named(self) -> tuple[Figure, Figure]:
        """Return who leads, and the dollars."""
        name = self.leading.figure("name", "long name")
        return name, self.leading.figure("size_usd", "usd")

    def sentence(self) -> Sentence:
        """Say who lost how much, in words that fit its size."""
        name, usd = self.named()
        verb = _VERB[self.side]
        if not self.is_known:
            tail: tuple[Any, ...] = ("; the history is too short to tell how much that is",)
        elif self.is_top:
            tail = self._place()
        else:
            of_100 = self.leading.figure("smaller_on_of_100", "count")
            tail = (f", more than the day's largest {self.side} on ", of_100,
                    " % of the sessions of the past year")  # fmt: skip
        doubt = unconfirmed(self.leading.value("flags"), self.leading.value("witness"))
        return say(name, f" {verb} ", usd, *tail, *([f"; {doubt}"] if doubt else []))

    def _place(self) -> tuple[Any, ...]:
        """Say which place it takes among all; a tie with the record is no record."""
        answer = self.leading
        largest = f"largest one-day {self.side} of any company since "
        since = answer.figure("history_from", "day")
        if answer.value("is_record"):
            return (", the ", largest, since)
        if answer.value("rank_to_date") == 1:
            is_sure = not unconfirmed(answer.value("flags"), answer.value("witness"))
            as_much = "as much as" if is_sure else "which would be"
            return (f", {as_much} the ", largest, since)
        return (", the ", answer.figure("rank_to_date", "ordinal"), "-", largest, since)


def lead(loss: Answer, gain: Answer) -> Standing | None:
    """Return whom the session is told by: the loss, or the gain where that is the greater news.

    Places among the largest of all come first, then unusual moves; losses before gains. Where
    neither is known to be large, the loss; without enough history, the larger of the two.

    Args:
        loss: the answer to ``questions.LEADER`` for losses.
        gain: the same for gains.
    """
    both = [Standing("loss", loss), Standing("gain", gain)]
    sides = [side for side in both if len(side.leading)]
    news = [*(side for side in sides if side.is_top), *(side for side in sides if side.is_unusual)]
    if news:
        return news[0]
    if sides and not any(side.is_known for side in sides):
        return max(sides, key=lambda side: side.usd)
    return sides[0] if sides else None


def headline(loss: Answer, gain: Answer, indices: Answer) -> Sentence:
    """Say what happened, in one line: from a record down to a quiet day.

    An index that moved unusually leads where no company did.

    Args:
        loss: the answer to ``questions.LEADER`` for losses.
        gain: the same for gains.
        indices: the answer to ``questions.INDICES``.
    """
    leading = lead(loss, gain)
    if leading is None:
        return say("No one-day change of any company's market value is known")
    if leading.is_news or not leading.is_known:
        return leading.sentence()
    name, usd = leading.named()
    gaining = Standing("gain", gain)
    if _index_share(indices) >= UNUSUAL:
        if indices.value("actual_return") < 0 or not len(gain):
            end = (", on no single company: ", name, f" {_VERB[leading.side]} most, ", usd)
        else:
            end = ("; ", gaining.named()[0], " gains most, ", gaining.named()[1])
        return say(*_moved(indices), *end)
    gained = gain.value("smaller_on_of_100") if gaining.is_known else 0
    is_quiet = leading.leading.value("smaller_on_of_100") < QUIET
    if is_quiet and max(gained, _index_share(indices)) < USUAL:
        return say(f"A quiet session: no company {_VERB[leading.side]} more than ", usd)
    return say("An ordinary session: ", name, f" {_VERB[leading.side]} most, ", usd)


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


def deck(loss: Answer, gain: Answer, market: Answer, indices: Answer) -> Iterator[Sentence]:
    """Yield the sentences below the headline: the lead, the first index, the market, caution."""
    leading = lead(loss, gain)
    if leading is not None:
        yield _about(leading)
    if len(indices):
        yield _about_the_index(leading, indices)
    if market.value("companies"):
        yield say(
            "All ", market.figure("companies", "count"),
            " companies whose change is known, together: ",
            market.figure("net_change_usd", "signed usd"), " (", market.figure("losers", "count"),
            " fell, ", market.figure("gainers", "count"), " rose).",
            *_about_the_other(leading, loss, gain),
        )  # fmt: skip
    if leading is not None and leading.leading.value("flags"):
        answer = leading.leading
        stale = "stale_share_count" in answer.value("flags")
        age = answer.figure("effect_shares_age_days", "count")
        yield say(f"Before you quote the {leading.side}: ", answer.figure("flags", "flags"),
                  *([" (the count is ", age, " days old)"] if stale else []),
                  *([" (", answer.figure("share_count_dispute", "name"), ")"]
                    if answer.value("share_count_dispute") else []), ".")  # fmt: skip


def _about(leading: Standing) -> Sentence:
    answer, side = leading.leading, leading.side
    name, symbol = answer.figure("name", "long name"), answer.figure("company_symbol", "text")
    change, usd = answer.figure("return_1d", "percent"), answer.figure("size_usd", "usd")
    parts = [name, " (", symbol, ") closes ", change, f", a {side} of ", usd, " at the close"]
    low = answer.value("intraday_low_effect_usd")
    if side == "loss" and low is not None and low < 0:
        parts += [" and ", answer.figure("intraday_low_effect_usd", "usd size"),
                  " at the session's low (", answer.figure("intraday_low_return", "percent"),
                  ")"]  # fmt: skip
    if leading.is_known:
        plural = "losses" if side == "loss" else "gains"
        parts += [". It is number ", answer.figure("rank_to_date", "count"),
                  f" of all one-day {plural} since ",
                  answer.figure("history_from", "day")]  # fmt: skip
        if leading.is_top:
            parts += [" among ", answer.figure("companies_covered", "count"),
                      " companies with a history"]  # fmt: skip
    if answer.value("previous_record_usd") is not None:
        parts += ["; the largest before was ", answer.figure("previous_record_usd", "usd"), ", by ",
                  answer.figure("previous_record_name", "long name"), " on ",
                  answer.figure("previous_record_date", "day")]  # fmt: skip
    if answer.value("effect_shares_outstanding") is not None:
        parts += [". Counted with ", answer.figure("effect_shares_outstanding", "million"),
                  " shares, reported ", answer.figure("effect_shares_as_of", "day")]  # fmt: skip
    return say(*parts, ".")


def _about_the_other(leading: Standing | None, loss: Answer, gain: Answer) -> tuple[Any, ...]:
    """Name the largest move to the other side."""
    is_loss = leading is None or leading.side == "loss"
    other, side = (gain, "gain") if is_loss else (loss, "loss")
    if not len(other):
        return ()
    usd, change = other.figure("size_usd", "usd"), other.figure("return_1d", "percent")
    return (f" The largest {side}: ", other.figure("name", "name"), ", ", usd, " (", change, ").")


def _about_the_index(leading: Standing | None, indices: Answer) -> Sentence:
    """Say what the first index did, and what the leading company had to do with it."""
    parts = [*_moved(indices)]
    if indices.value("actual_return") is not None:
        parts += [" (", indices.figure("actual_points", "points"), " points)", *_when_last(indices)]
    if leading is not None and indices.value("points_left_out") is not None:
        company = leading.leading.figure("company_symbol", "text")
        parts += ["; ", company, " alone is ", indices.figure("points_left_out", "points"),
                 " points"]  # fmt: skip
        if indices.value("return_without") is not None:
            parts += [", and without it the index would have returned ",
                      indices.figure("return_without", "percent")]  # fmt: skip
    return say(*parts, ".")


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


def restated(answer: Answer) -> Iterator[Sentence]:
    """Say what was published of the largest losses and gains before, until when, and why.

    What a later publication changed once more is not said to be so since.

    Args:
        answer: the answer to ``questions.RESTATED``.
    """
    for row in range(min(len(answer), RESTATED)):
        earlier, later = _beside(answer, row)
        side = answer.value("side", row)
        whose = (answer.figure("name", "long name", row), f"'s {side}")
        until = answer.figure("changed_at", "day", row)
        old, new = answer.value("old_usd", row), answer.value("new_usd", row)
        style = "usd in words"
        if old is not None and new is not None and STYLES[style](old) == STYLES[style](new):
            style = "usd exactly"
        before, since = answer.figure("old_usd", style, row), answer.figure("new_usd", style, row)
        none = "was none then" if later else "is none since"
        record = {
            "lost": "; it was a record, and " + ("was none then" if later else "is none"),
            "won": "; it was a record then" if later else "; it is a record since",
        }.get(answer.value("record", row), "")
        if answer.value("change", row) == Change.APPEARED:
            how = "again" if Change.VANISHED in earlier else "first"
            said: tuple[Any, ...] = (*whose, " of ", since, f" was published {how} on ", until)
        elif answer.value("change", row) == Change.VANISHED:
            said = (*whose, " was published as ", before, " until ", until, f", and {none}")
        elif old is None:
            is_lost = answer.value("record", row) == "lost"
            said = (*whose, " was published as ", "a" if is_lost else "no", " record until ", until)
            record = ""
        else:
            then = "then " if later else "since then "
            said = (*whose, " was published as ", before, " until ", until, f"; {then}", since)
        because = answer.figure("because", "text", row)
        yield say(*said, record, connective(because.text), because, ".")
    if len(answer) > RESTATED:
        more = len(answer) - RESTATED
        yield say(f"{more} more changes of losses and gains of this session were published since "
                  "its first publication.")  # fmt: skip


def _beside(answer: Answer, row: int) -> tuple[set[Any], set[Any]]:
    """Return what became of the same loss or gain before a change, and after it."""

    def of(place: int) -> tuple[Any, Any]:
        return answer.value("company_symbol", place), answer.value("side", place)

    at = answer.value("changed_at", row)
    same = [n for n in range(len(answer)) if of(n) == of(row) and n != row]
    earlier = {n for n in same if answer.value("changed_at", n) < at}
    later = {n for n in same if answer.value("changed_at", n) > at}
    return (
        {answer.value("change", n) for n in earlier},
        {answer.value("change", n) for n in later},
    )


def published_despite(doubts: Answer) -> Iterator[Sentence]:
    """Say which checks the file was published in spite of.

    Args:
        doubts: the answer to ``questions.DOUBTS``.
    """
    for row in range(len(doubts)):
        if doubts.value("doubt", row) == PUBLISHED_DESPITE:
            subjects = doubts.figure("subjects", "list", row)
            yield say("Published although a check fails: ", subjects, ".")
