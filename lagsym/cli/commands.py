"""The command line.

Exit codes: 0 done; 1 unexpected error; 2 bad usage or bad data; 3 no Lagrangian explains the data; 4 the verdict is
`different`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from lagsym.cli.results import DATA, DIFFERENT, finish
from lagsym.cli.words import evidence_of, names, numbers, units_of
from lagsym.errors import InputError, LagsymError

if TYPE_CHECKING:
    from lagsym.mechanics.system import System

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="From trajectories to a Lagrangian that a person can read, check and cite.",
)

BAD_INPUT = 2
INTERRUPTED = 130
"""What shells make of SIGINT."""
LANGUAGES = "numpy, torch, c, julia, modelica or script"

Output = Annotated[
    Path, typer.Option("--output", "-o", help="Folder for the result: empty, or an earlier result of ours.")
]
Seed = Annotated[int, typer.Option(help="Seed of every draw.", min=0)]
Noise = Annotated[
    float,
    typer.Option(help="Standard deviation of the noise over that of each column; an angle's is one radian at most."),
]
PositionsOnly = Annotated[bool, typer.Option("--positions-only", help="Withhold velocities, as a camera does.")]
Json = Annotated[bool, typer.Option("--json", help="Print law.json to standard output and nothing else.")]
Evidence = Annotated[str, typer.Option(help="auto, both, data or network: what terms are chosen by.")]
NoNetwork = Annotated[bool, typer.Option("--no-network", help="Train no network, as --evidence data does.")]
EngineName = Annotated[str, typer.Option("--engine", help="auto, sparse, operon or pysr: where terms come from.")]
Structure = Annotated[
    str,
    typer.Option(
        help="auto, natural, gyroscopic, separable or free; 'weighted length' of shapes; of fields natural, evolution "
        "or free."
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps: where the network is trained.")]
Budget = Annotated[float | None, typer.Option(help="Cap on the seconds of training and of each engine's search.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with what was cut off, with the options it had.")]


def main() -> None:
    """Run the command line; what the user can mend is one sentence, not a traceback."""
    try:
        app()
    except LagsymError as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"lagsym: {error}", markup=False)
        sys.exit(BAD_INPUT)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            typer.echo(f"lagsym: interrupted; earlier results are as they were{_to_go_on()}", err=True)
        raise


def _to_go_on() -> str:
    resumed = {"discover", "run"} & set(sys.argv[1:2])
    return ", and a training that had begun goes on with --resume and the same options" if resumed else ""


@app.command()
def systems() -> None:
    """List the catalogue of systems."""
    from lagsym.systems import catalogue

    for name, system in catalogue().items():
        base = "" if len(system.space.base) == 1 else f" over {', '.join(system.space.base)}"
        typer.echo(f"{name:26} {', '.join(system.space.fields) + base:22} {system.title}")


@app.command()
def derive(
    system: Annotated[
        str, typer.Argument(help="A catalogue system, a family also with its size: 'toda_chain(6)'.")
    ] = "",
    lagrangian: Annotated[str, typer.Option(help="A Lagrangian of one's own in place of a system's.")] = "",
    coordinates: Annotated[str, typer.Option(help="Its coordinates or fields; other names are parameters.")] = "",
    base: Annotated[str, typer.Option(help="What it runs over, time first: 't', or 't,x' for a field.")] = "t",
    parameters: Annotated[str, typer.Option(help="Values for --code, as m=1,g=9.81; 1 where none is given.")] = "",
    latex: Annotated[bool, typer.Option("--latex", help="Print a LaTeX document in place of text.")] = False,
    language: Annotated[str, typer.Option("--code", help=f"Print source text instead: {LANGUAGES}.")] = "",
) -> None:
    """Derive what follows from a system's Lagrangian: equations, momenta, energy, symmetries."""
    from lagsym.mechanics.codegen import generate
    from lagsym.mechanics.notation.derivation import derivation_text
    from lagsym.mechanics.notation.document import derivation_tex
    from lagsym.systems import get

    if bool(system) == bool(lagrangian):
        msg = "expected either a SYSTEM of the catalogue or --lagrangian with --coordinates, to know what to derive"
        raise InputError(msg)
    given = get(system) if system else _own_system(lagrangian, names(coordinates), names(base))
    entry = given.with_parameters(numbers(parameters))
    if latex and language:
        msg = "expected either --latex or --code, got both"
        raise InputError(msg)
    if language:
        values = {symbol: float(value) for symbol, value in entry.values.items()}
        options = {"name": entry.name, "dissipation": entry.dissipation, "forces": entry.forces, "constants": values}
        typer.echo(generate(entry.lagrangian, entry.space, language, **options), nl=False)
    elif latex:
        typer.echo(derivation_tex(entry), nl=False)
    else:
        typer.echo(derivation_text(entry))
        if entry.source:
            typer.echo(f"\nSource\n  {entry.source}")


