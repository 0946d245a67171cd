"""Judges: the networks that evaluate generated pictures."""
