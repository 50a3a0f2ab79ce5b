"""An embedded LLM gateway with known timing, to test against and to measure ourselves with."""
