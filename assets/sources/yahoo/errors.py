"""What becomes of a question that is not answered as it should be."""


class YahooError(Exception):
    """A question was given up. No OSError: yfinance takes those for passing ones and may hide them.

    Args:
        kind: an outcome of ``ops.ingest_outcomes``.
        message: why, in a sentence.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


class BrokenPromise(YahooError):
    """An answer came that is not what was asked for.

    Args:
        message: what is wrong with it, in a sentence.
    """

    def __init__(self, message: str) -> None:
        super().__init__("contract", message)
