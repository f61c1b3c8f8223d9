"""The words that columns hold: each vocabulary once, checked by the models that use it."""

from enum import StrEnum


class InstrumentType(StrEnum):
    """What a line is: Yahoo's words in small letters, and finer ones for its equity."""

    EQUITY = "equity"
    COMMON = "common"
    ADR = "adr"
    PREFERRED = "preferred"
    WARRANT = "warrant"
    RIGHT = "right"
    ETF = "etf"
    MUTUAL_FUND = "mutualfund"
    INDEX = "index"
    FUTURE = "future"
    OPTION = "option"
    CURRENCY = "currency"
    CRYPTOCURRENCY = "cryptocurrency"


SHARES = (InstrumentType.EQUITY, InstrumentType.COMMON, InstrumentType.ADR)
"""What may land as a company: the one list, for what a person writes and for what a source says."""


class AdjustmentKind(StrEnum):
    """What went ex."""

    SPLIT = "split"
    SPIN_OFF = "spin_off"
    NONE = "none"


class CountBasis(StrEnum):
    """What a share count in force rests on."""

    REPORTED = "reported"
    SPLIT_ADJUSTED = "split_adjusted"
    DECIDED = "decided"


class SplitBasis(StrEnum):
    """On which side of a split a reported share count stands."""

    OWN_DATE = "own_date"
    BEFORE_SPLIT = "before_split"
    AFTER_SPLIT = "after_split"


class CountEvidence(StrEnum):
    """What speaks for a share count."""

    DECISION = "decision"
    INDEX_UNITS = "index_units"
    REPORTS = "reports"
    REPETITION = "repetition"
    SINGLE_REPORT = "single_report"


class Decision(StrEnum):
    """A person's word on a reported share count."""

    ACCEPT = "accept"
    REJECT = "reject"


class Weighting(StrEnum):
    """How the members of an index are weighted."""

    PRICE = "price"
    MARKET_CAP = "market cap"
    FLOAT_ADJUSTED_MARKET_CAP = "float-adjusted market cap"
    MODIFIED_MARKET_CAP = "modified market cap"
    CAPPED_MARKET_CAP = "capped market cap"
    EQUAL = "equal"
    NONE = "none"


class CapFlag(StrEnum):
    """What to know before quoting a market cap, a loss or a gain."""

    NO_SHARE_COUNT = "no_share_count"
    NO_PREVIOUS_SHARE_COUNT = "no_previous_share_count"
    STALE_SHARE_COUNT = "stale_share_count"
    SHARE_COUNT_WARNING = "share_count_warning"
    DISPUTED_SHARE_COUNT = "disputed_share_count"
    DISPUTED_PRICE = "disputed_price"
    CORPORATE_ACTION = "corporate_action"
    GAP = "gap"
    FIRST_BAR = "first_bar"
    CLOSE_ONLY = "close_only"
    UNWITNESSED = "unwitnessed"


class Witness(StrEnum):
    """What speaks for a move beside the price itself."""

    OFFICIAL_INDEX = "official_index"
    SECOND_SOURCE = "second_source"
    NEXT_SESSION = "next_session"
    PENDING = "pending"
    CONTRADICTED = "contradicted"
    NONE = "none"


class ImpactFlag(StrEnum):
    """Why a member has no contribution to its index on a session, or one that is in doubt."""

    NO_UNITS = "no_units"
    NO_RETURN = "no_return"
    TOO_LITTLE_PRICED = "too_little_priced"
    DISPUTED_UNITS = "disputed_units"
    DISPUTED_SHARE_COUNT = "disputed_share_count"


class ReconciliationFlag(StrEnum):
    """What to know before quoting what the members of an index add up to."""

    NO_MEMBERS = "no_members"
    NO_LEVEL = "no_level"
    GAP = "gap"
    MEMBERS_WITHOUT_PRICE = "members_without_price"
    TOO_LITTLE_PRICED = "too_little_priced"
    DATED_LATER = "dated_later"
    UNUSUAL_RESIDUAL = "unusual_residual"
    DISPUTED_DIVISOR = "disputed_divisor"
    DISPUTED_PRICE = "disputed_price"
    DISPUTED_LEVEL = "disputed_level"


class MembershipChange(StrEnum):
    """What became of a member of an index."""

    JOINED = "joined"
    LEFT = "left"
    RENAMED = "renamed"


class MembershipReason(StrEnum):
    """What the reference data know of a change of members."""

    DELISTED = "delisted"
    NEWLY_LISTED = "newly_listed"
    SPUN_OFF = "spun_off"
    SYMBOL_CHANGE = "symbol_change"


class DrawdownFlag(StrEnum):
    """What to know before quoting a fall over many sessions."""

    HISTORY_STARTS = "history_starts"
    CORPORATE_ACTION = "corporate_action"
    DISPUTED_SHARE_COUNT = "disputed_share_count"
    GAP = "gap"
    NO_PREVIOUS_SHARE_COUNT = "no_previous_share_count"
    NO_SHARE_COUNT = "no_share_count"
    SHARE_COUNT_WARNING = "share_count_warning"
    STALE_SHARE_COUNT = "stale_share_count"


class Metric(StrEnum):
    """What a claim is about."""

    RETURN = "return"
    LOSS_USD = "loss_usd"
    RANK = "rank"
    DIRECTION = "direction"
    GROUP_LOSS_USD = "group_loss_usd"
    INDEX_RETURN = "index_return"
    CONTRIBUTION_SHARE = "contribution_share"
    OTHER = "other"


class Comparator(StrEnum):
    """The word before a claimed number."""

    EXACTLY = "exactly"
    ABOUT = "about"
    ALMOST = "almost"
    MORE_THAN = "more than"
    AT_LEAST = "at least"
    RECORD = "record"


class Unit(StrEnum):
    """Unit of a claimed and a measured number."""

    FRACTION = "fraction"
    USD = "USD"
    RANK = "rank"
    SHARES = "shares"


class Verdict(StrEnum):
    """The verdict on a claim; ``HOLDS_ONLY_UNDER`` goes on with the conventions."""

    HOLDS = "holds"
    HOLDS_ONLY_UNDER = "holds only under"
    OVERSTATED = "overstated"
    UNDERSTATED = "understated"
    NOT_CHECKABLE = "not checkable here"


class Dataset(StrEnum):
    """What sources deliver."""

    PRICES = "prices"
    SPLITS = "splits"
    DIVIDENDS = "dividends"
    SHARES_OUTSTANDING = "shares_outstanding"
    INDEX_LEVELS = "index_levels"


class Outcome(StrEnum):
    """What came of asking a source for a symbol."""

    OK = "ok"
    PARTIAL = "partial"
    NO_DATA = "no_data"
    NOT_FOUND = "not_found"
    THROTTLED = "throttled"
    AUTH = "auth"
    TRANSIENT = "transient"
    CONTRACT = "contract"
    SKIPPED = "skipped"
    REFUSED = "refused"


class RefusalStatus(StrEnum):
    """What a refused row waits for."""

    HELD = "held"
    REJECTED = "rejected"
    RESOLVED = "resolved"


class Change(StrEnum):
    """What became of a published value, or of a published row."""

    CHANGED = "changed"
    SETTLED = "settled"
    APPEARED = "appeared"
    VANISHED = "vanished"
    MOVED = "moved"


class Support(StrEnum):
    """What bears out a large loss where a second row does not, the gravest first."""

    CONTRADICTED = "contradicted"
    WEAK = "weak"
    PENDING = "pending"
