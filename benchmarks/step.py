"""Samples per second of one training step of a free Lagrangian network: loss and parameter gradients.

Four ways to the same accelerations, for the same weights and samples, in one process and on as many threads:

    lagsym              hand-written forward-over-reverse with a hand-written backward pass
    torch.func          vmap over one sample's hessian and jacobians, then solve
    JAX, as published   jax.hessian, jax.jacobian twice, pinv, jitted: the algorithm of arXiv:2003.04630
    JAX, at its best    gradient, then jvp of the gradient along the velocities, batched by hand, jitted

and, for what it costs, a plain perceptron of the same size that learns accelerations: forward and backward.

Rounds are interleaved and the least CPU time of each is kept, so that a busy machine harms all alike. The
accelerations are compared before anything is timed. Run `python benchmarks/step.py --help` for the options.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

AGREEMENT = 1e-4
STEPS = 5
LONG = 0.05
"""Seconds of a step that need no others before it to find its caches as in training."""
CASES = ((2, 64, 256), (2, 64, 1024), (3, 500, 256), (3, 500, 1024))
"""Depth, width and batch of what `--table` runs."""

RESULTS = Path(__file__).parent / "results" / "step.md"
"""Where `--table` leaves what it saw."""

PLAIN = "plain perceptron"
Steps = dict[str, tuple[Callable[[], object], Callable[[], object]]]


def main() -> int:
    options = parse()
    # Both libraries read these when they are imported, so imports come after.
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(options.threads)
    os.environ["JAX_PLATFORMS"] = "cpu"
    eigen = str(options.threads > 1).lower()
    os.environ["XLA_FLAGS"] = (
        f"--xla_cpu_multi_thread_eigen={eigen} intra_op_parallelism_threads={options.threads} "
        f"--xla_force_host_platform_device_count=1"
    )
    import torch

    torch.set_num_threads(options.threads)
    if hasattr(os, "sched_setaffinity"):  # what a library ignores in its settings, the operating system enforces
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])

    from lagsym.neural.device import keep_freed_memory

    keep_freed_memory()  # as every fit does; it serves all
    if not importlib.util.find_spec("jax"):
        print("JAX is not installed; `pip install --group bench` (or `pip install jax`) adds its rows.\n")
    cases = [case(options, *sizes) for sizes in CASES] if options.table else [options]
    results = [compare(one) for one in cases]
    if any(result is None for result in results):
        return 1
    if options.table:
        complete = [result for result in results if result]
        print(report_table(complete))
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(report_file(complete), encoding="utf-8")
    if options.json:
        options.json.write_text(json.dumps(results if options.table else results[0], indent=1))
    return 0


def case(options: argparse.Namespace, depth: int, width: int, batch: int) -> argparse.Namespace:
    return argparse.Namespace(**{**vars(options), "depth": depth, "width": width, "batch": batch})


def compare(options: argparse.Namespace) -> dict | None:
    """Time one case and report it; None where the accelerations do not agree."""
    import numpy as np

    model, arrays = problem(options)
    steps: Steps = {"lagsym": ours(model, arrays), "torch.func": naive(model, arrays)}
    if importlib.util.find_spec("jax"):
        steps |= {"JAX, as published": published(model, arrays), "JAX, at its best": best_in_jax(model, arrays)}
    accelerations = {name: np.asarray(accelerate()) for name, (accelerate, _) in steps.items()}
    reference = accelerations["lagsym"]
    apart = {
        name: float(np.linalg.norm(a - reference) / np.linalg.norm(reference)) for name, a in accelerations.items()
    }
    if max(apart.values()) > AGREEMENT:
        print(f"accelerations differ by more than {AGREEMENT:g}: {apart}", file=sys.stderr)
        return None
    timed = {name: step for name, (_, step) in steps.items()} | {PLAIN: plain(options, arrays)}
    best = measure(timed, options.rounds)
    report(options, best, apart)
    return record(options, best, apart)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in {"width": 64, "depth": 2, "batch": 1024, "rounds": 30, "threads": 1, "seed": 0}.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"default {default}")
    parser.add_argument("--network", type=network, help="depth x width at once, as 3x500")
    parser.add_argument("--table", action="store_true", help="run the main cases and write results/step.md")
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument("--json", type=Path, help="write the numbers here, too")
    options = parser.parse_args()
    if options.network:
        options.depth, options.width = options.network
    return options


def network(text: str) -> tuple[int, int]:
    depth, width = text.split("x")
    return int(depth), int(width)


def problem(options: argparse.Namespace):
    """A free network of two coordinates in units of one, and q, v and accelerations to match."""
    import torch

    from lagsym.neural import FreeLagrangian, Scaling

    dtype = getattr(torch, options.dtype)
    model = FreeLagrangian(Scaling.unit(2), width=options.width, depth=options.depth, seed=options.seed, dtype=dtype)
    generator = torch.Generator().manual_seed(options.seed)
    q, v, a = torch.rand(3, options.batch, 2, generator=generator, dtype=dtype)
    return model, (q * 6.28, v * 2 - 1, a)


def ours(model, arrays):
    """As a fit takes it: samples are put into the network's units once, here of size one, and not at every step."""
    from lagsym.neural.examples import AccelerationExamples
    from lagsym.neural.sweeps import mean_square_and_gradient

    q, v, a = arrays
    examples = AccelerationExamples(model.inputs(q, v), a, a.new_ones(a.shape[1]))

    def accelerate():
        return model.acceleration(q, v).detach().numpy()

    return accelerate, lambda: mean_square_and_gradient(model, examples)


