"""Changes of the public surface are listed in the CHANGELOG."""

import json

import pytest

import public_surface
from mutation import mutated

HOW = (
    "Describe it in CHANGELOG.md, then run "
    '`python tests/public_surface.py "that sentence"`.'
)


@pytest.fixture
def snapshot():
    return json.loads(public_surface.SNAPSHOT.read_text())


def test_public_surface_is_the_snapshot(snapshot):
    assert public_surface.surface() == snapshot["names"], HOW


def test_changelog_describes_the_snapshot(snapshot):
    sentences = snapshot["changelog"]
    assert list(sentences)[-1] == public_surface.digest(snapshot["names"]), HOW
    assert len(set(sentences.values())) == len(sentences), HOW
    changelog = public_surface.changelog()
    for sentence in sentences.values():
        assert len(sentence) > 10, HOW
        assert sentence in changelog, HOW


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("channel.squeeze_excite", "use_bias: bool = False", "use_bias=True"),
        (
            "fusion.attentional_feature_fusion",
            "return_attention=False",
            "return_attention=None",
        ),
        ("_base.attention", "def attention(self", "def attend(self"),
        ("models", '"SENet154",', ""),
    ],
)
def test_changes_are_detected(module, old, new, snapshot):
    with mutated(module, old, new):
        assert public_surface.surface() != snapshot["names"]


def test_changes_need_a_new_sentence(snapshot, tmp_path, monkeypatch):
    path, log = tmp_path / "surface.json", tmp_path / "CHANGELOG.md"
    monkeypatch.setattr(public_surface, "SNAPSHOT", path)
    monkeypatch.setattr(public_surface, "CHANGELOG", log)
    log.write_text("- There is\n  much to find.\n")
    public_surface.write("There is much to find.")
    assert json.loads(path.read_text())["names"] == snapshot["names"]
    with pytest.raises(SystemExit, match="Nothing"):
        public_surface.write("There is much to find.")
    monkeypatch.setattr(public_surface, "surface", lambda: {"new": "()"})
    for sentence in ("There is much to find.", "There is more."):
        with pytest.raises(SystemExit, match="no new sentence"):
            public_surface.write(sentence)
    log.write_text("- There is much to find.\n- There is more.\n")
    public_surface.write("There is more.")
    assert len(json.loads(path.read_text())["changelog"]) == 2
