"""The p-value as an alarm, and a rule with a floor on the effect (lesson 7.5).

Pairs of samples: a reference and one that came from the same law, was shifted by 0.2 standard deviations and
spread by 1.1, or was shifted by 0.005. Measured on eight seeds for each number of rows: how often Kolmogorov
and Smirnov's test alarms at 0.05, the median distance, and how often a rule alarms that asks for 2,000 rows,
then a distance of at least 0.06, then p below 0.001. It takes about 5 minutes.
"""

from pathlib import Path

import numpy as np
from scipy.stats import kstwo
from shared.script import command, save

OUTPUT = Path(__file__).with_suffix(".csv")
LAWS = {"none": (0.0, 1.0), "0.005 sd": (0.005, 1.0), "0.2 sd, spread 1.1": (0.2, 1.1)}
DRAWS = {200: 400, 1_000: 400, 2_000: 400, 10_000: 200, 1_000_000: 20}
ROWS, FLOOR, LEVEL = 2_000, 0.06, 0.001


def distance(first, second):
    """Largest distance of the two empirical distribution functions, of sorted samples without ties."""
    n = len(first)
    ranks = np.searchsorted(second, first)
    steps = np.arange(n)
    return max(np.max((steps + 1) / n - ranks / n), np.max(ranks / n - steps / n))


def main(repeats: int = 8, output: Path = OUTPUT, most: int = 1_000_000):
    found = []
    for seed in range(repeats):
        for law, (shift, spread) in LAWS.items():
            for rows, draws in DRAWS.items():
                if rows > most:
                    continue
                rng = np.random.default_rng([seed, rows, *law.encode()])
                distances = np.array(
                    [
                        distance(np.sort(rng.normal(size=rows)), np.sort(rng.normal(shift, spread, rows)))
                        for _ in range(draws)
                    ]
                )
                p = kstwo.sf(distances, round(rows / 2))  # as scipy.stats.ks_2samp(method="asymp")
                rule = (rows >= ROWS) & (distances >= FLOOR) & (p < LEVEL)
                found.append(
                    {
                        "seed": seed,
                        "shift": law,
                        "rows_each": str(rows),
                        "alarms_by_p": np.mean(p < 0.05),
                        "alarms_by_rule": np.mean(rule),
                        "median_distance": np.median(distances),
                    }
                )
    return save(found, output)


if __name__ == "__main__":
    command(main)
