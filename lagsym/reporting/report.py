"""The report: law.json, law.tex, report.html and pictures in one folder."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Mapping
from dataclasses import fields
from functools import cache, partial
from pathlib import Path

import jinja2
import numpy as np

from lagsym.distillation.reading.faithfulness import ErrorMap
from lagsym.errors import FormulaError, InputError
from lagsym.law import Law
from lagsym.law.file import read_law, to_json
from lagsym.mechanics.notation.escaping import latex_text
from lagsym.mechanics.notation.latex import number_latex, to_latex
from lagsym.mechanics.notation.parsing import parse
from lagsym.mechanics.system import parameter_symbol
from lagsym.reporting import typesetting, wording
from lagsym.reporting.error_map import FILE as MAP
from lagsym.reporting.error_map import map_bytes, read_error_map
from lagsym.reporting.folder import MARKER, result_folder
from lagsym.reporting.plots import chosen_entry, draw_pictures, page_svg
from lagsym.reporting.unit_notation import unit_latex, unit_text
from lagsym.validation import FieldValidation, Validation

SERIES = "validation.npz"
"""The series behind the pictures, so that a report can be written again."""
PICTURES = {
    "front": "Loss against complexity of the candidates, the chosen one marked",
    "accelerations": "Predicted against measured acceleration on held-out data",
    "rollout": "Motion predicted from one measured start beside the measured motion, and the energy "
    "that the law gives the measured motion, as a change from the start over the mean kinetic energy",
    "fields": "The first field over space and time, as measured, as the law predicts it from the measured start, and "
    "the difference of the two",
    "field_energy": "The energy of the law's own motion, as a change from its start over the energy itself",
    "error_map": "Where the formula differs from the network that it was read from: relative error of the "
    "accelerations over the two inputs that explain most of it, and how many of the samples lie there",
}


def write_report(
    law: Law,
    validation: Validation | FieldValidation | None,
    folder: str | os.PathLike[str],
    *,
    error_map: ErrorMap | None = None,
) -> Path:
    """Write law.json, law.tex, report.html and the pictures; an earlier result in the folder is replaced as a whole.

    Arguments:
        law: what was found, or the reasons why nothing was.
        validation: the series behind the pictures, or None where there is no Lagrangian or there were no data.
        folder: missing, empty, or holding an earlier result.
        error_map: where the law differs from the network that it was read from, if there was one.

    Returns:
        The path of report.html.

    Raises:
        InputError: the folder holds something else or cannot be written; nothing is written then.
    """
    files = report_files(law, validation, error_map)
    with result_folder(folder) as new:
        write_files(files, new)
    return Path(folder) / "report.html"


def refresh_report(folder: str | os.PathLike[str]) -> Path:
    """Write the report again from the law.json in a folder of results, keeping what else lagsym wrote there.

    Returns:
        The path of report.html.

    Raises:
        InputError: the folder holds no law, or files that lagsym did not write.
    """
    path = Path(folder)
    files = report_files(read_law(path), read_validation(path), read_error_map(path))
    with result_folder(path) as new:
        kept = (file for file in path.rglob("*") if file.is_file() and file.name != MARKER)
        write_files({file.relative_to(path).as_posix(): file.read_bytes() for file in kept} | files, new)
    return path / "report.html"


def report_files(
    law: Law, validation: Validation | FieldValidation | None, error_map: ErrorMap | None = None
) -> dict[str, bytes]:
    """The content of every file of a report, by name."""
    pictures = draw_pictures(law, validation, error_map)
    files = {
        "law.json": to_json(law).encode(),
        "law.tex": _latex_document(law).encode(),
        "report.html": _page(law, pictures).encode(),
        **pictures,
    }
    if error_map is not None:
        files |= {MAP: map_bytes(error_map)}
    return files if validation is None else files | {SERIES: _series(validation)}


def write_files(files: Mapping[str, bytes], folder: Path) -> None:
    """Write files into a folder, as into that of `result_folder`.

    Raises:
        InputError: the disk is full or the folder cannot be written.
    """
    try:
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    except OSError as error:
        msg = f"cannot write to {folder.parent}: {error.strerror or error}; make room or choose another place"
        raise InputError(msg) from None


def read_validation(folder: str | os.PathLike[str]) -> Validation | FieldValidation | None:
    """The series behind a report's pictures, or None where the folder has none.

    Raises:
        InputError: the file is there but damaged.
    """
    path = Path(folder) / SERIES
    if not path.exists():
        return None
    law = read_law(folder)
    kind = Validation if len(law.base) == 1 else FieldValidation
    names = [entry.name for entry in fields(kind) if entry.name != "scores"]
    try:
        with np.load(path, allow_pickle=False) as archive:
            series = {name: archive[name] for name in names}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        msg = f"cannot read {path} ({error}); delete it to write the report without those pictures"
        raise InputError(msg) from None
    return kind(scores=law.scores, **series)


def _series(validation: Validation | FieldValidation) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer, **{f.name: getattr(validation, f.name) for f in fields(validation) if f.name != "scores"}
    )
    return buffer.getvalue()


@cache
def _environment(kind: str) -> jinja2.Environment:
    """The templates: HTML escapes every value; LaTeX has marks that its own braces don't clash with."""
    options = {"loader": jinja2.PackageLoader("lagsym.reporting"), "undefined": jinja2.StrictUndefined}
    options |= {"trim_blocks": True, "lstrip_blocks": True}
    if kind == "html":
        return jinja2.Environment(**options, autoescape=True)
    environment = jinja2.Environment(
        **options,
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
    )
    environment.filters["text"] = latex_text
    return environment


