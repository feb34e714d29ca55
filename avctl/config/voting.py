"""By what councils and their committees decide."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from avctl.config.section import Section
from avctl.model.vote import Rule, Threshold


class Body(Section):
    """A body that votes by other numbers than the council."""

    body: str = Field(
        min_length=1, max_length=300, description="Its name, as in the booking of its sessions."
    )
    elected: int = Field(ge=1, le=10_000, description="How many its members are.")
    quorum: int = Field(0, ge=0, le=10_000, description="Members who must be there; 0: more than half.")
    threshold: Threshold = Field(
        Threshold.ELECTED, description="What a decision needs: elected, present or two_thirds."
    )

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.quorum > self.elected:
            raise ValueError(f"quorum: at most elected, {self.elected} (got {self.quorum})")
        return self

    @property
    def rule(self) -> Rule:
        """The same as the model wants it."""
        quorum = self.quorum or self.elected // 2 + 1
        return Rule(elected=self.elected, quorum=quorum, threshold=self.threshold)


class Voting(Section):
    """How votes are decided and shown."""

    elected: int = Field(120, ge=1, le=10_000, description="How many deputies were elected.")
    quorum: int = Field(0, ge=0, le=10_000, description="Deputies who must be there; 0: more than half.")
    threshold: Threshold = Field(
        Threshold.ELECTED,
        description="What a decision needs: elected (more than half of those elected), present, two_thirds.",
    )
    bodies: tuple[Body, ...] = Field((), description="Bodies that decide by other numbers.")
    overlay: Literal["off", "result", "live"] = Field(
        "live", description="What of a vote is in the programme: off, its result, or live, the count too."
    )
    result_seconds: float = Field(
        20, ge=1, le=600, description="Seconds a result stays in the programme and on the screens."
    )

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.quorum > self.elected:
            raise ValueError(f"quorum: at most elected, {self.elected} (got {self.quorum})")
        return self

    def rule_of(self, body: str) -> Rule:
        """By what a body decides: a named one by its own numbers, any other as the council."""
        wanted = body.strip().casefold()
        found = next((one for one in self.bodies if one.body.strip().casefold() == wanted), None)
        council = Body(body="-", elected=self.elected, quorum=self.quorum, threshold=self.threshold)
        return (found or council).rule
