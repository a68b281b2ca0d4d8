"""Archives: what is inside comes out; what is unsafe or damaged is one line and does no harm."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from vimoflow.data import archives
from vimoflow.data.archives import unpacked
from vimoflow.errors import InputError, OutputError

CONTENT = {"a.bvh": b"HIERARCHY" * 1000, "deep/er/b.bvh": b"", "deep/c.txt": b"\xff" * 70000}


def write_tar(path: Path, members: dict[str, bytes], mode: str = "w:xz") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def write_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("deep/"), b"")
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def files(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def refused(path: Path, error: type[Exception] = InputError) -> str:
    scratch = path.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    before = set(path.parent.rglob("*"))
    with pytest.raises(error) as caught, unpacked(path, scratch):
        pass
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and "\n" not in message
    assert set(path.parent.rglob("*")) == before  # nothing stays behind, in or out of the scratch
    return message


def test_a_folder_is_itself(tmp_path: Path) -> None:
    with unpacked(tmp_path) as folder:
        assert folder == tmp_path


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_comes_out_whole_and_is_removed(tmp_path: Path, mode: str) -> None:
    with unpacked(write_tar(tmp_path / "corpus", CONTENT, mode), tmp_path) as folder:
        assert files(folder) == CONTENT
    assert [p.name for p in tmp_path.iterdir()] == ["corpus"]


def test_a_zip_comes_out_whole_but_for_what_macos_adds(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "corpus", CONTENT | {"__MACOSX/._a.bvh": b"junk"})
    with unpacked(path) as folder:
        assert files(folder) == CONTENT


ESCAPES = ["../escaped", "deep/../../escaped", "/{outside}/escaped", "deep/../../../x/escaped"]


@pytest.mark.parametrize("write", [write_tar, write_zip])
@pytest.mark.parametrize("name", ESCAPES)
def test_a_path_that_leaves_the_folder_is_refused(tmp_path: Path, write, name: str) -> None:
    name = name.format(outside=tmp_path.as_posix().lstrip("/"))
    path = write(tmp_path / "evil", {"fine.txt": b"1", name: b"gotya"})
    assert f"it holds '{name}'" in refused(path)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    path = tmp_path / "evil.tar"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("motions")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    assert "unsafe archive, it holds 'motions'" in refused(path)


def test_links_in_a_zip_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("motions")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc")
    assert "unsafe archive, it holds 'motions'" in refused(path)


@pytest.mark.parametrize("write", [write_tar, write_zip])
def test_bombs_are_refused_before_they_go_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write
) -> None:
    path = write(tmp_path / "bomb", {f"{i}": bytes(2**20) for i in range(4)})
    monkeypatch.setattr(archives, "RATIO_COUNTS_FROM", 2**20)
    assert "times its size" in refused(path)
    monkeypatch.setattr(archives, "RATIO_COUNTS_FROM", 2**30)
    monkeypatch.setattr(archives, "MAX_UNPACKED", 3 * 2**20)
    assert "unpacks to more than" in refused(path)
    monkeypatch.setattr(archives, "MAX_MEMBERS", 2)
    assert "more than 2 files" in refused(path)


def test_a_size_that_only_the_header_states_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.tar"
    info = tarfile.TarInfo("x")
    info.size = 2**50
    path.write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    assert "unpacks to more than" in refused(path)


def test_a_zip_that_lies_about_sizes_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "liar.zip", {"x": bytes(5000)})
    content = path.read_bytes()
    honest = (5000).to_bytes(4, "little")
    assert content.count(honest) == 2
    path.write_bytes(content.replace(honest, (10).to_bytes(4, "little")))
    assert "damaged" in refused(path)


@pytest.mark.parametrize("write", [write_tar, write_zip])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_cut_archives_are_refused(tmp_path: Path, write, share: float) -> None:
    path = write(tmp_path / "cut", CONTENT)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert "archive" in refused(path)


def test_changed_bytes_are_noticed(tmp_path: Path) -> None:
    noise = bytes(i * i % 251 for i in range(5000))
    for write in (write_tar, write_zip):
        path = write(tmp_path / write.__name__, {"x": noise})
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 255
        path.write_bytes(content)
        assert "archive" in refused(path)


def test_encrypted_members_are_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "secret.zip", {"x": b"1"})
    content = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = content.rindex(magic)
        content[start + offset] |= 1
    path.write_bytes(content)
    assert "encrypted" in refused(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"hello", b"\xfd7zXZ\x00", b"\x1f\x8b"])
def test_what_is_no_archive_is_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert "neither a folder nor a tar or zip archive" in refused(path)
    path.unlink()
    assert "neither a folder nor a tar or zip archive" in refused(path)


def test_no_room_is_said(tmp_path: Path, limit_file_size) -> None:
    path = write_tar(tmp_path / "corpus", CONTENT)
    with limit_file_size(4096):
        assert "cannot be unpacked to" in refused(path, OutputError)