@app.command()
def code(
    law: Annotated[Path, typer.Argument(help="A law.json, or the result folder that holds one.")],
    language: Annotated[str, typer.Option(help=f"{LANGUAGES}.")] = "numpy",
    name: Annotated[str, typer.Option(help="What the functions or the model are called after.")] = "law",
) -> None:
    """Print a law as source text of another language."""
    from lagsym.law.file import read_law

    typer.echo(read_law(law).code(language, name=name), nl=False)


@app.command()
def simulate(
    system: str,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="File to write: .csv, or .nc, .zarr, .npz for fields.")
    ],
    noise: Noise = 0.0,
    trajectories: Annotated[int | None, typer.Option(help="How many trajectories; 20, or 6 runs of a field.")] = None,
    fixed_ends: Annotated[
        bool, typer.Option("--fixed-ends", help="Hold a field's ends; else space is periodic.")
    ] = False,
    positions_only: PositionsOnly = False,
    seed: Seed = 0,
    draw: Annotated[bool, typer.Option("--draw", help="Draw the parameters at random, by the seed.")] = False,
) -> None:
    """Simulate a catalogue system and write its trajectories as CSV, or a field's snapshots as NetCDF, Zarr or npz."""
    from dataclasses import replace

    from lagsym.data.lattice import Lattice
    from lagsym.data.writing import check_ending, write_motion
    from lagsym.simulation import draw_parameters
    from lagsym.simulation import simulate as integrate
    from lagsym.systems import get

    entry = draw_parameters(get(system), seed) if draw else get(system)
    check_ending(entry, output)
    region = replace(entry.region, periodic=False) if fixed_ends else None
    motion = integrate(entry, noise=noise, trajectories=trajectories, seed=seed, region=region)
    write_motion(motion.positions_only() if positions_only else motion, output)
    parameters = ", ".join(f"{key} = {value:g}" for key, value in entry.parameters.items())
    kind = "runs" if isinstance(motion, Lattice) else "trajectories"
    typer.echo(f"{output}: {len(motion.names)} {kind} of {system} with {parameters}")


@app.command()
def discover(
    data: Annotated[
        Path, typer.Argument(help="CSV or Parquet table of measured motion; NetCDF, Zarr or npz file of fields.")
    ],
    output: Output,
    coordinates: Annotated[str, typer.Option(help="Columns or fields that are coordinates; all by default.")] = "",
    angles: Annotated[str, typer.Option(help="Coordinates in radians with period 2 pi.")] = "",
    ignore: Annotated[str, typer.Option(help="Columns to leave out.")] = "",
    parameters: Annotated[str, typer.Option(help="Columns that hold a parameter, the same in every row.")] = "",
    define: Annotated[list[str] | None, typer.Option(help="A new coordinate, as 'name=formula'.")] = None,
    units: Annotated[str, typer.Option(help="Units of t, coordinates, forces, as t=s,theta=rad,x=m.")] = "",
    drop_missing: Annotated[bool, typer.Option("--drop-missing", help="Drop rows with missing numbers.")] = False,
    periodic: Annotated[str | None, typer.Option(help="Directions of space that close; '' for fixed ends.")] = None,
    evidence: Evidence = "auto",
    no_network: NoNetwork = False,
    engine: EngineName = "auto",
    structure: Structure = "auto",
    terms: Annotated[str, typer.Option(help="Further candidate terms, separated by commas.")] = "",
    known: Annotated[str, typer.Option(help="A part of the Lagrangian that is known; it sets the scale.")] = "",
    reference: Annotated[str, typer.Option(help="A Lagrangian with numbers to compare the law with.")] = "",
    seed: Seed = 0,
    device: Device = "auto",
    budget: Budget = None,
    resume: Resume = False,
    as_json: Json = False,
) -> None:
    """Find the Lagrangian that moves one's own data."""
    from lagsym.cli.reading import read_motion, space_of
    from lagsym.data.tables import Columns
    from lagsym.discovery import DiscoveryOptions
    from lagsym.distillation.options import ChoiceOptions
    from lagsym.mechanics.notation.parsing import parse
    from lagsym.mechanics.system import System

    columns = Columns(
        names(coordinates),
        names(angles),
        names(ignore),
        names(parameters),
        tuple(define or ()),
        drop_missing,
        units_of(units),
    )
    motion = read_motion(data, columns, None if periodic is None else names(periodic))
    space = space_of(motion)
    choice = ChoiceOptions(
        evidence_of(evidence, no_network=no_network),
        engine,
        structure,
        terms=tuple(parse(term, space.names) for term in names(terms)),
        known=parse(known, space.names) if known else None,
    )
    options = DiscoveryOptions(choice, seed=seed, device=device, budget=budget)
    wanted = System("reference", space, parse(reference, space.names)) if reference else None
    finish(motion, options, wanted, output, resume=resume, as_json=as_json)


