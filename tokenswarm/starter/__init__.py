"""`tokenswarm init`: a suite of one's own, beside the installed tokenswarm."""
