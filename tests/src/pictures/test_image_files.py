"""Image files are found in the same order on every machine."""

import os

import pytest
from src.pictures.image_files import count_images, find_files, is_image, subfolders


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_images_are_found_in_subfolders_in_the_order_of_their_paths(tmp_path):
    names = ["b.png", "a/2.JPG", "a/10.jpeg", "a/c/1.TIF", "ä.webp", "Z.bmp", "x.tiff", "y.gif"]
    touch(tmp_path, *names, "a/notes.txt", "b.svg", "none")
    found = ["Z.bmp", "a/10.jpeg", "a/2.JPG", "a/c/1.TIF", "b.png", "x.tiff", "y.gif", "ä.webp"]
    assert find_files(tmp_path) == (found, 3)


def test_the_spelling_of_accents_in_the_file_system_does_not_matter(tmp_path):
    touch(tmp_path, "e\u0301.png", "f.png", "\u00e9.png", "z.png")
    assert find_files(tmp_path)[0] == ["f.png", "z.png", "e\u0301.png", "\u00e9.png"]


def test_hidden_files_and_folders_are_ignored(tmp_path):
    touch(tmp_path, ".a.png", ".DS_Store", ".git/a.png", "b/.c/d.png", "b/e.png")
    assert find_files(tmp_path) == (["b/e.png"], 0)
    assert subfolders(tmp_path) == [tmp_path / "b"]
    assert count_images(tmp_path) == 0


def test_links_to_folders_are_not_followed(tmp_path):
    touch(tmp_path / "one", "a.png")
    (tmp_path / "one/loop").symlink_to(tmp_path)
    (tmp_path / "one/b.png").symlink_to("a.png")
    (tmp_path / "one/broken.png").symlink_to("missing.png")
    assert find_files(tmp_path / "one")[0] == ["a.png", "b.png", "broken.png"]


def test_pipes_and_devices_are_not_images(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    (tmp_path / "folder.png").mkdir()
    assert not any(map(is_image, tmp_path.iterdir()))
    assert find_files(tmp_path) == ([], 2)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read all folders")
def test_a_folder_that_cannot_be_read_is_an_error(tmp_path):
    (tmp_path / "closed").mkdir(mode=0)
    with pytest.raises(PermissionError):
        find_files(tmp_path)
