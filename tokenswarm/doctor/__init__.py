"""`tokenswarm doctor`: is this machine fit to load that target, and if not, what mends it?"""
