"""What is beyond belief of a bar, told of numbers and of columns alike."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from assets.market.bars import does_not_follow, is_in_doubt

RATIOS = st.floats(0.01, 100.0)


@given(RATIOS, RATIOS)
def test_a_move_is_in_doubt_as_a_number_where_it_is_as_a_column(move, ratio):
    of_columns = pl.DataFrame({"move": [move], "ratio": [ratio]}).select(
        does_not_follow(pl.col("move"), pl.col("ratio"))
    )
    assert of_columns.item() == is_in_doubt(move, ratio)


def test_not_followed_and_inverted_are_in_doubt_and_news_is_not():
    told = {move: is_in_doubt(move, 1.5) for move in (1.0, 1.05, 1.5, 1.5**2, 1.5**3)}
    assert told == {1.0: False, 1.05: False, 1.5: True, 1.5**2: True, 1.5**3: False}
