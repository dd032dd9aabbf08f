"""Files of other people that we serve: those that were published, all of them, and no others."""

import shutil

import pytest

from tests import vendoring


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(vendoring.FOLDER, tmp_path / "vendor")


def test_every_file_is_the_one_that_was_published():
    vendoring.check()


def test_a_changed_file_is_refused(folder):
    with (folder / "htmx-2.0.11.min.js").open("a") as file:
        file.write(" ")

    with pytest.raises(vendoring.VendorDiffers, match="was changed"):
        vendoring.check(folder)


def test_a_file_that_nobody_listed_is_refused(folder):
    (folder / "more.js").write_text("")

    with pytest.raises(vendoring.VendorDiffers, match=r"more\.js"):
        vendoring.check(folder)


def test_a_file_that_is_missing_is_noticed(folder):
    (folder / "htmx-LICENSE.txt").unlink()

    with pytest.raises(vendoring.VendorDiffers, match="LICENSE"):
        vendoring.check(folder)
