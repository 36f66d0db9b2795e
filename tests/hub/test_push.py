"""Publishing, with the real client against a Hub on loopback: what arrives, what never leaves, and what is said."""

import hashlib
import json
import math
import os
import pickle
import pty
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from aigc_core import registry
from aigc_core.errors import NotAvailable, Refused, WrongUse
from aigc_core.hub.publish import outgoing, push
from aigc_core.hub.publish.layout import export
from aigc_core.run.load import fetch

FILES = ["README.md", "aigc-zoo.json", "config.json", "model.safetensors", "recipe.json"]
COMMIT, LOOK = r"POST .*/commit/main", r"GET /api/models/me/digits/"


@pytest.fixture
def online(hub, monkeypatch):
    """Return a Hub on which the user ``me`` is logged in, and ``you`` is somebody else."""
    hub.tokens |= {"hf_you": ("you", "write"), "hf_read": ("me", "read")}
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    monkeypatch.setattr(push, "PAUSES", (0.0, 0.0, 0.0))
    return hub


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return the real model's folder in the layout."""
    monkeypatch.setenv("AIGC_ZOO_HOME", str(tmp_path / "zoo"))
    entry = registry.find("gan:dcgan-digits")
    export(entry, fetch(entry), str(tmp_path / "digits"), "me/digits")
    return tmp_path / "digits"


def held(hub, repo_id="me/digits"):
    """Return what a repository holds on its main branch: bytes by path."""
    repo = hub.repo(repo_id)
    return {path: bytes(blob.data) for path, blob in repo.commits[repo.refs["main"]].tree.items()}


def commits(hub, repo_id="me/digits"):
    return [commit.title for commit in hub.repo(repo_id).commits.values()]


def rewrite(folder, **fields):
    """Change a folder's manifest."""
    path = folder / "aigc-zoo.json"
    document = json.loads(path.read_text())
    for field, value in fields.items():
        document[field] = {**document[field], **value} if isinstance(value, dict) else value
    path.write_text(json.dumps(document))


