"""Every page is followed to the letter: files written, commands typed, Python run, in the order of the page."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

ELSEWHERE = {
    r"pip install (-e )?\./ \./plugins/aigc-gan": "would replace what the tests run on; the packaging test does it",
    r"pip install \./plugins/aigc-gan": "the same",
    r"git clone .+": "needs the network",
    r"python3 -m venv \S+": "takes the time of the whole suite; `make run` does it",
    r"\. \S+/bin/activate": "the tests run in such an environment",
}
"""Commands that are not run here, and why."""


def test_a_page_does_what_it_says(page, terminal, root, split):
    if (root / ".data").exists():
        os.symlink(root / ".data", terminal.folder / ".data")
    for block in page.blocks():
        where = f"{page.path.relative_to(root)}:{block.line}"
        kind, value = block.mark
        if kind == "file":
            path = terminal.folder / value
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            (terminal.folder / ".block.py").write_text(block.text, encoding="utf-8")
            code, printed = terminal.run("python .block.py")
            assert code == 0, f"{where}\n{printed}"
        elif block.language == "console":
            for command in split(block):
                follow(command, terminal, root, f"{page.path.relative_to(root)}:{command.line}")


def follow(command, terminal, root, where):
    text = command.text
    if any(re.fullmatch(pattern, text) for pattern in ELSEWHERE):
        return
    if text.startswith("make "):
        check_make(text, root, where)
        return
    if match := re.fullmatch(r"pip install (?:-e )?\"?\./([\w-]+)(?:\[test\])?\"?", text):
        terminal.install(terminal.folder / match[1])
        return
    if " .data/" in text and not (root / ".data").exists():
        pytest.skip(f"{where}: there is no training data here; `make data` fetches it")
    code, printed = terminal.run(text)
    assert code == command.code, f"{where}: exit code {code}, not {command.code}: {text}\n{printed}"
    shown = iter(map(plain, printed.splitlines()))
    for line in command.output:
        if line.strip() != "...":
            pattern = ".*".join(re.escape(part) for part in re.split(r" ?\.\.\. ?", plain(line)))
            assert any(re.fullmatch(pattern, real) for real in shown), (
                f"{where}: no line {line!r} in order in\n{printed}"
            )


def check_make(text, root, where):
    """A suite cannot run `make test` inside itself: hold the target and its recipe to what make says of it."""
    words = text.split()[1:]
    targets = [word for word in words if "=" not in word]
    known = re.findall(r"^([a-z]+):", (root / "Makefile").read_text(), re.MULTILINE)
    assert targets, where
    assert set(targets) <= set(known), f"{where}: the Makefile has no such target"
    done = subprocess.run(["make", "-n", *words], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{where}\n{done.stderr}"


def plain(line: str) -> str:
    return " ".join(line.split())


def test_commands_that_are_not_run_are_still_on_a_page(read_page, root):
    texts = [command.text for name in ("README.md", "docs/tutorial.md") for command in read_page(name).commands()]
    assert any(re.fullmatch(next(iter(ELSEWHERE)), text) for text in texts)


def test_links_between_pages_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", text):
        if "generated/" not in target:
            assert (page.path.parent / target).exists(), f"{page.path.name} links to {target}"


def test_no_page_names_a_folder_of_the_machine_it_was_written_on(page):
    for folder in re.findall(
        r"(?<![\w.~$\}])/(?:home|root|Users|work|tmp|mnt)/\S*", page.path.read_text(encoding="utf-8")
    ):
        pytest.fail(f"{page.path.name} names {folder}")


def test_the_picture_is_of_the_weights_that_ship(root):
    from aigc_core.registry import find
    from aigc_core.run.receipt import read

    receipt = read(str(root / "docs" / "images" / "dcgan-fashion.png"))
    files = find("dcgan-fashion").manifest.files
    assert receipt["weights"] == {file.path: file.sha256 for file in files}, (
        "make it again with docs/tutorial.md's command"
    )
