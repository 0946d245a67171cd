"""Compare recipes under one protocol: `python -m training.compare`."""

STOPPED = "Stopped; the same command continues from here."
