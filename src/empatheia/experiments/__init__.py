"""What trains and evaluates in one: reports of a stage, ablations."""