@app.command()
def run(
    system: str,
    output: Output,
    noise: Noise = 0.0,
    trajectories: Annotated[int | None, typer.Option(help="How many to simulate; 20, or 6 runs of a field.")] = None,
    positions_only: PositionsOnly = False,
    evidence: Evidence = "auto",
    no_network: NoNetwork = False,
    engine: EngineName = "auto",
    structure: Structure = "auto",
    seed: Seed = 0,
    device: Device = "auto",
    budget: Budget = None,
    resume: Resume = False,
    as_json: Json = False,
) -> None:
    """Simulate a catalogue system with random parameters, discover its law from the file of data, verify it."""
    from lagsym.cli.reading import read_motion
    from lagsym.data.tables import Columns
    from lagsym.data.writing import write_motion
    from lagsym.discovery import DiscoveryOptions
    from lagsym.distillation.options import ChoiceOptions
    from lagsym.simulation import draw_parameters
    from lagsym.simulation import simulate as integrate
    from lagsym.systems import get

    choice = ChoiceOptions(evidence_of(evidence, no_network=no_network), engine, structure)
    options = DiscoveryOptions(choice, seed=seed, device=device, budget=budget)
    entry = draw_parameters(get(system), seed)
    with tempfile.TemporaryDirectory() as folder:
        # All that crosses over to the discovery is this file: coordinates, velocities and which of them are angles.
        file = Path(folder) / DATA[len(entry.space.base) > 1]
        motion = integrate(entry, noise=noise, trajectories=trajectories, seed=seed)
        write_motion(motion.positions_only() if positions_only else motion, file)
        motion = read_motion(file, Columns(angles=tuple(sorted(entry.angles))))
    finish(motion, options, entry, output, resume=resume, as_json=as_json)


@app.command()
def verify(
    law: Annotated[Path, typer.Argument(help="A law.json.")],
    system: Annotated[str, typer.Option(help="Catalogue system to compare with.")] = "",
    parameters: Annotated[str, typer.Option(help="Its parameters, as m=1,g=9.81; the defaults without.")] = "",
    reference: Annotated[str, typer.Option(help="A Lagrangian with numbers, in place of a system.")] = "",
) -> None:
    """Compare a law with a reference, up to everything that cannot matter."""
    from lagsym.law.file import read_law
    from lagsym.mechanics.notation.parsing import parse
    from lagsym.mechanics.system import System
    from lagsym.systems import get
    from lagsym.verification import verify_law

    found = read_law(law)
    if bool(system) == bool(reference):
        msg = "expected either --system NAME or --reference EXPR, to know what to compare the law with"
        raise InputError(msg)
    wanted = (
        get(system).with_parameters(numbers(parameters))
        if system
        else System("reference", found.space, parse(reference, found.space.names))
    )
    verdict = verify_law(found, wanted)
    typer.echo(verdict.sentence)
    if verdict.kind == "different":
        raise typer.Exit(DIFFERENT)


@app.command()
def report(folder: Annotated[Path, typer.Argument(help="A result folder.")]) -> None:
    """Write the report of a result folder again and print its law."""
    from lagsym.law.file import read_law
    from lagsym.reporting import law_text, refresh_report

    page = refresh_report(folder)
    typer.echo(law_text(read_law(folder)))
    typer.echo(f"Report: {page}")


@app.command()
def doctor() -> None:
    """Say what this machine has: versions, devices, engines, and how to get what is missing."""
    from importlib.metadata import version

    from lagsym.distillation.engines import availability
    from lagsym.errors import UnavailableError
    from lagsym.neural import resolve_device

    for package in ("lagsym", "torch", "sympy", "numpy", "scipy", "pandas"):
        typer.echo(f"{package:12} {version(package)}")
    typer.echo(f"{'python':12} {sys.version.split()[0]}")
    for name in ("cpu", "cuda", "mps"):
        try:
            resolve_device(name)
            reason = "ready"
        except UnavailableError as error:
            reason = str(error)
        typer.echo(f"device {name:6} {reason}")
    for name, reason in availability().items():
        typer.echo(f"engine {name:7} {reason or 'ready'}")


def _own_system(formula: str, coordinates: tuple[str, ...], base: tuple[str, ...]) -> System:
    """A system of a Lagrangian in text; its parameters have the value 1."""
    from lagsym.mechanics.jetspace import JetSpace
    from lagsym.mechanics.notation.parsing import parse
    from lagsym.mechanics.system import System

    if not coordinates:
        msg = "expected --coordinates with the names of the coordinates, as --coordinates theta or --coordinates x,y"
        raise InputError(msg)
    space = JetSpace(coordinates, base)
    parsed = parse(formula, space.names, allow_parameters=True)
    parameters = sorted({str(symbol) for symbol in parsed.free_symbols} - set(space.names))
    return System("motion", space, parsed, dict.fromkeys(parameters, 1.0), title="Lagrangian")
