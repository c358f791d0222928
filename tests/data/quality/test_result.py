from __future__ import annotations

import pandas as pd

from mlhelpers.data.quality import assessment as quality
from mlhelpers.data.quality import (
    quality_report,
)


def test_listed_rows_are_capped_and_totals_are_not(orders):
    result = quality_report(orders, max_rows=1)
    rows = result.failing_rows("completeness")
    assert rows["row"].tolist() == [4, 3, 4]
    everything = quality_report(pd.concat([orders] * 3), max_rows=2).failing_rows("completeness")
    assert everything.groupby("check", sort=False)["total"].first().tolist() == [3, 3, 3]
    assert len(everything) == 6


def test_failing_rows_of_a_perfect_table_are_none():
    result = quality_report(pd.DataFrame({"x": [1, 2, 3]}))
    assert result.failing_rows().empty
    assert "3 rows x 1 columns" in str(result)


def test_report_shows_itself_as_text_and_html(orders):
    odd = orders.rename(columns={"amount": "<amount>"})
    result = quality_report(odd, key="order")
    page = result._repr_html_()
    assert repr(result) == str(result)
    assert "&lt;amount&gt;" in page
    assert "<amount>" not in page
    assert page == quality_report(odd, key="order")._repr_html_()
    for name in quality.DIMENSIONS:
        assert name in str(result)
        assert name in page
    many = quality_report(pd.concat([odd] * 10), key="order")._repr_html_()
    assert "in all)" in many
