"""Many networks of one shape trained at once: their weights get a leading dimension, their products are batched."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from lagsym.neural.examples import Examples
from lagsym.neural.models import Inputs, Net, NetworkLagrangian
from lagsym.neural.models.network import Outputs
from lagsym.neural.operators import Operator
from lagsym.neural.optimizers.batched_soap import BatchedSoap
from lagsym.neural.progress import FitProgress
from lagsym.neural.training import Status, Training


def batched_outputs(model: NetworkLagrangian, parameters: Sequence[Tensor], inputs: Inputs) -> Outputs:
    """What each net's operator gives for K networks, each with samples of its own.

    Arguments:
        model: whose structure and units all of them have; its own weights play no part.
        parameters: (K, ...) each, in the order of `model.network`.
        inputs: (K B, ...), those of one member in a row.

    Returns:
        As `model.outputs` for (K B) samples, so that the model's own methods can be applied to it.
    """
    members, start, results = len(parameters[0]), 0, []
    size = len(inputs) // members
    pieces = [inputs.take(slice(k * size, (k + 1) * size)) for k in range(members)]
    own = [model.arguments(piece) for piece in pieces]
    for position, net in enumerate(model.nets):
        stop = start + net.tensors(model.depth)
        apply = _at_once if net.operator.members else _one_by_one
        results.append(apply(net, parameters[start:stop], [arguments[position] for arguments in own]))
        start = stop
    return results


def _at_once(net: Net, parameters: Sequence[Tensor], arguments: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    x = torch.stack([x for x, _ in arguments])
    directions = arguments[0][1]
    if directions.dim() == 3:
        directions = torch.stack([directions for _, directions in arguments])
    return net.operator(parameters, x, directions).transpose(0, 1).flatten(1, 2)


def _one_by_one(net: Net, parameters: Sequence[Tensor], arguments: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    operator: Operator = net.operator
    mine = zip(*(parameter.unbind() for parameter in parameters), strict=True)
    return torch.cat([operator(list(own), *given) for own, given in zip(mine, arguments, strict=True)], 1)


class BatchedTraining:
    """K runs of SOAP in step; each does what a `Training` by itself would have done.

    A member that is done early (its held-out error is below the tolerance) keeps its parameters of that moment.

    Arguments:
        runs: a training for each member, with SOAP, of one structure, size and number of examples; what they hold
            (history, best parameters, status) is filled in as `Training.run` would.
    """

    def __init__(self, runs: Sequence[Training]) -> None:
        self._runs = list(runs)
        every = zip(*(run.model.network for run in runs), strict=True)
        self.parameters = [torch.stack([one.detach() for one in ones]).requires_grad_() for ones in every]
        self._optimizer = BatchedSoap(self.parameters, runs[0].steps)

    def step(self, examples: Examples) -> list[float]:
        """One step on the examples of all members in a row; each one's mean squared residual before it, or infinity."""
        model, members = self._runs[0].model, len(self._runs)
        outputs = batched_outputs(model, self.parameters, examples.inputs)
        squares = examples.residuals(model, outputs).square().view(members, -1).mean(1)
        norms = self._optimizer.step(torch.autograd.grad(squares.sum(), self.parameters))
        return torch.where(norms.isfinite(), squares.detach(), math.inf).tolist()

    def run(self, progress: Callable[[FitProgress], None] | None = None, until: float = math.inf) -> list[Status]:
        """Take steps until every member is done; leaves the best parameters in the members' models.

        Arguments:
            progress: called after every evaluation, with root mean squares over the members.
            until: when time is up, on the clock of `time.monotonic`.
        """
        examples, steps = self._runs[0].examples, self._runs[0].steps
        for _ in range(steps):
            squares = self.step(examples.take(torch.cat([run.next_batch() for run in self._runs])))
            due = [run.status is None and run.count(squared) for run, squared in zip(self._runs, squares, strict=True)]
            for member in (member for member, now in enumerate(due) if now):
                self._evaluate(member, squares[member], until)
            if any(due) and progress is not None:
                progress(self._progress())
            if all(run.status for run in self._runs):
                break
        return [run.finish() for run in self._runs]

    def _evaluate(self, member: int, squared: float, until: float) -> None:
        run = self._runs[member]
        run.set_parameters([parameter[member].detach() for parameter in self.parameters])
        run.evaluate(math.sqrt(squared), until)

    def _progress(self) -> FitProgress:
        entries = [run.history[-1] for run in self._runs if run.history]
        errors = [[entry.training_error, entry.held_out_error] for entry in entries]
        training, held_out = (
            math.sqrt(sum(e * e for e in column) / len(entries)) for column in zip(*errors, strict=True)
        )
        return FitProgress(max(entry.step for entry in entries), self._runs[0].steps, training, held_out)
