"""`tokenswarm run`: the mock, the preflight, the run folder and Locust as a child process."""
