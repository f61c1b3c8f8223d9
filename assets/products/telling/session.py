"""What a brief says, from top to bottom, asked of the published file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from assets.products.telling import blocks, questions
from assets.products.telling import sentences as words
from assets.products.telling.answers import Answer, Said, ask
from assets.products.telling.blocks import Block
from warehouse.reader import Reader


@dataclass(frozen=True)
class Brief:
    """A session as the page tells it."""

    session: date
    headline: Said
    deck: Sequence[Said]
    indices: Block
    bars: Block | None
    losses: Block
    waterfalls: Sequence[Block]
    market_map: Block
    sectors: Block
    claims: Block
    doubts: Sequence[tuple[str, Answer]]
    sources: Block
    leading: Sequence[Answer]

    def blocks(self) -> Iterator[Block]:
        """Yield the parts that have a table."""
        yield self.indices
        if self.bars is not None:
            yield self.bars
        yield self.losses
        yield from self.waterfalls
        yield self.market_map
        yield self.sectors
        if len(self.claims.answer):
            yield self.claims
        yield self.sources

    def faults(self) -> list[str]:
        """Return why pictures could not be drawn."""
        found = (block.picture.fault for block in self.blocks() if block.picture is not None)
        return list(dict.fromkeys(fault for fault in found if fault))


def compose(published: Reader, session: date) -> Brief:
    """Ask the published file everything about a session, and draw the pictures."""

    def asked(question: str, sql: str) -> Answer:
        return ask(published, question, sql)

    loss = asked("loss", questions.leading("loss", session))
    gain = asked("gain", questions.leading("gain", session))
    market = asked("market", questions.market(session))
    leading = words.lead(loss, gain)
    company = leading.leading.value("company_symbol") if leading is not None else None
    indices = asked("indices", questions.indices(session, company))
    waterfalls = []
    for row in range(len(indices)):
        if indices.value("is_covered", row):
            index = indices.value("index_symbol", row)
            sql = questions.waterfall(session, index, company)
            points = asked(blocks.file_name(index), sql)
            waterfalls.append(blocks.waterfall_block(points, indices, row, session))
    bars = None
    if leading is not None and company is not None:
        sql = questions.bars(session, company)
        bars = blocks.bars_block(asked("bars", sql), leading.leading, session)
    return Brief(
        session=session,
        headline=words.headline(loss, gain, indices),
        deck=list(words.deck(loss, gain, market, indices)),
        leading=[answer for answer in (loss, gain, market) if len(answer)],
        indices=blocks.indices_block(indices, company),
        bars=bars,
        losses=blocks.losses_block(asked("losses", questions.losses(session)), session),
        waterfalls=waterfalls,
        market_map=blocks.market_map_block(asked("map", questions.market_map(session)), session),
        sectors=blocks.sectors_block(asked("sectors", questions.sectors(session))),
        claims=blocks.claims_block(asked("claims", questions.claims(session))),
        doubts=[
            (label, asked(f"doubt {place}", sql))
            for place, (label, sql) in enumerate(questions.doubts(session).items(), start=1)
        ],
        sources=blocks.sources_block(asked("sources", questions.sources(session))),
    )