def _page(law: Law, pictures: Mapping[str, bytes]) -> str:
    """report.html."""
    shown = {
        name: (page_svg(pictures[f"{name}.svg"], name, description), description)
        for name, description in PICTURES.items()
        if f"{name}.svg" in pictures
    }
    terms = [(_term_mathml(law, term), who) for term, who in wording.evidence_entries(law)]
    rows = {name: typesetting.mathml_rows(value) for name, value in _formula_rows(law).items() if value}
    constants = [
        (typesetting.mathml(_symbol(law, c.name)), c, _bar(wording.constant_error_percent(c))) for c in law.constants
    ]
    chosen = chosen_entry(law)
    template = _environment("html").get_template("report.html.j2")
    return template.render(
        law=law,
        wording=wording,
        number=typesetting.number_text,
        unit=unit_text,
        formulas=rows,
        constants=constants,
        terms=terms,
        pictures=shown,
        front=[(entry, _candidate_mathml(law, entry.lagrangian), entry is chosen) for entry in law.front],
    )


def _latex_document(law: Law) -> str:
    """law.tex."""
    rows = {name: typesetting.latex_rows(value) for name, value in _formula_rows(law).items() if value}
    template = _environment("latex").get_template("law.tex.j2")
    return template.render(
        law=law,
        wording=wording,
        number=number_latex,
        unit=unit_latex,
        symbol=partial(_symbol, law),
        rows=rows,
    )


def _formula_rows(law: Law) -> dict[str, list[typesetting.Row]]:
    """Displayed formulas by name; those that there are not, empty."""
    if law.lagrangian is None:
        return {}
    space, values = law.space, typesetting.constant_values(law)
    friction = law.dissipation != 0
    return {
        "lagrangian": typesetting.law_rows("L", law.lagrangian, space),
        "numeric": typesetting.law_rows("L", law.lagrangian, space, constants=values) if values else [],
        "dissipation": typesetting.law_rows("D", law.dissipation, space) if friction else [],
        "motion": typesetting.motion_rows(law),
    }


def _candidate_mathml(law: Law, formula: str) -> str:
    """A Lagrangian of the front as MathML, or as it is where it cannot be read."""
    try:
        expression = parse(formula, law.space.names, allow_parameters=True)
    except FormulaError:
        return f"<code>{typesetting.html_text(formula)}</code>"
    return typesetting.mathml_rows(typesetting.candidate_rows(expression, law.space))


def _term_mathml(law: Law, term: str) -> str:
    """A term of the evidence as MathML, or as it is where it cannot be read."""
    try:
        expression = parse(term, law.space.names, allow_parameters=True)
    except FormulaError:
        return f"<code>{typesetting.html_text(term)}</code>"
    return typesetting.mathml(to_latex(expression, law.space))


def _symbol(law: Law, name: str) -> str:
    return to_latex(parameter_symbol(name), law.space)


def _bar(percent: float | None) -> float | None:
    """Width of an error bar, in percent of its cell: 100 for an error as large as the value, on a logarithmic scale."""
    if percent is None:
        return None
    decades = 5  # errors of 0.001 % and less have no visible bar
    return float(np.clip(100 * (1 + np.log10(max(percent, 1e-9) / 100) / decades), 0, 100))
