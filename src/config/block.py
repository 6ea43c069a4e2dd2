"""The base class of all blocks of ``params.yaml``, and the types of the numbers in them."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=1, le=100_000_000)]
Fraction = Annotated[float, Field(ge=0, lt=1)]


class Block(BaseModel):
    """A block of parameters: no unknown keys, no type conversions, no NaN, no infinity."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
