"""The folder of a discovery under way holds only our files, and goes once there is a result."""

import pytest

from lagsym.errors import InputError
from lagsym.reporting import unfinished_folder

OURS = ("network-natural.json", "network-natural-checkpoint-0123456789ab.safetensors", ".network-natural.json.ab12_xyz")


class CutError(Exception):
    pass


@pytest.fixture
def place(tmp_path):
    return tmp_path / ".out.unfinished"


def names(place):
    return {path.name for path in place.iterdir()}


def cut_off(tmp_path, said, files=OURS, *, resume=False):
    def work():
        with unfinished_folder(tmp_path / "out", said.append, resume=resume) as kept:
            for name in files:
                (kept.folder / name).write_text("")
            raise CutError

    with pytest.raises(CutError):
        work()


def test_it_stays_when_cut_off_and_goes_with_a_result(tmp_path, place):
    said = []
    cut_off(tmp_path, said)
    assert names(place) == set(OURS)
    with unfinished_folder(tmp_path / "out", said.append, resume=True) as kept:
        assert names(kept.folder) == set(OURS)
        assert kept.resume
    assert not place.exists()
    assert said == []


def test_without_resume_it_begins_anew_and_says_what_was_given_up(tmp_path, place):
    said = []
    cut_off(tmp_path, said)
    with unfinished_folder(tmp_path / "out", said.append, resume=False) as kept:
        assert names(kept.folder) == set()
    assert len(said) == 1
    assert "--resume would have gone on" in said[0]


def test_nothing_to_go_on_with_is_told_and_nothing_is_left_where_nothing_was_trained(tmp_path, place):
    said = []
    cut_off(tmp_path, said, (), resume=True)
    assert ["begins anew" in sentence for sentence in said] == [True]
    assert not place.exists()


@pytest.mark.parametrize("resume", [False, True])
def test_others_files_are_told_and_stay(resume, tmp_path, place):
    place.mkdir()
    (place / "thesis.txt").write_text("years of work")
    (place / OURS[0]).write_text("ours")
    with pytest.raises(InputError, match=r"thesis\.txt"), unfinished_folder(tmp_path / "out", print, resume=resume):
        pytest.fail("it began")
    assert names(place) == {"thesis.txt", OURS[0]}


def test_a_file_in_its_place_is_told_and_stays(tmp_path, place):
    place.write_text("years of work")
    with (
        pytest.raises(InputError, match="choose another place"),
        unfinished_folder(tmp_path / "out", print, resume=True),
    ):
        pytest.fail("it began")
    assert place.read_text() == "years of work"
