"""What the calls ask: a written corpus by size class and a seeded, exact mix. Pure."""
