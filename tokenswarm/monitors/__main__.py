"""`python -m tokenswarm.monitors`, as the node that runs the test starts it."""

from tokenswarm.monitors.loop import main

main()
