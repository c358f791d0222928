"""Fail if a table breaks the contract."""

import sys
from pathlib import Path

import pandas as pd
from mlhelpers.data.contracts import load_contracts

contract = load_contracts("contract.yml")["customers"]
for path in map(Path, sys.argv[1:]):
    problems = contract.failures(pd.read_csv(path))
    if len(problems):
        sys.exit(f"{path}: {len(problems)} problems\n{problems.head(5).to_string(index=False)}")
    print(f"{path}: keeps the contract")
