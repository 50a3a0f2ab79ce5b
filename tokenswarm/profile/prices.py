"""What tokens cost, where the gateway sends no cost itself."""

from __future__ import annotations

from tokenswarm.profile.values import Block, Number


class Prices(Block):
    """What a million tokens cost, in one currency."""

    input: Number
    output: Number

    def cost(self, input_tokens: int, output_tokens: int) -> float:
        """The price of one call."""
        return (input_tokens * self.input + output_tokens * self.output) / 1e6
