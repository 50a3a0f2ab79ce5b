"""What load to apply, what is good enough and where to aim: YAML files read and checked. Pure."""
