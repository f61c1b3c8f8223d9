"""A file of claims: one article, and what it said. The models are the schema for editors too."""

import datetime as dt
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator, model_validator

from assets.ref.claims.printed import Printed, read_printed
from warehouse.schemas.vocabulary import Comparator, Metric, Unit

Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Words = Annotated[str, Field(min_length=1, max_length=500)]

_SUBJECTS: dict[Metric, tuple[frozenset[str], ...]] = {
    Metric.RETURN: (frozenset({"company"}),),
    Metric.LOSS_USD: (frozenset({"company"}),),
    Metric.RANK: (frozenset({"company"}),),
    Metric.DIRECTION: tuple(
        frozenset({kind}) for kind in ("company", "companies", "sector", "group", "index")
    ),
    Metric.GROUP_LOSS_USD: tuple(frozenset({kind}) for kind in ("companies", "sector", "group")),
    Metric.INDEX_RETURN: (frozenset({"index"}),),
    Metric.CONTRIBUTION_SHARE: (frozenset({"company", "index"}),),
    Metric.OTHER: (frozenset(),),
}
"""Which subject each metric speaks of."""

_UNIT_OF = {
    Metric.RETURN: Unit.FRACTION,
    Metric.LOSS_USD: Unit.USD,
    Metric.RANK: Unit.RANK,
    Metric.GROUP_LOSS_USD: Unit.USD,
    Metric.INDEX_RETURN: Unit.FRACTION,
    Metric.CONTRIBUTION_SHARE: Unit.FRACTION,
}

_SIZES = frozenset({Metric.LOSS_USD, Metric.RANK, Metric.GROUP_LOSS_USD})
"""Metrics that have no sign."""

_AS_WRITTEN: dict[str, JsonValue] = {
    "anyOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}]
}
"""For editors: YAML takes an unquoted 1 for a number; here it is read as it is printed."""


class Claim(BaseModel):
    """One statement of an article that has a number, a rank or a direction."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Slug = Field(description="Short name, unique in the file: nvidia-loss")
    statement: Words = Field(description="What was said, in a few words of your own")
    metric: Metric = Field(description="What was measured; other: nothing a warehouse holds")
    company: Words | None = Field(None, description="Subject: a symbol of ref.securities")
    companies: list[Words] | None = Field(
        None, description="Subject: several symbols", min_length=1
    )
    sector: Words | None = Field(None, description="Subject: a sector of ref.securities")
    group: Words | None = Field(None, description="Subject: a group that this file defines")
    index: Words | None = Field(None, description="Subject: an index of ref.indices")
    session: dt.date | None = Field(None, description="Session it speaks of: 2025-01-27")
    claimed: Words | None = Field(
        None,
        description="The number as printed: 593 billion USD, 18 %, -2.97 %, 1 (a rank), or fell, "
        "rose for a direction",
        json_schema_extra=_AS_WRITTEN,
    )
    comparator: Comparator = Field(Comparator.EXACTLY, description="The word before the number")
    rounded_to: Words | None = Field(
        None,
        description="Where the printed digits do not tell: four fifths are 80 % to 5 %",
        json_schema_extra=_AS_WRITTEN,
    )
    needs: Words | None = Field(None, description="For other: what it would take to check it")

    @field_validator("claimed")
    @classmethod
    def _is_readable(cls, text: str | None) -> str | None:
        if text is not None and text not in {"fell", "rose"}:
            read_printed(text)
        return text

    @field_validator("rounded_to")
    @classmethod
    def _is_a_number(cls, text: str | None) -> str | None:
        if text is not None and read_printed(text).value <= 0:
            raise ValueError("rounded_to is a positive number with a unit: 5 %")
        return text

    @model_validator(mode="after")
    def _fits_its_metric(self) -> "Claim":
        named = {
            kind
            for kind in ("company", "companies", "sector", "group", "index")
            if getattr(self, kind) is not None
        }
        allowed = _SUBJECTS[self.metric]
        if named not in allowed:
            wanted = " or ".join(" and ".join(sorted(kinds)) or "no subject" for kinds in allowed)
            raise ValueError(
                f"metric {self.metric} speaks of {wanted}, not {sorted(named) or 'none'}"
            )
        if self.metric == Metric.OTHER:
            if self.needs is None:
                raise ValueError("metric other says in needs what it would take to check it")
            return self
        if self.session is None or self.claimed is None:
            raise ValueError(f"metric {self.metric} wants session and claimed")
        self._check_number()
        return self

    def _check_number(self) -> None:
        is_direction = self.claimed in {"fell", "rose"}
        if is_direction != (self.metric == Metric.DIRECTION):
            raise ValueError("claimed is fell or rose for metric direction, and for no other")
        if (self.comparator == Comparator.RECORD) != (
            self.metric == Metric.RANK and self.is_record
        ):
            raise ValueError("comparator record goes with metric rank and claimed 1")
        if is_direction:
            return
        if self.printed.unit != _UNIT_OF[self.metric]:
            raise ValueError(
                f"metric {self.metric} is a {_UNIT_OF[self.metric]}, '{self.claimed}' is a "
                f"{self.printed.unit}"
            )
        if self.rounded_to and read_printed(self.rounded_to).unit != self.printed.unit:
            raise ValueError(
                f"rounded_to has the unit of claimed: '{self.rounded_to}' is a "
                f"{read_printed(self.rounded_to).unit}, '{self.claimed}' a {self.printed.unit}"
            )
        if self.metric in _SIZES and self.printed.value <= 0:
            raise ValueError(
                f"metric {self.metric} is a size above zero, '{self.claimed}' is not: a loss of "
                "593 billion USD is written 593 billion USD"
            )

    @property
    def is_record(self) -> bool:
        """Tell whether the claim is that something is a record."""
        return self.comparator == Comparator.RECORD and self.claimed == "1"

    @property
    def printed(self) -> Printed:
        """Return the number as printed; a direction is all (1) of its subject."""
        if self.claimed in {"fell", "rose"}:
            return Printed(1.0, Unit.FRACTION, 1e-6)
        number = read_printed(self.claimed or "")
        if self.rounded_to is None:
            return number
        return Printed(number.value, number.unit, read_printed(self.rounded_to).size)


class ClaimsFile(BaseModel):
    """An article and its claims."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Words = Field(description="Title of the article")
    outlet: Words = Field(description="Who published it")
    date: dt.date = Field(description="When it was published: 2025-01-28")
    url: Words | None = Field(None, description="Where it can be read")
    groups: dict[Words, list[Words]] = Field(
        default_factory=dict, description="Groups of companies that claims speak of: name, symbols"
    )
    claims: list[Claim] = Field(description="What it said", min_length=1, max_length=500)

    @model_validator(mode="after")
    def _is_consistent(self) -> "ClaimsFile":
        ids = [claim.id for claim in self.claims]
        twice = sorted({name for name in ids if ids.count(name) > 1})
        if twice:
            raise ValueError(f"claims have the same id: {', '.join(twice)}")
        strange = sorted({claim.group for claim in self.claims if claim.group} - set(self.groups))
        if strange:
            raise ValueError(f"group not defined in this file: {', '.join(strange)}")
        return self
