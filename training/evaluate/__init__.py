"""Measure a model against real pictures: `python -m training.evaluate`. One file for each kind of model."""
