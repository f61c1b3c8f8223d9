"""A session told once: what is said of it, and the tables behind it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from assets.products.telling import blocks, questions, sentences
from assets.products.telling.answers import Answer, Figure, Sentence, ask
from assets.products.telling.blocks import Block
from assets.products.telling.sentences import Standing
from warehouse.reader import Reader


@dataclass(frozen=True)
class Telling:
    """A session as it is told, whoever renders it.

    Attributes:
        session: the session.
        headline: what happened, in a line.
        sentences: what is said below it.
        restated: what was published before, in sentences; among the former too.
        lead: the company whose loss or gain the session is told by; None: no change is known.
        market: what all companies did together.
        answers: what headline and sentences rest on, beside the indices.
        indices: what the indices did; the first row leads.
        bars: the last sessions of the lead.
        losses: the largest losses.
        gains: the largest gains.
        steps: index symbol -> how its companies add up to its move; only where that move is known,
            and enough of them have a price.
        market_map: every company.
        sectors: what the sectors did.
        claims: what was claimed about the session.
        doubts: what is missing or doubtful, a row for each kind.
        sources: where the prices come from.
    """

    session: date
    headline: Sentence
    sentences: Sequence[Sentence]
    restated: Sequence[Sentence]
    lead: Standing | None
    market: Answer
    answers: Sequence[Answer]
    indices: Block
    bars: Block | None
    losses: Block
    gains: Block
    steps: Mapping[str, Block]
    market_map: Block
    sectors: Block
    claims: Block
    doubts: Answer
    sources: Block

    def ranked(self) -> tuple[Block, Block]:
        """Return losses and gains, the side of the lead first."""
        is_gain = self.lead is not None and self.lead.side == "gain"
        return (self.gains, self.losses) if is_gain else (self.losses, self.gains)

    def blocks(self) -> Iterator[Block]:
        """Yield the parts that have a table."""
        yield self.indices
        if self.bars is not None:
            yield self.bars
        yield self.losses
        yield self.gains
        yield from self.steps.values()
        yield self.market_map
        yield self.sectors
        if len(self.claims.answer):
            yield self.claims
        yield self.sources

    def movers(self, index: str) -> list[tuple[Figure, Figure]]:
        """Return the companies that moved an index and their points, the largest first.

        The company that leads the session is among them wherever it is a member.
        """
        answer = self.steps[index].answer
        rows = [row for row in range(len(answer)) if answer.value("step", row) == "company"]
        rows.sort(key=lambda row: -abs(answer.value("points", row)))
        return [
            (answer.figure("company", "text", row), answer.figure("points", "points", row))
            for row in rows
        ]


def tell_session(published: Reader, session: date) -> Telling:
    """Ask the published file everything about a session.

    Args:
        published: the published file.
        session: a session that it holds.
    """

    def asked(question: str, query: str, **parameters: str | int | None) -> Answer:
        return ask(published, question, query, day=session, **parameters)

    loss = asked("loss", questions.LEADER, side="loss")
    gain = asked("gain", questions.LEADER, side="gain")
    market = asked("market", questions.MARKET)
    lead = sentences.lead(loss, gain)
    company = lead.leading.value("company_symbol") if lead is not None else None
    indices = asked("indices", questions.INDICES, company=company)
    steps = {}
    for row in range(len(indices)):
        if indices.value("is_covered", row) and indices.value("actual_points", row) is not None:
            index = indices.value("index_symbol", row)
            answer = asked(blocks.file_name(index), questions.STEPS, index=index, company=company)
            steps[index] = blocks.steps_block(answer, indices, row)
    bars = None
    if lead is not None:
        answer = asked("bars", questions.LAST_BARS, company=company, n=questions.BARS)
        bars = blocks.bars_block(answer, lead.leading)
    doubts = asked("doubts", questions.DOUBTS)
    before = asked("restated", questions.RESTATED)
    restated = list(sentences.restated(before))
    return Telling(
        session=session,
        headline=sentences.headline(loss, gain, indices),
        sentences=[
            *sentences.deck(loss, gain, market, indices),
            *restated,
            *sentences.published_despite(doubts),
        ],
        restated=restated,
        lead=lead,
        market=market,
        answers=[answer for answer in (loss, gain, market, before) if len(answer)],
        indices=blocks.indices_block(indices, company),
        bars=bars,
        losses=blocks.losses_block(asked("losses", questions.LOSSES, n=questions.TOP)),
        gains=blocks.gains_block(asked("gains", questions.GAINS, n=questions.TOP)),
        steps=steps,
        market_map=blocks.market_map_block(asked("map", questions.MARKET_MAP)),
        sectors=blocks.sectors_block(asked("sectors", questions.SECTORS)),
        claims=blocks.claims_block(asked("claims", questions.CLAIMS)),
        doubts=doubts,
        sources=blocks.sources_block(asked("sources", questions.SOURCES)),
    )
