"""`python -m training.evaluate`: measure a model against real pictures."""
