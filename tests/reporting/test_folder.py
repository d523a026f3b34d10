"""Only an empty folder or an earlier result is replaced, as a whole or not at all."""

import json
import os
from pathlib import Path

import pytest

from lagsym.errors import InputError
from lagsym.reporting import check_folder, result_folder
from lagsym.reporting.folder import MARKER


def contents(folder: Path) -> dict[str, str]:
    return {str(f.relative_to(folder)): f.read_text() for f in folder.rglob("*") if f.is_file() and f.name != MARKER}


def write(folder: Path, files: dict[str, str]) -> None:
    with result_folder(folder) as new:
        for name, text in files.items():
            (new / name).parent.mkdir(exist_ok=True)
            (new / name).write_text(text)


def test_a_missing_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    write(tmp_path / "a" / "out", {"law.json": "1", "pictures/front.svg": "2"})
    assert contents(tmp_path / "a" / "out") == {"law.json": "1", "pictures/front.svg": "2"}
    assert [f.name for f in (tmp_path / "a").iterdir()] == ["out"]


def test_an_earlier_result_is_replaced_as_a_whole(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    write(out, {"law.json": "1", "old.txt": "old"})
    write(out, {"law.json": "2"})
    assert contents(out) == {"law.json": "2"}
    assert [f.name for f in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("name", ["thesis.tex", "law.json", "sub/notes.txt"])
def test_a_foreign_file_is_never_overwritten(tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    (out / name).parent.mkdir(parents=True)
    (out / name).write_text("precious")
    with pytest.raises(InputError, match="did not write"):
        write(out, {"law.json": "1"})
    assert contents(tmp_path) == {f"out/{name}": "precious"}


def test_a_foreign_file_beside_an_earlier_result_stops_it(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(out, {"law.json": "1"})
    (out / "notes.txt").write_text("precious")
    with pytest.raises(InputError, match=r"notes\.txt"):
        check_folder(out)
    assert contents(out) == {"law.json": "1", "notes.txt": "precious"}


def test_a_file_that_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "out"

    def replace() -> None:
        with result_folder(out) as new:
            (new / "law.json").write_text("1")
            out.mkdir()
            (out / "notes.txt").write_text("precious")

    with pytest.raises(InputError, match=r"notes\.txt"):
        replace()
    assert contents(tmp_path) == {"out/notes.txt": "precious"}


def test_a_failure_leaves_the_earlier_result(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(out, {"law.json": "1"})

    def fail() -> None:
        with result_folder(out) as new:
            (new / "law.json").write_text("2")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert contents(tmp_path) == {"out/law.json": "1"}
    assert [f.name for f in tmp_path.iterdir()] == ["out"]


def test_a_file_in_place_of_the_folder_is_kept(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("precious")
    with pytest.raises(InputError, match="it is a file"):
        check_folder(tmp_path / "out")


def test_the_working_directory_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    for folder in (".", "..", tmp_path):
        with pytest.raises(InputError, match="while you work in it"):
            check_folder(folder)
    check_folder("out")


@pytest.mark.parametrize("marker", ["", "[]", "{}", '{"files": 3}', '{"files": ["law.json"]}'])
def test_a_damaged_marker_protects_what_is_there(tmp_path: Path, marker: str) -> None:
    (tmp_path / MARKER).write_text(marker)
    (tmp_path / "notes.txt").write_text("precious")
    with pytest.raises(InputError, match="did not write"):
        check_folder(tmp_path)


def test_a_link_to_elsewhere_is_foreign_and_its_target_stays(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "notes.txt").write_text("precious")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "link").symlink_to(tmp_path / "target")
    with pytest.raises(InputError, match="link"):
        check_folder(tmp_path / "out")


def test_a_linked_folder_is_replaced_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "real")
    write(tmp_path / "out", {"law.json": "1"})
    assert (tmp_path / "out").is_symlink()
    assert contents(tmp_path / "real") == {"law.json": "1"}


def test_the_marker_names_every_file(tmp_path: Path) -> None:
    write(tmp_path / "out", {"law.json": "1"})
    assert json.loads((tmp_path / "out" / MARKER).read_text())["files"] == [MARKER, "law.json"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user whom permissions bind")
def test_a_place_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="cannot write"):
        write(tmp_path / "out", {})