def plain(options: argparse.Namespace, arrays) -> Callable[[], object]:
    """Forward and backward of a perceptron of the same size from (q, v) to accelerations."""
    import torch

    q, v, a = arrays
    sizes = [4, *[options.width] * options.depth, 2]
    layers = [torch.nn.Linear(into, out, dtype=q.dtype) for into, out in itertools.pairwise(sizes)]
    between = [module for layer in layers for module in (layer, torch.nn.Softplus())][:-1]
    perceptron, x = torch.nn.Sequential(*between), torch.cat([q, v], 1)
    parameters = list(perceptron.parameters())
    return lambda: torch.autograd.grad((perceptron(x) - a).square().mean(), parameters)


def naive(model, arrays):
    """What one writes first: everything for one sample, then vmap."""
    import torch
    from torch.func import grad, hessian, jacrev, vmap
    from torch.nn.functional import linear, softplus

    q, v, a = arrays
    parameters = list(model.network)

    def lagrangian(q, v):
        x = torch.cat([q, v])
        for weight, bias in zip(parameters[0:-1:2], parameters[1::2], strict=True):
            x = softplus(linear(x, weight, bias))
        return linear(x, parameters[-1]).squeeze(-1) + 0.5 * (v * v).sum()

    def acceleration(q, v):
        mass = hessian(lagrangian, 1)(q, v)
        mixed = jacrev(jacrev(lagrangian, 1), 0)(q, v)
        return torch.linalg.solve(mass, grad(lagrangian, 0)(q, v) - mixed @ v)

    def accelerate():
        return vmap(acceleration)(q, v).detach().numpy()

    def step():
        return torch.autograd.grad((vmap(acceleration)(q, v) - a).square().mean(), parameters)

    return accelerate, step


def published(model, arrays):
    """The published formula, with the same anchor in the Lagrangian as the others."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", arrays[0].numpy().dtype == "float64")
    q, v, a = (jnp.asarray(array.numpy()) for array in arrays)
    parameters = [jnp.asarray(parameter.detach().numpy()) for parameter in model.network]

    def lagrangian(parameters, q, v):
        x = jnp.concatenate([q, v])
        for weight, bias in zip(parameters[0:-1:2], parameters[1::2], strict=True):
            x = jax.nn.softplus(weight @ x + bias)
        return (parameters[-1] @ x).squeeze(-1) + 0.5 * (v * v).sum()

    def acceleration(parameters, q, v):
        q = q % (2 * jnp.pi)
        inverse = jnp.linalg.pinv(jax.hessian(lagrangian, 2)(parameters, q, v))
        mixed = jax.jacobian(jax.jacobian(lagrangian, 2), 1)(parameters, q, v)
        return inverse @ (jax.grad(lagrangian, 1)(parameters, q, v) - mixed @ v)

    batched = jax.jit(jax.vmap(acceleration, (None, 0, 0)))
    gradient = jax.jit(jax.grad(lambda parameters: ((batched(parameters, q, v) - a) ** 2).mean()))
    return lambda: batched(parameters, q, v), lambda: jax.block_until_ready(gradient(parameters))


def best_in_jax(model, arrays):
    """Forward-over-reverse, batched by hand: what a careful user of JAX writes."""
    import jax
    import jax.numpy as jnp

    q, v, a = (jnp.asarray(array.numpy()) for array in arrays)
    parameters = [jnp.asarray(parameter.detach().numpy()) for parameter in model.network]

    def total(q, v, parameters):
        x = jnp.concatenate([q, v], 1)
        for weight, bias in zip(parameters[0:-1:2], parameters[1::2], strict=True):
            x = jax.nn.softplus(x @ weight.T + bias)
        return (x @ parameters[-1].T).sum() + 0.5 * (v * v).sum()

    def acceleration(parameters):
        def gradient(q, v):
            return jax.grad(total, (0, 1))(q, v, parameters)

        def along(direction):
            return jax.jvp(gradient, (q, v), (jnp.zeros_like(q), jnp.broadcast_to(direction, v.shape)))

        (by_q, _), (mixed, mass) = jax.vmap(along, out_axes=((None, None), (1, 1)))(jnp.eye(2, dtype=v.dtype))
        f, m = by_q - jnp.einsum("bij,bj->bi", mixed, v), mass
        determinant = m[:, 0, 0] * m[:, 1, 1] - m[:, 0, 1] * m[:, 1, 0]
        first = m[:, 1, 1] * f[:, 0] - m[:, 0, 1] * f[:, 1]
        second = m[:, 0, 0] * f[:, 1] - m[:, 1, 0] * f[:, 0]
        return jnp.stack([first, second], 1) / determinant[:, None]

    value = jax.jit(acceleration)
    gradient = jax.jit(jax.grad(lambda parameters: ((acceleration(parameters) - a) ** 2).mean()))
    return lambda: value(parameters), lambda: jax.block_until_ready(gradient(parameters))


def measure(steps: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Least CPU seconds a step of each, over interleaved rounds of STEPS steps in a row (one where steps are long).

    CPU time of all threads, and the best single step, so that other programs on the machine count as little as can be.
    """
    best = dict.fromkeys(steps, float("inf"))
    for _ in range(2):  # compilation and caches
        for step in steps.values():
            step()
    for _ in range(rounds):
        for name, step in steps.items():
            for _ in range(STEPS if best[name] < LONG else 1):
                start = time.process_time()
                step()
                best[name] = min(best[name], time.process_time() - start)
    return best


