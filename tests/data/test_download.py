"""A release is offered first, fetched once, and a hub that fails is one line."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from empatheia.data import download
from empatheia.errors import InputError


class Hub:
    """Stands in for the hub's client: two files, one licence."""

    fetched = 0

    def dataset_info(self, repository: str, files_metadata: bool) -> object:
        files = [SimpleNamespace(rfilename=n, size=1000) for n in ("train.json", "a.zip")]
        return SimpleNamespace(siblings=files, sha="a" * 40, card_data={"license": "cc-by-nc-4.0"})


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> type[Hub]:
    import huggingface_hub

    def fetch(repository: str, **values: object) -> str:
        Hub.fetched += 1
        folder = Path(str(values["local_dir"]))
        folder.mkdir(exist_ok=True)
        (folder / "train.json").write_text("[]")
        return str(folder)

    Hub.fetched = 0
    monkeypatch.setattr(huggingface_hub, "HfApi", Hub)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    return Hub


def test_size_and_licence_come_first_and_nothing_twice(hub: type[Hub], tmp_path: Path) -> None:
    wanted = download.offer("avamerg", "*.json")
    assert (wanted.files, wanted.bytes, wanted.licence) == (1, 1000, "cc-by-nc-4.0")
    assert "cc-by-nc-4.0" in wanted.line()
    for _ in range(2):
        download.fetch(wanted, tmp_path / "x")
    assert hub.fetched == 1
    assert not download.is_done(tmp_path / "x", download.offer("avamerg"))


def test_nobody_to_ask_is_told_to_say_yes(hub: type[Hub], tmp_path: Path) -> None:
    from empatheia.cli.main import run

    assert run(["data", "download", "avamerg", "-o", str(tmp_path / "x")]) == 2
    assert hub.fetched == 0
    assert run(["data", "download", "avamerg", "-o", str(tmp_path / "x"), "--yes"]) == 0


def test_what_goes_wrong_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    with pytest.raises(InputError, match="Did you mean 'avamerg'"):
        download.offer("avamreg")

    class Gone(Hub):
        def dataset_info(self, repository: str, files_metadata: bool) -> object:
            raise ConnectionError("no network")

    monkeypatch.setattr(huggingface_hub, "HfApi", Gone)
    with pytest.raises(InputError, match="cannot be reached"):
        download.offer("avamerg")
