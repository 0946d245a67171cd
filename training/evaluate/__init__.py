"""Measure a model against real pictures: `python -m training.evaluate`."""
