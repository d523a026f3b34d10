"""Samples per second of one training step of a free Lagrangian network: loss and parameter gradients.

Three ways to the same accelerations, for the same weights and samples, in one process and on as many threads:

    lagsym              hand-written forward-over-reverse with a hand-written backward pass
    torch.func          vmap over one sample's hessian and jacobians, then solve
    JAX, as published   jax.hessian, jax.jacobian twice, pinv, jitted: the algorithm of arXiv:2003.04630

Rounds are interleaved and the best time of each is kept, so that a busy machine harms all alike. The accelerations are
compared before anything is timed. Run `python benchmarks/step.py --help` for the options.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

AGREEMENT = 1e-4
STEPS = 5
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
    import numpy as np
    import torch

    torch.set_num_threads(options.threads)
    if hasattr(os, "sched_setaffinity"):  # what a library ignores in its settings, the operating system enforces
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])

    from lagsym.neural.device import keep_freed_memory

    keep_freed_memory()  # as every fit does; it serves all three
    model, arrays = problem(options)
    steps: Steps = {"lagsym": ours(model, arrays), "torch.func": naive(model, arrays)}
    if importlib.util.find_spec("jax"):
        steps["JAX, as published"] = published(model, arrays)
    else:
        print("JAX is not installed; `pip install --group bench` (or `pip install jax`) adds its row.\n")

    accelerations = {name: np.asarray(accelerate()) for name, (accelerate, _) in steps.items()}
    reference = accelerations["lagsym"]
    apart = {
        name: float(np.linalg.norm(a - reference) / np.linalg.norm(reference)) for name, a in accelerations.items()
    }
    if max(apart.values()) > AGREEMENT:
        print(f"accelerations differ by more than {AGREEMENT:g}: {apart}", file=sys.stderr)
        return 1
    best = measure({name: step for name, (_, step) in steps.items()}, options.rounds)
    report(options, best, apart)
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in {"width": 64, "depth": 2, "batch": 1024, "rounds": 30, "threads": 1, "seed": 0}.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"default {default}")
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument("--json", type=Path, help="write the numbers here, too")
    return parser.parse_args()


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
    import torch

    q, v, a = arrays
    parameters = list(model.network)

    def accelerate():
        return model.acceleration(q, v).detach().numpy()

    def step():
        return torch.autograd.grad((model.acceleration(q, v) - a).square().mean(), parameters)

    return accelerate, step


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


def measure(steps: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Best seconds a step of each, over interleaved rounds of STEPS steps in a row, as in training."""
    best = dict.fromkeys(steps, float("inf"))
    for _ in range(2):  # compilation and caches
        for step in steps.values():
            step()
    for _ in range(rounds):
        for name, step in steps.items():
            start = time.perf_counter()
            for _ in range(STEPS):
                step()
            best[name] = min(best[name], (time.perf_counter() - start) / STEPS)
    return best


def report(options: argparse.Namespace, best: dict[str, float], apart: dict[str, float]) -> None:
    fastest = best["lagsym"]
    print(f"{options.depth} x {options.width}, batch {options.batch}, {options.dtype}, {options.threads} thread(s)")
    print(f"{'':18}{'ms/step':>10}{'samples/s':>12}{'lagsym is faster by':>21}{'accelerations differ':>22}")
    for name, seconds in best.items():
        ratio = seconds / fastest
        print(f"{name:18}{seconds * 1e3:10.2f}{options.batch / seconds:12.0f}{ratio:20.2f}x{apart[name]:22.1e}")
    if options.json:
        import torch

        versions = {"python": platform.python_version(), "torch": torch.__version__}
        if "jax" in sys.modules:
            versions["jax"] = sys.modules["jax"].__version__
        settings = {key: value for key, value in vars(options).items() if key != "json"}
        rows = {
            name: {
                "seconds": seconds,
                "samples_per_second": options.batch / seconds,
                "times_lagsym": seconds / fastest,
                "relative_difference": apart[name],
            }
            for name, seconds in best.items()
        }
        content = {"settings": settings, "versions": versions, "machine": platform.machine(), "variants": rows}
        options.json.write_text(json.dumps(content, indent=1))


if __name__ == "__main__":
    sys.exit(main())
