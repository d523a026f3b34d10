"""The command line.

Exit codes: 0 done; 1 unexpected error; 2 bad usage or bad data; 3 no Lagrangian explains the data; 4 the verdict is
`different`.
"""

from __future__ import annotations

import math
import re
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from lagsym.errors import InputError, LagsymError

if TYPE_CHECKING:
    from lagsym.data.trajectories import Trajectories
    from lagsym.discovery import DiscoveryOptions
    from lagsym.mechanics.system import System

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="From trajectories to a Lagrangian that a person can read, check and cite.",
)

BAD_INPUT, NO_LAGRANGIAN, DIFFERENT = 2, 3, 4
LANGUAGES = "numpy, torch, c, julia, modelica or script"

Output = Annotated[
    Path, typer.Option("--output", "-o", help="Folder for the result: empty, or an earlier result of ours.")
]
Seed = Annotated[int, typer.Option(help="Seed of every draw.", min=0)]
Noise = Annotated[float, typer.Option(help="Standard deviation of the noise, relative to each column's.")]
PositionsOnly = Annotated[bool, typer.Option("--positions-only", help="Withhold velocities, as a camera does.")]
Json = Annotated[bool, typer.Option("--json", help="Print law.json to standard output and nothing else.")]
Evidence = Annotated[str, typer.Option(help="both, data or network: what the terms are chosen by.")]
EngineName = Annotated[str, typer.Option("--engine", help="auto, sparse, operon or pysr: where terms come from.")]
Structure = Annotated[str, typer.Option(help="auto, natural, gyroscopic, separable or free.")]
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
    given = get(system) if system else _own_system(lagrangian, _names(coordinates), _names(base))
    entry = given.with_parameters(_numbers(parameters))
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
    from lagsym.law_file import read_law

    typer.echo(read_law(law).code(language, name=name), nl=False)


@app.command()
def simulate(
    system: str,
    output: Annotated[Path, typer.Option("--output", "-o", help="CSV file to write.")],
    noise: Noise = 0.0,
    trajectories: Annotated[int, typer.Option(help="How many trajectories.")] = 20,
    positions_only: PositionsOnly = False,
    seed: Seed = 0,
    draw: Annotated[bool, typer.Option("--draw", help="Draw the parameters at random, by the seed.")] = False,
) -> None:
    """Simulate a catalogue system and write its trajectories as CSV."""
    from lagsym.simulation import draw_parameters
    from lagsym.simulation import simulate as integrate
    from lagsym.systems import get

    entry = draw_parameters(get(system), seed) if draw else get(system)
    motion = integrate(entry, noise=noise, trajectories=trajectories, seed=seed)
    _write_csv(motion.positions_only() if positions_only else motion, output)
    parameters = ", ".join(f"{key} = {value:g}" for key, value in entry.parameters.items())
    typer.echo(f"{output}: {trajectories} trajectories of {system} with {parameters}")


