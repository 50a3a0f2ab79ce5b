"""What the target says and uses while a run goes, read in a process of its own beside the load generator."""
