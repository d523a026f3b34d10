"""A Lagrangian network of one's own, trained with plain PyTorch, and the formula in it.

    python examples/distill_own_network.py [FOLDER]

Trains a small network on the accelerations of a pendulum, asks it for its formula, and writes a report to FOLDER (by
default `out`).  lagsym sees the network and the states, but no motion.
"""

import sys

import torch
from torch import nn

import lagsym


class LagrangianNetwork(nn.Module):
    """L = v^2 / 2 + N(sin q, cos q, v): what a user might have written."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 24), nn.Softplus(), nn.Linear(24, 24), nn.Softplus(), nn.Linear(24, 1))

    def forward(self, q: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        features = torch.cat([torch.sin(q), torch.cos(q), v / 4], dim=-1)
        return (v**2 / 2 + self.layers(features)).squeeze(-1)


def accelerations(network: nn.Module, q: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """(dL/dq - d2L/dvdq v) / d2L/dv2, for one coordinate."""
    by_q, by_v = torch.autograd.grad(network(q, v).sum(), (q, v), create_graph=True)
    mixed, mass = torch.autograd.grad(by_v.sum(), (q, v), create_graph=True)
    return (by_q - mixed * v) / mass


def main(folder: str = "out") -> None:
    torch.manual_seed(0)
    q = (4 * torch.rand(800, 1, dtype=torch.float64) - 2).requires_grad_()
    v = (6 * torch.rand(800, 1, dtype=torch.float64) - 3).requires_grad_()
    network = LagrangianNetwork().double()
    optimiser = torch.optim.LBFGS(network.parameters(), max_iter=300, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        value = ((accelerations(network, q, v) + 9.81 * torch.sin(q)) ** 2).mean()
        value.backward()
        return value

    optimiser.step(loss)
    print("Mean square error of the training:", f"{float(loss().detach()):.2g}")

    states = (q.detach().numpy(), v.detach().numpy())
    found = lagsym.distill(network, states, coordinates=("theta",), angles=("theta",))
    print(found.law.status, found.law.numeric_lagrangian)
    if found.faithfulness is not None:
        print("Relative error to the network:", {k: f"{x:.2g}" for k, x in found.faithfulness.quantiles.items()})
    print("Report:", lagsym.write_report(found.law, None, folder, error_map=found.error_map))


if __name__ == "__main__":
    main(*sys.argv[1:])
