"""From simulated motion to a verified law, stage by stage.

    python examples/double_pendulum.py [FOLDER]

Writes a report to FOLDER (by default `out`) and prints the law and the verdict.
"""

import sys

import lagsym


def main(folder: str = "out") -> None:
    system = lagsym.systems.get("double_pendulum")
    motion = lagsym.simulate(system, trajectories=10, noise=1e-3, seed=1)

    # Choosing terms by the data alone takes seconds; leave the options out to train a network as well.
    options = lagsym.DiscoveryOptions(lagsym.ChoiceOptions(evidence="data"))
    found = lagsym.discover(motion, options=options)

    print(found.law.numeric_lagrangian)
    for constant in found.law.constants:
        print(f"{constant.name} = {constant.value:.5g} ± {constant.standard_error:.1g}")
    print(lagsym.verify_law(found.law, system))
    print("Report:", lagsym.write_report(found.law, found.validation, folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