def report(options: argparse.Namespace, best: dict[str, float], apart: dict[str, float]) -> None:
    fastest = best["lagsym"]
    print(f"{options.depth} x {options.width}, batch {options.batch}, {options.dtype}, {options.threads} thread(s)")
    print(f"{'':18}{'ms/step':>10}{'samples/s':>12}{'lagsym is faster by':>21}{'accelerations differ':>22}")
    for name, seconds in best.items():
        differ = f"{apart[name]:22.1e}" if name in apart else ""
        print(f"{name:18}{seconds * 1e3:10.2f}{options.batch / seconds:12.0f}{seconds / fastest:20.2f}x{differ}")
    print(f"lagsym costs {fastest / best[PLAIN]:.1f} plain perceptrons; its matrix products alone, 4.7\n", flush=True)


def report_table(results: list[dict]) -> str:
    names = [name for name in results[0]["variants"] if name != "lagsym"]
    lines = ["| network | batch | lagsym, samples/s |" + "".join(f" than {name} |" for name in names)]
    lines.append("|---|---|---|" + "---|" * len(names))
    for result in results:
        settings, rows = result["settings"], result["variants"]
        size = f"{settings['depth']} × {settings['width']}"
        speed = f"{rows['lagsym']['samples_per_second']:,.0f}"
        ratios = "".join(f" {rows[name]['times_lagsym']:.2f} |" for name in names)
        lines.append(f"| {size} | {settings['batch']} | {speed} |{ratios}")
    return "\n".join(lines)


def report_file(results: list[dict]) -> str:
    """The table with what it was measured with, for benchmarks/results/."""
    settings, versions = results[0]["settings"], results[0]["versions"]
    told = ", ".join(f"{name} {version}" for name, version in versions.items())
    load = ", ".join(f"{one:.0f}" for one in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown"
    return "\n".join(
        [
            "# One training step",
            "",
            f"Written by `python benchmarks/step.py --table --rounds {settings['rounds']}` at {revision()}, {told}, on",
            f"{platform.machine()} with {settings['threads']} thread(s), {settings['dtype']}; load averages {load}.",
            "How many times the CPU time of lagsym's step the others take:",
            "",
            report_table(results),
            "",
        ]
    )


def revision() -> str:
    """The commit of this checkout, and whether its files differ from it."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        commit = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
        changed = subprocess.run([*git, "status", "--porcelain", "-uno"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "an unknown revision"
    return f"revision {commit.stdout.strip()}" + (" with changes" if changed.stdout.strip() else "")


def record(options: argparse.Namespace, best: dict[str, float], apart: dict[str, float]) -> dict:
    import torch

    versions = {"python": platform.python_version(), "torch": torch.__version__}
    if "jax" in sys.modules:
        versions["jax"] = sys.modules["jax"].__version__
    settings = {key: value for key, value in vars(options).items() if key not in ("json", "network", "table")}
    rows = {
        name: {
            "seconds": seconds,
            "samples_per_second": options.batch / seconds,
            "times_lagsym": seconds / best["lagsym"],
            "relative_difference": apart.get(name),
        }
        for name, seconds in best.items()
    }
    return {"settings": settings, "versions": versions, "machine": platform.machine(), "variants": rows}


if __name__ == "__main__":
    sys.exit(main())
