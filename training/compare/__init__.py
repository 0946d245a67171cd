"""`python -m training.compare`: recipes under one protocol."""
