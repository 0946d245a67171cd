"""Whether generated pictures help a classifier: one protocol, measured (`python -m training.augment_study`)."""
