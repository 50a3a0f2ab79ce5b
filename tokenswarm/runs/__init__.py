"""Folders of runs: made, described, ended. Read by tokenswarm.report."""
