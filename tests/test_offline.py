"""With the network cut, everything but the installation works."""

from __future__ import annotations

import json
import socket
import urllib.request

import pytest
from cli_fixtures import TINY_RUN, Command, files_under, keypoint_file, tiny_bundle

from langlift.cli import demo


class ConnectedError(Exception):
    """Something wanted to reach another machine."""


@pytest.fixture
def attempts(monkeypatch):
    """What was tried to reach; each attempt also fails."""
    tried: list[object] = []

    def refuse(*arguments: object, **_: object) -> None:
        tried.append(arguments)
        raise ConnectedError(arguments)

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    for name in ("create_connection", "getaddrinfo", "gethostbyname"):
        monkeypatch.setattr(socket, name, refuse)
    return tried


@pytest.fixture
def langlift(capsys, tmp_path, monkeypatch, attempts) -> Command:
    """The command in a folder with a clip and a bundle, without corpus, screen or network."""
    monkeypatch.delenv("LANGLIFT_CORPUS", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo, "_has_screen", lambda: False)
    tiny_bundle(tmp_path / "tiny.safetensors")
    keypoint_file(tmp_path / "clip.npz")
    return Command(capsys)


@pytest.mark.parametrize(
    "line",
    [
        "lift clip.npz --model tiny.safetensors --formats npz,json,csv,png,mp4 --out out",
        "demo --out out",
        f"train vpose {TINY_RUN} --out out",
    ],
    ids=["lift", "demo", "train"],
)
def test_it_works_without_a_network(line, langlift, tmp_path, attempts):
    said = langlift(*line.split())
    assert (said.status, said.err) == (0, "")
    assert len(files_under(tmp_path / "out")) >= 4
    assert attempts == []


def test_weights_are_listed_without_a_network(langlift, attempts):
    rows = json.loads(langlift("weights", "list", "--json").out)
    assert "default" in [row["name"] for row in rows]
    assert attempts == []


def test_the_network_is_cut(attempts):
    for reach in (
        lambda: socket.create_connection(("127.0.0.1", 9)),
        lambda: socket.socket().connect(("127.0.0.1", 9)),
        lambda: urllib.request.urlopen("http://127.0.0.1:9"),
    ):
        with pytest.raises(ConnectedError):
            reach()
    assert len(attempts) == 3