@app.command()
def discover(
    data: Annotated[Path, typer.Argument(help="CSV or Parquet table of measured motion.")],
    output: Output,
    coordinates: Annotated[str, typer.Option(help="Columns that are coordinates; all others by default.")] = "",
    angles: Annotated[str, typer.Option(help="Coordinates in radians with period 2 pi.")] = "",
    ignore: Annotated[str, typer.Option(help="Columns to leave out.")] = "",
    parameters: Annotated[str, typer.Option(help="Columns that hold a parameter, the same in every row.")] = "",
    define: Annotated[list[str] | None, typer.Option(help="A new coordinate, as 'name=formula'.")] = None,
    units: Annotated[str, typer.Option(help="Units of t, coordinates, forces, as t=s,theta=rad,x=m.")] = "",
    drop_missing: Annotated[bool, typer.Option("--drop-missing", help="Drop rows with missing numbers.")] = False,
    evidence: Evidence = "both",
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
    from lagsym.data.tables import Columns, read_table
    from lagsym.discovery import DiscoveryOptions
    from lagsym.distillation.options import ChoiceOptions
    from lagsym.mechanics.jetspace import JetSpace
    from lagsym.mechanics.notation.parsing import parse
    from lagsym.mechanics.system import System

    columns = Columns(
        _names(coordinates),
        _names(angles),
        _names(ignore),
        _names(parameters),
        tuple(define or ()),
        drop_missing,
        _units(units),
    )
    motion = read_table(data, columns)
    space = JetSpace(motion.coordinates)
    choice = ChoiceOptions(
        evidence,
        engine,
        structure,
        terms=tuple(parse(term, space.names) for term in _names(terms)),
        known=parse(known, space.names) if known else None,
    )
    options = DiscoveryOptions(choice, seed=seed, device=device, budget=budget)
    wanted = System("reference", space, parse(reference, space.names)) if reference else None
    _finish(motion, options, wanted, output, resume=resume, as_json=as_json)


@app.command()
def run(
    system: str,
    output: Output,
    noise: Noise = 0.0,
    trajectories: Annotated[int, typer.Option(help="How many trajectories to simulate.")] = 20,
    positions_only: PositionsOnly = False,
    evidence: Evidence = "both",
    engine: EngineName = "auto",
    structure: Structure = "auto",
    seed: Seed = 0,
    device: Device = "auto",
    budget: Budget = None,
    resume: Resume = False,
    as_json: Json = False,
) -> None:
    """Simulate a catalogue system with random parameters, discover its law from the CSV, verify it."""
    from lagsym.data.tables import Columns, read_table
    from lagsym.discovery import DiscoveryOptions
    from lagsym.distillation.options import ChoiceOptions
    from lagsym.simulation import draw_parameters
    from lagsym.simulation import simulate as integrate
    from lagsym.systems import get

    options = DiscoveryOptions(ChoiceOptions(evidence, engine, structure), seed=seed, device=device, budget=budget)
    entry = draw_parameters(get(system), seed)
    with tempfile.TemporaryDirectory() as folder:
        # All that crosses over to the discovery is this table: coordinates, velocities and which of them are angles.
        table = Path(folder) / "data.csv"
        motion = integrate(entry, noise=noise, trajectories=trajectories, seed=seed)
        _write_csv(motion.positions_only() if positions_only else motion, table)
        motion = read_table(table, Columns(angles=tuple(sorted(entry.angles))))
    _finish(motion, options, entry, output, resume=resume, as_json=as_json)


@app.command()
def verify(
    law: Annotated[Path, typer.Argument(help="A law.json.")],
    system: Annotated[str, typer.Option(help="Catalogue system to compare with.")] = "",
    parameters: Annotated[str, typer.Option(help="Its parameters, as m=1,g=9.81; the defaults without.")] = "",
    reference: Annotated[str, typer.Option(help="A Lagrangian with numbers, in place of a system.")] = "",
) -> None:
    """Compare a law with a reference, up to everything that cannot matter."""
    from lagsym.law_file import read_law
    from lagsym.mechanics.notation.parsing import parse
    from lagsym.mechanics.system import System
    from lagsym.systems import get
    from lagsym.verification import verify_law

    found = read_law(law)
    if bool(system) == bool(reference):
        msg = "expected either --system NAME or --reference EXPR, to know what to compare the law with"
        raise InputError(msg)
    wanted = (
        get(system).with_parameters(_numbers(parameters))
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
    from lagsym.law_file import read_law
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


def _finish(
    motion: Trajectories,
    options: DiscoveryOptions,
    wanted: System | None,
    output: Path,
    *,
    resume: bool,
    as_json: bool,
) -> None:
    """Discover, compare with what is wanted, write the result folder, print, and set the exit code."""
    from lagsym.discovery import discover as find
    from lagsym.law_file import to_json
    from lagsym.neural import progress_bar, save_fit
    from lagsym.reporting import check_folder, law_text, report_files, result_folder, unfinished_folder, write_files
    from lagsym.verification import verify_law, with_verdict

    check_folder(output)
    talk = Console(stderr=True, highlight=False)
    say = partial(talk.print, style="dim", markup=False)
    for notice in motion.notices:
        say(f"Note: {notice}")
    with unfinished_folder(output, say, resume=resume) as kept:
        with progress_bar("Training", console=talk) as progress:
            found = find(motion, options=options, progress=progress, report=say, checkpoints=kept)
        law = found.law
        if wanted is not None and law.lagrangian is not None:
            law = with_verdict(law, verify_law(law, wanted))
        with result_folder(output) as folder:
            write_files(report_files(law, found.validation, found.error_map), folder)
            motion.to_frame().to_csv(folder / "data.csv", index=False)
            if found.fit is not None:
                save_fit(found.fit, folder / "network.json")
    if as_json:
        typer.echo(to_json(law))
    else:
        typer.echo(law_text(law))
        typer.echo(f"Report: {output / 'report.html'}")
    if law.status == "not_lagrangian":
        raise typer.Exit(NO_LAGRANGIAN)
    if law.verdict == "different":
        raise typer.Exit(DIFFERENT)


def _write_csv(motion: Trajectories, path: Path) -> None:
    """Write trajectories whole or not at all, never over another kind of file."""
    if path.is_dir():
        msg = f"expected a CSV file to write, but {path} is a directory; name a file in it"
        raise InputError(msg)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.partial")
        motion.to_frame().to_csv(partial, index=False)
        partial.replace(path)
    except OSError as error:
        msg = f"cannot write {path}: {error.strerror or error}; choose another place"
        raise InputError(msg) from None


def _names(text: str) -> tuple[str, ...]:
    """The parts of a list separated by commas, those inside brackets aside."""
    parts = re.split(r",(?![^()]*\))", text)
    return tuple(part.strip() for part in parts if part.strip())


def _units(text: str) -> dict[str, str]:
    """Units by column, from 't=s,x=m'."""
    units: dict[str, str] = {}
    for part in _names(text):
        name, equals, unit = (piece.strip() for piece in part.partition("="))
        if not (equals and name and unit) or name in units:
            msg = f"expected --units as column=unit, each column once, separated by commas; got '{part}'"
            raise InputError(msg)
        units[name] = unit
    return units


def _numbers(text: str) -> dict[str, float]:
    """Numbers by name, from 'm=1,g=9.81'."""
    values = {}
    for part in _names(text):
        name, equals, number = (piece.strip() for piece in part.partition("="))
        try:
            values[name] = float(number)
        except ValueError:
            msg = f"expected --parameters as name=number, separated by commas; got '{part}'"
            raise InputError(msg) from None
        if not equals or not math.isfinite(values[name]):
            msg = f"expected a finite number for parameter {name}; got '{number}'"
            raise InputError(msg)
    return values
