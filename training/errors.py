"""What all errors of this package have in common."""


class TrainingError(ValueError):
    """Input, files or circumstances with which the work cannot be done. The message is one sentence that says what is
    wrong and what to do."""

    status = 2  # what a command that ends with it returns


class LostProcess(TrainingError):
    """Another process of the same run has gone. The sentence has been told already, by one of those that are left."""

    status = 3


class RunError(TrainingError):
    """A run that cannot be started, or that could not go on; one sentence."""
