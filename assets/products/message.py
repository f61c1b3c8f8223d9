"""A telling as a message to a chat: what happened, in a few lines of Slack's markup."""

import html

from assets.products.telling.session import Telling
from assets.products.wording import day_in_words


def message(telling: Telling, more: str = "") -> str:
    """Return the message: day and headline, what is said below it, and where more stands.

    Args:
        telling: the session.
        more: the last line, in Slack's markup: a link, a path.
    """
    day = f"{telling.session:%A}, {day_in_words(telling.session)}"
    lines = [f"*{_escaped(str(telling.headline))}*", f"_{day}_"]
    lines += [_escaped(str(sentence)) for sentence in telling.sentences]
    return "\n".join([*lines, more] if more else lines)


def _escaped(text: str) -> str:
    """Escape what Slack takes for markup of its own: mentions and links; a text has one line."""
    return html.escape(" ".join(text.split()), quote=False)
