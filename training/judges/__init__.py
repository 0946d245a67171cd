"""The networks that judge what a generator draws."""
