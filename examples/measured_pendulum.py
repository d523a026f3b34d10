"""A measured pendulum: the law, and friction with its significance.

    LAGSYM_REAL_DATA=FOLDER python examples/measured_pendulum.py

Reads `real_pendulum.csv` (columns t, theta, theta_dot) from the folder; without one it says so and stops.
"""

import os
import sys
from pathlib import Path

import lagsym


def main() -> None:
    folder = os.environ.get("LAGSYM_REAL_DATA")
    if not folder:
        sys.exit("LAGSYM_REAL_DATA names no folder of measurements; set it to the one that holds real_pendulum.csv")
    motion = lagsym.read_table(Path(folder) / "real_pendulum.csv", lagsym.Columns(angles=("theta",)))
    law = lagsym.discover(motion, options=lagsym.DiscoveryOptions(lagsym.ChoiceOptions(evidence="data"))).law
    print("L =", law.numeric_lagrangian)
    print("D =", law.numeric_dissipation)
    print("Friction:", law.tests["friction"]["significance"], "standard errors from none")


if __name__ == "__main__":
    main()
