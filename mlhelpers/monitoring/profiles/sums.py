"""Sums of floating-point values without rounding, so that they do not depend on the order of the rows.

Taught in lesson 9.1 (data drift and model drift).
"""

from __future__ import annotations

import numpy as np

__all__ = ["UNIT", "exact_sum", "ratio"]

UNIT = 1074  # exact sums are whole multiples of 2**-1074, the smallest double
_WINDOW = 36  # bits added up at a time: 2**16 rows of 2**36 stay below 2**53, so each addition is exact


def exact_sum(rest: np.ndarray) -> int:
    """Sum of 1 to 2**16 finite values below 2**1000 as a multiple of 2**-1074; `rest` is used up.

    Rounds all values to one window of bits at a time: sums within a window have no rounding error.
    """
    total, part = 0, np.empty_like(rest)
    top = int(np.frexp(max(rest.max(), -rest.min()))[1])
    while len(rest):
        lowest = max(top - _WINDOW, -UNIT)
        part = part[: len(rest)]
        shift = 1.5 * 2.0 ** (lowest + 52)
        np.add(rest, shift, out=part)
        part -= shift
        numerator, denominator = float(part.sum()).as_integer_ratio()
        total += numerator << (UNIT - denominator.bit_length() + 1)
        rest -= part
        left = np.count_nonzero(rest)
        if 2 * left < len(rest):
            rest = rest[rest != 0]
        top = lowest
    return total


def ratio(total: int, n: int, unit: int = UNIT) -> float:
    """Return ``total`` units of 2**-unit over `n`, rounded once; NaN for n = 0."""
    return total / (n << unit) if n else np.nan