class TestWhatArrives:
    def test_every_file_byte_for_byte_in_one_commit(self, online, folder):
        done = push.push(str(folder), "me/digits")
        assert held(online) == {name: (folder / name).read_bytes() for name in FILES}
        assert done == (f"{online.url}/me/digits", online.repo("me/digits").refs["main"], True, False)
        assert commits(online) == ["initial commit", "Add dcgan-digits with aigc-zoo 0.1.0"]

    def test_the_client_reads_it_back(self, online, folder):
        from huggingface_hub import HfApi, hf_hub_download

        done = push.push(str(folder), "me/digits")
        path = hf_hub_download("me/digits", "model.safetensors", revision=done.revision)
        assert Path(path).read_bytes() == (folder / "model.safetensors").read_bytes()
        info = HfApi().model_info("me/digits")
        assert (info.library_name, info.pipeline_tag) == ("aigc-zoo", "unconditional-image-generation")
        assert {"license:apache-2.0", "gan", "dcgan-28"} <= set(info.tags)

    def test_the_same_again_makes_no_commit_and_sends_nothing(self, online, folder):
        first = push.push(str(folder), "me/digits")
        posts = len(online.requests("POST|PUT"))
        again = push.push(str(folder), "me/digits")
        assert again == first._replace(changed=False)
        assert len(online.requests("POST|PUT")) == posts

    def test_a_change_sends_what_has_changed(self, online, folder):
        push.push(str(folder), "me/digits")
        card = (folder / "README.md").read_text() + "\nBy hand.\n"
        (folder / "README.md").write_text(card)
        online.log.clear()
        assert push.push(str(folder), "me/digits").changed
        assert held(online)["README.md"].decode() == card
        assert commits(online)[2:] == ["Update dcgan-digits with aigc-zoo 0.1.0"]
        assert online.requests("/lfs/") == []

    def test_new_weights_are_sent(self, online, folder):
        push.push(str(folder), "me/digits")
        save_file({"x": np.zeros(3, np.float32)}, folder / "model.safetensors")
        data = (folder / "model.safetensors").read_bytes()
        row = {"path": "model.safetensors", "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        rewrite(folder, weights={"files": [{**row, "format": "safetensors"}]})
        assert push.push(str(folder), "me/digits").changed
        assert held(online)["model.safetensors"] == data

    def test_what_else_is_in_the_repository_stays(self, online, folder):
        online.commit("me/digits", {"notes.txt": b"of a person"})
        push.push(str(folder), "me/digits")
        assert sorted(held(online)) == sorted([*FILES, "notes.txt"])

    def test_the_token_that_is_given_is_the_one_that_is_used(self, online, folder, monkeypatch):
        monkeypatch.delenv("HF_TOKEN")
        push.push(str(folder), "you/digits", token="hf_you")
        tokens = {request.headers.get("authorization") for request in online.requests("/api/models|/api/repos")}
        assert tokens == {"Bearer hf_you"}

    def test_the_token_goes_to_the_hub_alone(self, online, folder):
        push.push(str(folder), "me/digits")
        assert online.requests("PUT /lfs/")
        assert all("authorization" not in request.headers for request in online.requests("PUT /lfs/"))

    def test_others_run_it(self, online, folder, tmp_path, monkeypatch):
        push.push(str(folder), "me/digits")
        for name, model in (("a.npy", "hf:me/digits"), ("b.npy", "gan:dcgan-digits")):
            done = zoo("run", model, "-n", "3", "--seed", "5", "-o", str(tmp_path / name), "-q")
            assert done.returncode == 0, done.stderr
        assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()


class TestPrivate:
    def test_a_new_repository_is_as_asked(self, online, folder):
        assert push.push(str(folder), "me/digits", private=True).private
        assert online.repo("me/digits").private
        assert not push.push(str(folder), "me/public").private
        assert not online.repo("me/public").private

    def test_a_private_one_stays_so(self, online, folder):
        online.commit("me/digits", {}, private=True)
        assert push.push(str(folder), "me/digits").private

    def test_nothing_private_goes_into_a_public_one(self, online, folder):
        online.commit("me/digits", {})
        with pytest.raises(Refused, match="me/digits exists and is public, so nothing was pushed"):
            push.push(str(folder), "me/digits", private=True)
        assert held(online) == {}


class TestWhatNeverLeaves:
    def refused(self, online, folder, reason, kind=Refused):
        with pytest.raises(kind, match=reason):
            push.push(str(folder), "me/digits")
        assert online.connections == 0

    def test_stray_files(self, online, folder):
        (folder / "checkpoints").mkdir()
        for name in (".env", "train.py", "checkpoints/1.safetensors", "x.pkl", "model.bin", "notes.txt", ".git"):
            (folder / name).write_bytes(b"secret")
        (folder / "link.json").symlink_to("/etc/passwd")
        push.push(str(folder), "me/digits")
        assert sorted(held(online)) == FILES
        assert b"secret" not in b"".join(online.objects.values())

    def test_a_flipped_byte(self, online, folder):
        data = bytearray((folder / "model.safetensors").read_bytes())
        data[-1] ^= 1
        (folder / "model.safetensors").write_bytes(data)
        self.refused(online, folder, r"model\.safetensors has sha256 [0-9a-f]{64}, its manifest says c7750b07")

    def test_a_missing_file(self, online, folder):
        (folder / "config.json").unlink()
        self.refused(online, folder, r"has no file config\.json", NotAvailable)

    def test_a_link_out_of_the_folder(self, online, folder, tmp_path):
        (folder / "recipe.json").rename(tmp_path / "recipe.json")
        (folder / "recipe.json").symlink_to(tmp_path / "recipe.json")
        self.refused(online, folder, r"recipe\.json lies outside")

    def test_a_pickle_by_another_name(self, online, folder):
        data = pickle.dumps({"x": 1})
        (folder / "model.safetensors").write_bytes(data)
        row = {"path": "model.safetensors", "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        rewrite(folder, weights={"files": [{**row, "format": "safetensors"}]})
        self.refused(online, folder, r"model\.safetensors is no valid safetensors file")

    @pytest.mark.parametrize(("data", "reason"), [(b"{", "is no valid JSON"), (b"\x80\x04", "is no valid JSON")])
    def test_a_recipe_that_is_none(self, online, folder, data, reason):
        (folder / "recipe.json").write_bytes(data)
        self.refused(online, folder, rf"recipe\.json {reason}")

    def test_weights_without_a_licence(self, online, folder):
        rewrite(folder, terms={"weights": None})
        self.refused(online, folder, "No licence is declared for the weights of dcgan-digits")

    def test_what_is_somebody_elses(self, online, folder):
        rewrite(folder, weights={"source": "hub", "repo_id": "you/digits", "revision": "a" * 40})
        self.refused(online, folder, "are those of you/digits on the Hub")

    @pytest.mark.parametrize(
        "name", ["digits", "me/", "me/x/y", "me/..", "https://x/y", "hf:me/x", "me/x@main", "me/x\n"]
    )
    def test_a_name_that_cannot_be(self, online, folder, name):
        with pytest.raises(WrongUse, match="names no repository"):
            push.push(str(folder), name)
        assert online.connections == 0

    @pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
    @pytest.mark.parametrize("token", [None, "hf_test"])
    def test_anything_off_line(self, online, folder, variable, token, monkeypatch):
        monkeypatch.setenv(variable, "1")
        with pytest.raises(NotAvailable, match="HF_HUB_OFFLINE is set, so nothing is pushed"):
            push.push(str(folder), "me/digits", token=token)
        assert online.connections == 0

    def test_large_tensors_that_change_between_check_and_push(self, online, folder, monkeypatch):
        monkeypatch.setattr(outgoing, "AT_ONCE", 1000)
        manifest = push.own_manifest(str(folder))
        files = [outgoing.verified(str(folder), file) for file in push.listed(str(folder), manifest)]
        (weights,) = [file for file in files if file.path == "model.safetensors"]
        assert weights.data is None
        save_file({"x": np.zeros(3, np.float32)}, folder / "model.safetensors")
        with pytest.raises(Refused, match="has changed since it was verified"):
            weights.operation()

    def test_large_tensors_arrive_like_small_ones(self, online, folder, monkeypatch):
        monkeypatch.setattr(outgoing, "AT_ONCE", 1000)
        push.push(str(folder), "me/digits")
        assert held(online)["model.safetensors"] == (folder / "model.safetensors").read_bytes()
        assert not push.push(str(folder), "me/digits").changed


class TestWhoMay:
    def test_nobody_is_logged_in(self, online, folder, monkeypatch):
        monkeypatch.delenv("HF_TOKEN")
        with pytest.raises(NotAvailable, match="Nobody is logged in") as caught:
            push.push(str(folder), "me/digits")
        assert "HF_TOKEN" in caught.value.hint
        assert "hf auth login" in caught.value.hint
        assert online.connections == 0

    def test_a_stored_login_will_do(self, online, folder, monkeypatch):
        monkeypatch.delenv("HF_TOKEN")
        Path(os.environ["HF_HOME"], "token").write_text("hf_test")
        assert push.push(str(folder), "me/digits").changed

    def test_a_token_that_nobody_knows(self, online, folder, monkeypatch):
        monkeypatch.setenv("HF_TOKEN", "hf_wrong")
        with pytest.raises(NotAvailable, match="does not know the token, so nothing was pushed") as caught:
            push.push(str(folder), "me/digits")
        assert "hf_wrong" not in str(caught.value) + caught.value.hint

    def test_a_token_that_may_only_read(self, online, folder, monkeypatch):
        monkeypatch.setenv("HF_TOKEN", "hf_read")
        with pytest.raises(Refused, match="This login may not write to me/digits"):
            push.push(str(folder), "me/digits")

    def test_a_name_of_others(self, online, folder):
        with pytest.raises(Refused, match="This login may not write to you/digits"):
            push.push(str(folder), "you/digits")
        assert ("models", "you/digits") not in online.repos

    @pytest.mark.parametrize("private", [False, True])
    def test_a_repository_of_others(self, online, folder, private):
        online.commit("you/digits", {"a.txt": b"theirs"}, private=private)
        with pytest.raises(Refused, match="you/digits"):
            push.push(str(folder), "you/digits")
        assert held(online, "you/digits") == {"a.txt": b"theirs"}

    def test_a_repository_that_exists_and_is_hidden(self, online, folder):
        online.fault(LOOK, "status", math.inf, (404, {"X-Error-Code": "RepoNotFound"}))
        with pytest.raises(Refused, match="me/digits exists, and this login may not see it"):
            push.push(str(folder), "me/digits")


class TestWhatGoesWrong:
    def test_a_commit_of_another_comes_first(self, online, folder):
        """With what was there before it: the Hub itself says that this is no more."""
        push.push(str(folder), "me/digits")
        api = push._api("hf_test")
        stale = push._look(api, "me/digits")
        theirs = online.commit("me/digits", {"theirs.txt": b"!", "README.md": b"theirs"})
        manifest = push.own_manifest(str(folder))
        files = [outgoing.verified(str(folder), file) for file in push.listed(str(folder), manifest)]
        ours = files[0].data + b"\nNew.\n"
        files = [files[0]._replace(data=ours, sha256=hashlib.sha256(ours).hexdigest())]
        done = push._commit(api, "me/digits", stale, "x", files)
        assert done.changed
        assert [request.status for request in online.requests(COMMIT)] == [200, 412, 200]
        assert online.repo("me/digits").commits[done.revision].parent == theirs
        assert (held(online)["theirs.txt"], held(online)["README.md"]) == (b"!", ours)

    @pytest.mark.parametrize("status", [412, 500, 502, 503, 504])
    def test_it_passes_within_three_more_attempts(self, online, folder, status):
        online.fault(COMMIT, "status", 3, status)
        assert push.push(str(folder), "me/digits").changed
        assert [request.status for request in online.requests(COMMIT)] == [status, status, status, 200]
        assert len(commits(online)) == 2

    @pytest.mark.parametrize(("status", "reason"), [(412, "Others kept committing"), (503, "503")])
    def test_it_does_not_pass(self, online, folder, status, reason):
        online.fault(COMMIT, "status", math.inf, status)
        with pytest.raises(NotAvailable, match=reason):
            push.push(str(folder), "me/digits")
        assert len(online.requests(COMMIT)) == 4
        assert held(online) == {}

    @pytest.mark.parametrize("kind", ["drop", "truncate"])
    def test_the_line_breaks_at_the_commit(self, online, folder, kind):
        """Cut before the commit was made, or before its answer arrived: in both there is one commit in the end."""
        online.fault(COMMIT, kind, 1, 0)
        done = push.push(str(folder), "me/digits")
        assert done.changed
        assert done.revision == online.repo("me/digits").refs["main"]
        assert len(commits(online)) == 2
        assert sorted(held(online)) == FILES

    def test_the_storage_stumbles(self, online, folder):
        online.fault("PUT /lfs/", "status", 1, 503)
        assert push.push(str(folder), "me/digits").changed

    def test_the_storage_refuses(self, online, folder):
        online.fault("PUT /lfs/", "status", math.inf, 403)
        with pytest.raises(NotAvailable, match=r"The push to me/digits failed: .*403"):
            push.push(str(folder), "me/digits")
        assert held(online) == {}

    def test_the_hub_finds_the_card_wrong(self, online, folder):
        text = (folder / "README.md").read_text().replace("license: apache-2.0", "license: my-own")
        (folder / "README.md").write_text(text)
        with pytest.raises(
            Refused, match=r'The Hub does not take the front matter of README\.md: "license" must be one of'
        ):
            push.push(str(folder), "me/digits")
        assert held(online) == {}

    def test_nobody_is_there(self, online, folder, monkeypatch):
        monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
        with pytest.raises(NotAvailable):
            push.push(str(folder), "me/digits")

    def test_the_answer_is_nonsense(self, online, folder):
        online.fault(COMMIT, "garbage", math.inf, b"<html>")
        with pytest.raises(NotAvailable, match="The push to me/digits failed: JSONDecodeError"):
            push.push(str(folder), "me/digits")


def zoo(*arguments, **options):
    """Run the command line in a process of its own, with the test's environment."""
    command = [sys.executable, "-m", "aigc_core", *arguments]
    options = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": 120, **options}
    return subprocess.run(command, check=False, **options)


class TestCommand:
    def push(self, *arguments, **options):
        return zoo("push", "dcgan-digits", *arguments, **options)

    def test_yes_pushes_and_says_where(self, online, folder):
        done = self.push("me/digits", "--yes")
        assert (done.returncode, done.stderr) == (0, "")
        revision = online.repo("me/digits").refs["main"]
        assert f"Pushed to {online.url}/me/digits at {revision}. Run it: aigc-zoo run hf:me/digits\n" in done.stdout
        assert f"5 files, 4.7 MB, of dcgan-digits (Apache-2.0) -> {online.url}/me/digits (public)" in done.stdout
        assert held(online) == {name: (folder / name).read_bytes() for name in FILES}
        again = self.push("me/digits", "--yes")
        assert "has these very files already" in again.stdout
        assert len(commits(online)) == 2

    def test_a_dry_run_makes_no_connection(self, online, monkeypatch):
        monkeypatch.delenv("HF_TOKEN")
        done = self.push("me/digits", "--dry-run", "--private")
        assert (done.returncode, done.stderr) == (0, "")
        assert "model.safetensors  4,663,424 bytes\n" in done.stdout
        assert "(private)\nA dry run: nothing was pushed.\n" in done.stdout
        assert online.connections == 0

    def test_a_folder_is_pushed_with_its_own_card(self, online, folder):
        card = "---\nlibrary_name: aigc-zoo\nlicense: apache-2.0\n---\n# By hand\n"
        (folder / "README.md").write_text(card)
        (folder / ".env").write_text("secret")
        done = zoo("push", str(folder), "me/digits", "--yes", "--private")
        assert done.returncode == 0, done.stderr
        assert online.repo("me/digits").private
        assert sorted(held(online)) == FILES
        assert held(online)["README.md"].decode() == card

    def test_without_a_terminal_yes_is_needed(self, online):
        done = self.push("me/digits")
        assert done.returncode == 2
        assert done.stderr == "aigc-zoo: Nobody is there to be asked whether to push. Give --yes.\n"
        assert online.connections == 0

    @pytest.mark.parametrize(("answer", "pushed"), [(b"y\n", True), (b"n\n", False), (b"\n", False)])
    def test_on_a_terminal_it_asks(self, online, answer, pushed):
        ours, theirs = pty.openpty()
        try:
            os.write(ours, answer)
            done = self.push("me/digits", stdin=theirs)
        finally:
            os.close(ours)
            os.close(theirs)
        assert done.returncode == 0, done.stderr
        assert "Push? [y/N]" in done.stdout
        assert ("models", "me/digits") in online.repos if pushed else "Nothing was pushed." in done.stdout
        assert pushed or online.connections == 0

    def test_a_disk_that_is_full_is_one_sentence(self, online, tmp_path):
        limit = resource.RLIMIT_FSIZE, (1_000_000, 1_000_000)
        done = self.push("me/digits", "--yes", preexec_fn=lambda: resource.setrlimit(*limit))
        assert done.returncode == 3
        assert "There is no space for a copy of dcgan-digits" in done.stderr
        assert online.connections == 0

    def test_an_interrupt_leaves_nothing(self, online, tmp_path, monkeypatch):
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        online.fault("PUT /lfs/", "delay", math.inf, 60)
        process = subprocess.Popen([sys.executable, "-m", "aigc_core", "push", "dcgan-digits", "me/digits", "--yes"])
        while not online.requests("POST .*/lfs/objects/batch"):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert list(tmp_path.glob("aigc-zoo-push-*")) == []
        assert held(online) == {}

    def test_who_is_not_logged_in_is_not_asked(self, online, monkeypatch):
        monkeypatch.delenv("HF_TOKEN")
        done = self.push("me/digits")
        assert done.returncode == 3
        assert "Nobody is logged in to the Hub, so nothing is pushed." in done.stderr
        assert online.connections == 0

    @pytest.mark.parametrize(
        ("arguments", "code", "said"),
        [
            (("digits",), 2, "digits names no repository"),
            (("you/digits", "--yes"), 4, "This login may not write to you/digits"),
        ],
    )
    def test_errors_are_one_sentence(self, online, arguments, code, said):
        done = self.push(*arguments)
        assert done.returncode == code
        assert said in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_model_of_the_hub_is_refused(self, online, folder):
        push.push(str(folder), "me/digits")
        done = zoo("push", "hf:me/digits", "me/copy", "--yes")
        assert done.returncode == 4
        assert "are those of me/digits on the Hub: a push would publish again what is not yours" in done.stderr
        assert ("models", "me/copy") not in online.repos
