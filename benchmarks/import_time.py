"""How long ``import maxmargin`` takes beside ``import sklearn.linear_model``: whole processes, in turn.

Prints the median of each and the median of the ratios pair by pair.
"""

import statistics
import subprocess
import sys
import time

RUNS = 15


def seconds(statement: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - began


def main() -> None:
    statements = {
        "import maxmargin": "import maxmargin",
        "import maxmargin.linear": "import maxmargin.linear",
        "import sklearn.linear_model": "import sklearn.linear_model",
    }
    for statement in statements.values():
        seconds(statement)
    times = [{name: seconds(statement) for name, statement in statements.items()} for _ in range(RUNS)]
    for name in statements:
        ratios = [run[name] / run["import sklearn.linear_model"] for run in times]
        median = statistics.median(run[name] for run in times)
        print(f"{name:30} {median:6.3f} s   ratio {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
