"""Numbers: what is measured, how it is kept, merged and judged. Pure: no I/O, no clock."""
