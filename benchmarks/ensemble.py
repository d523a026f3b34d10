"""Cost of training K members at once, in runs of one network: a step of each, interleaved in one process.

A step is what training does: a batch for each member, loss, gradients, SOAP. `single` is `Training`'s step of one
network; `K at once` is `BatchedTraining`'s of K networks. K times the first against the second is what batching saves.
Run `python benchmarks/ensemble.py --help` for the options.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

STEPS = 20
"""In a row, twice SOAP's interval between changes of basis."""


def main() -> int:
    options = parse()
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(options.threads)
    import torch

    from lagsym.neural.device import keep_freed_memory, resolve_device

    torch.set_num_threads(options.threads)
    keep_freed_memory()
    device = resolve_device(options.device)
    print(f"{options.members} members, {options.structure}, float32, SOAP, {device.type}, {options.threads} thread(s)")
    print(f"{'network':>8}{'batch':>7}{'single, ms':>12}{'at once, ms':>13}{'in single runs':>16}")
    rows = []
    for depth, width in options.network:
        for batch in options.batch:
            single, together = measure(options, device, (depth, width), batch)
            rows.append({"depth": depth, "width": width, "batch": batch, "single": single, "at_once": together})
            size = f"{depth}x{width}"
            print(f"{size:>8}{batch:7}{single * 1e3:12.2f}{together * 1e3:13.2f}{together / single:16.2f}", flush=True)
    if options.json:
        settings = {"members": options.members, "structure": options.structure, "device": device.type}
        options.json.write_text(json.dumps({"settings": settings, "rows": rows}, indent=1))
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in {"members": 8, "rounds": 20, "threads": 1}.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"default {default}")
    parser.add_argument("--network", type=network, nargs="+", default=[(2, 32), (2, 64)], help="default 2x32 2x64")
    parser.add_argument("--batch", type=int, nargs="+", default=[64, 256], help="default 64 256")
    parser.add_argument("--structure", default="free", help="default free")
    parser.add_argument("--device", default="auto", help="default auto")
    parser.add_argument("--json", type=Path, help="write the numbers here, too")
    return parser.parse_args()


def network(text: str) -> tuple[int, int]:
    depth, width = text.split("x")
    return int(depth), int(width)


def measure(options: argparse.Namespace, device, size: tuple[int, int], batch: int) -> tuple[float, float]:
    """Best seconds a step of one network and of all, over interleaved rounds."""
    import torch

    from lagsym.neural.batched import BatchedTraining

    runs = trainings(options, device, size, batch)
    alone = trainings(options, device, size, batch)[0]
    batched, examples = BatchedTraining(runs), runs[0].examples

    def together() -> None:
        batched.step(examples.take(torch.cat([run.next_batch() for run in runs])))

    def single() -> None:
        alone.optimizer.step(alone.examples.take(alone.next_batch()))

    best = {single: float("inf"), together: float("inf")}
    for _ in range(options.rounds):
        for step in best:
            best[step] = min(best[step], seconds_of(step, device))
    return best[single], best[together]


def seconds_of(step: Callable[[], None], device) -> float:
    import torch

    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    wait()
    start = time.perf_counter()
    for _ in range(STEPS):
        step()
    wait()
    return (time.perf_counter() - start) / STEPS


def trainings(options: argparse.Namespace, device, size: tuple[int, int], batch: int) -> list:
    """Runs as they begin, with the same jets of two coordinates."""
    import numpy as np
    import torch

    from lagsym.data.jets import Jets
    from lagsym.neural import FitOptions
    from lagsym.neural.fitting import begin

    random = np.random.default_rng(0)
    q, v, a = random.normal(size=(3, 4096, 2))
    jets = Jets.of_particle(np.zeros(len(q)), q, v, a)
    depth, width = size
    how = FitOptions(structure=options.structure, depth=depth, width=width, optimizer="soap")
    torch.manual_seed(0)
    runs = [begin(jets, jets, (), how, seed, device.type).training() for seed in range(options.members)]
    for run in runs:
        run.batch = batch
    return runs


if __name__ == "__main__":
    sys.exit(main())
