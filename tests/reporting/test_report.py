"""The report: every file is there, the page stands alone, nothing in a name can break it."""

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from lagsym.errors import InputError
from lagsym.law import Constant, Law
from lagsym.law_file import read_law
from lagsym.reporting import (
    law_text,
    read_validation,
    refresh_report,
    report_files,
    result_folder,
    write_files,
    write_report,
)
from lagsym.reporting.plots import chosen_entry
from lagsym.validation import Validation

VOID = {"meta", "br", "img", "link", "input", "hr", "mspace"}
PICTURES = {f"{name}.{kind}" for name in ("front", "accelerations", "rollout") for kind in ("png", "svg")}


class Page(HTMLParser):
    """Checks that tags are closed in order and collects what they refer to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        self._note(attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._note(attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def _note(self, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in {"src", "href", "xlink:href", "data", "action", "srcset"}:
                self.references.append(value or "")


@pytest.fixture(scope="module")
def files(law: Law, validation: Validation) -> dict[str, bytes]:
    return report_files(law, validation)


@pytest.fixture(scope="module")
def page(files: dict[str, bytes]) -> str:
    return files["report.html"].decode()


def test_every_file_is_written(law: Law, validation: Validation, tmp_path: Path) -> None:
    path = write_report(law, validation, tmp_path / "out")
    assert path == tmp_path / "out" / "report.html"
    names = {file.name for file in path.parent.iterdir() if not file.name.startswith(".")}
    assert names == {"law.json", "law.tex", "report.html", "validation.npz"} | PICTURES
    assert read_law(path.parent) == law


def test_pictures_are_pictures(files: dict[str, bytes]) -> None:
    for name in PICTURES:
        if name.endswith("png"):
            assert files[name].startswith(b"\x89PNG")
        else:
            ET.fromstring(files[name])
        assert len(files[name]) > 5000


def test_the_page_stands_alone(page: str) -> None:
    read = Page(page)
    assert all(reference.startswith(("#", "data:image/")) for reference in read.references)
    assert not {"script", "link", "iframe", "img", "object"} & set(read.tags)
    without_namespaces = re.sub(r'xmlns(:\w+)?="[^"]*"', "", page)
    assert not re.search(r"https?:|url\((?!#)|@import", without_namespaces)


def test_the_page_is_well_formed(page: str) -> None:
    read = Page(page)
    assert len(read.ids) == len(set(read.ids))
    inner = {reference[1:] for reference in read.references if reference.startswith("#")}
    assert inner
    assert inner <= set(read.ids)
    assert read.tags.count("svg") == 3
    for formula in re.findall(r"<math.*?</math>", page, flags=re.DOTALL):
        ET.fromstring(formula)


@pytest.mark.parametrize(
    "section",
    ["law", "constants", "dissipation", "motion", "verdict", "scores", "evidence", "front", "remarks", "provenance"],
)
def test_sections(page: str, section: str) -> None:
    assert section in Page(page).ids


def test_the_page_says_what_was_found(page: str) -> None:
    text = Page(page).text
    for words in ("A Lagrangian explains the data.", "0.15900 ± 0.00040", "15.2 standard errors", "gauge-equivalent"):
        assert words in text
    assert "Trajectory <b>0</b> was split" in text


def test_the_chosen_candidate_is_marked(law: Law, page: str) -> None:
    assert chosen_entry(law) is law.front[1]
    assert page.count('class="chosen"') == 1


def test_no_lagrangian_is_said(refused: Law, tmp_path: Path) -> None:
    path = write_report(refused, None, tmp_path / "out")
    text = Page(path.read_text()).text
    assert "No Lagrangian gives this motion" in text
    assert "No candidate explains the data." in text
    assert "Equations of motion" not in text
    assert "No Lagrangian gives this motion" in (tmp_path / "out" / "law.tex").read_text()
    assert "No Lagrangian gives this motion" in law_text(refused)


def test_names_cannot_break_the_page(law: Law, validation: Validation) -> None:
    hostile = replace(law, verdict="<script>alert(1)</script>", parameters={"<i>": 1.0})
    read = Page(report_files(hostile, validation)["report.html"].decode())
    assert "script" not in read.tags
    assert "<script>alert(1)</script>" in read.text


def test_the_latex_escapes_text(files: dict[str, bytes]) -> None:
    text = files["law.tex"].decode()
    assert r"20 gaps \& 50 \% of \{it\} is\_odd in time\textasciicircum{}2 \textbackslash{} \textasciitilde{}." in text
    assert text.count(r"\begin") == text.count(r"\end")
    assert set(re.findall(r"\\usepackage(?:\[.*?\])?\{(.*?)\}", text)) == {"inputenc", "geometry", "amsmath"}
    assert text.isascii()


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_the_latex_compiles(law: Law, refused: Law, tmp_path: Path) -> None:
    named = replace(law, constants=(replace(law.constants[0], exact="1/2", unit="m_1"), *law.constants[1:]))
    for number, each in enumerate((law, named, refused)):
        source = tmp_path / f"law{number}.tex"
        source.write_bytes(report_files(each, None)["law.tex"])
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", source.name]
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
        assert result.returncode == 0, result.stdout.decode(errors="replace")[-2000:]
        assert b"Overfull" not in result.stdout


def test_the_same_law_gives_the_same_files(law: Law, validation: Validation, files: dict[str, bytes]) -> None:
    again = report_files(law, validation)
    assert [name for name in files if files[name] != again[name]] in ([], ["validation.npz"])


def test_the_series_read_back(law: Law, validation: Validation, files: dict[str, bytes], tmp_path: Path) -> None:
    write_files(files, tmp_path)
    again = read_validation(tmp_path)
    assert again is not None
    np.testing.assert_array_equal(again.rollout_predicted, validation.rollout_predicted)
    assert dict(again.scores) == dict(law.scores)


def test_a_report_is_written_again_beside_other_files_of_ours(files: dict[str, bytes], tmp_path: Path) -> None:
    out = tmp_path / "out"
    with result_folder(out) as new:
        write_files(files | {"network.safetensors": b"weights", "report.html": b"old"}, new)
    refresh_report(out)
    assert (out / "report.html").read_bytes() == files["report.html"]
    assert (out / "network.safetensors").read_bytes() == b"weights"


def test_damaged_series_are_one_clear_error(files: dict[str, bytes], tmp_path: Path) -> None:
    with result_folder(tmp_path / "out") as new:
        write_files(files, new)
    for content in (b"damaged", b""):
        (tmp_path / "out" / "validation.npz").write_bytes(content)
        with pytest.raises(InputError, match=r"validation\.npz"):
            refresh_report(tmp_path / "out")


def test_a_rollout_that_breaks_down_is_drawn(law: Law, validation: Validation) -> None:
    broken = validation.rollout_predicted.copy()
    broken[30:] = np.nan
    predicted = validation.predicted_acceleration.copy()
    predicted[3] = np.inf
    files = report_files(law, replace(validation, rollout_predicted=broken, predicted_acceleration=predicted))
    assert set(files) >= PICTURES


def test_one_coordinate_and_no_front(validation: Validation) -> None:
    law = Law(("x",), None, status="not_lagrangian")
    columns = ("measured_acceleration", "predicted_acceleration", "rollout_measured", "rollout_predicted")
    one = replace(validation, **{name: getattr(validation, name)[:, :1] for name in columns})
    files = report_files(law, one)
    assert "front.svg" not in files
    Page(files["report.html"].decode())


def test_terminal_summary(law: Law) -> None:
    text = law_text(law)
    for words in ("L = ", "D = ", r"\dot{\theta}_{1}", "0.15900 ± 0.00040", "gauge-equivalent", "0.99680", "15.2"):
        assert words in text
    without = law_text(replace(law, verdict=None, constants=(*law.constants[:-1], Constant("d1", 0.01))))
    assert "no reference" in without
