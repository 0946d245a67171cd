"""Compare recipes under one protocol: `python -m training.compare`."""
