"""The base classes of this package's errors."""


class TrainingError(ValueError):
    """Bad input, files or circumstances. The message is one sentence that says what is wrong and what to do."""

    status = 2  # the exit status of a command that ends with this error


class LostProcess(TrainingError):
    """Another process of the same run is gone. One of the remaining processes has printed the message already."""

    status = 3


class EvaluationError(TrainingError):
    """Model, data and network do not fit each other, or a file cannot be written; one sentence."""


class RunError(TrainingError):
    """A run that cannot be started or continued; one sentence."""
