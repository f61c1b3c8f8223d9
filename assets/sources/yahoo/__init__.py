"""Source ``yahoo``: daily bars, splits, dividends and share counts through the yfinance client."""

from assets.sources.yahoo.source import YahooSource

__all__ = ["YahooSource"]
