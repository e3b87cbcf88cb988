#!/usr/bin/env python3
"""Runs the command lines of documents.

usage: run_documents.py [--lab] [--update] DOCUMENT...

Commands are in blocks: ```console, where they stand behind "$ ", and indented ones. A command that ends with a
backslash goes on in the next line. All blocks of a document run one after the other in one new directory, in
which `samples` and `build` are the checkout's, with build/bin on PATH. Each command has to succeed, and what it
prints is what follows it: exactly, but for trailing blanks, where a line "..." stands for any lines. In ```console
masked figures, their units and bars may be others. In ```console varies only its shape counts: of the words that its
lines begin with three in four are there.

What an indented block is says a comment of the document above it, which no reader sees:

    <!-- run -->                      like ```console: each line is a command, or a "$ " and its output
    <!-- run: lab -->                 in the lab (so do ```console blocks with it), by tests/e2e/documents_lab.sh
    <!-- run: lab, beside COMMAND --> the same, each while COMMAND runs; what has not ended four seconds
                                      after its first output is interrupted, and has to end well then, too
    <!-- run: lab, the first beside the others -->
    <!-- no command -->

Without a comment a block that begins with "$ " runs, and each line of any other has to be in the list
tests/e2e/lib/documents_elsewhere, which says why no test runs it from here. In running text, commands in
back quotes have to be commands with options that the programs know. --update puts what was printed into the
documents. --lab runs what is for the lab, and only that.
"""

import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time

TOP = os.getcwd()
ELSEWHERE = "tests/e2e/lib/documents_elsewhere"
FENCED = r"^```console(?: (?P<manner>varies|masked))?\n(?P<fenced>.*?)^```$"
INDENTED = r"(?<=\n\n)(?P<indented>(?:    [^\n]*\n)+)"
BLOCK = re.compile(rf"(?:^<!-- (?P<mark>[^>]*) -->\n\n?)?(?:{FENCED}|{INDENTED})", re.M | re.S)
INLINE = re.compile(r"`((?:vbtrace|vmm-lite) [a-z][^`]*)`")
GRACE = 4  # seconds for what would go on for ever, once it has printed something
START = 40  # seconds until it has, at most
SETTLE = 3  # seconds until what runs beside is there


def commands(lines, prompt):
    """[[command, ...], [expected line, ...]] in order."""
    found = []
    for line in lines:
        begun = found and found[-1][0][-1].endswith("\\") and not found[-1][1]
        if begun:
            found[-1][0].append(line)
        elif line.startswith("$ ") or not prompt:
            found.append(([line], []))
        elif found:
            found[-1][1].append(line)
        else:
            raise ValueError(f"a block begins with '{line}', which is no command")
    return found


def masked(lines):
    """Without bars, with N for each figure and its unit, and one blank for several."""
    lines = (re.sub(r"[█-▏]+", " ", line) for line in lines)
    lines = (re.sub(r"[<+]?\b\d+(\.\d+)?( [µnm]?s\b|%)?", "N", line) for line in lines)
    return [" ".join(line.split()) for line in lines]


def matches(lines, expected):
    pattern = "".join(".*" if e.strip() == "..." else re.escape(e.rstrip()) + "\n" for e in expected)
    return re.fullmatch(pattern, "".join(line.rstrip() + "\n" for line in lines), re.S) is not None


def shape(lines):
    """The words, not figures, that lines begin with."""
    words = (re.sub(r"[█-▏]+", " ", line).split() for line in lines)
    return {w[0] for w in words if w and not re.search(r"\d", w[0])}


class Runner:
    def __init__(self, lab, update):
        self.lab, self.update = lab, update
        self.passed = self.faults = 0
        self.environment = dict(
            os.environ, PATH=f"{TOP}/build/bin:{os.environ['PATH']}", LC_ALL="C.UTF-8", COLUMNS="100", NO_COLOR="1"
        )
        with open(ELSEWHERE) as file:
            entries = (line.rstrip("\n") for line in file if line.strip() and not line.startswith("#"))
            self.elsewhere = dict(re.split(r"\t+", line, maxsplit=1) for line in entries)
        self.unseen = set(self.elsewhere)

    def verdict(self, right, what, why=""):
        self.passed += right
        self.faults += not right
        print(f"{'ok  ' if right else 'FAIL'} {self.document}: {what}", flush=True)
        if not right and why:
            print(why)

    def start(self, command):
        return subprocess.Popen(
            ["bash", "-c", command], cwd=self.directory, env=self.environment, text=True, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )

    def result(self, process, seconds, end):
        """Status and output; what is not over after so many seconds is interrupted, which is a fault but for `end`."""
        try:
            if end:  # a slow machine takes its time until there is anything
                select.select([process.stdout], [], [], START)
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGINT)
            try:
                out, err = process.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                out, err = process.communicate()
            if not end:
                return -1, out, f"not over after {seconds} seconds\n{err}"
        return process.returncode, out, err

    def stop(self, process):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.communicate()

    def one(self, words, expected, manner, end=False):
        """Runs a command; the lines that are to follow it."""
        text = "\n".join(words)
        text = text[2:] if text.startswith("$ ") else text
        status, out, err = self.result(self.start(text), GRACE if end else 100, end)
        lines = out.splitlines()
        if manner == "varies":
            missing = sorted(shape(expected) - shape(lines))
            right = status == 0 and (bool(lines) or not expected) and 4 * len(missing) <= len(shape(expected))
            err += f"\nnot printed: {missing}" if missing else ""
        elif manner == "masked":
            right = status == 0 and matches(masked(lines), masked(expected))
        else:
            right = status == 0 and matches(lines, expected)
        if self.update and status == 0 and "..." not in expected:
            expected = [line.rstrip() for line in lines]
            right = True
        self.verdict(right, words[0].removeprefix("$ "), f"status {status}: {err.strip()}\n" + "\n".join(lines[:20]))
        return expected

    def side_by_side(self, found):
        """The first command beside the others, and it has to succeed, too."""
        first = self.start("\n".join(found[0][0]))
        time.sleep(SETTLE)
        for words, _ in found[1:]:
            self.one(words, [], "varies")
        status, _, err = self.result(first, 60, False)
        self.verdict(status == 0, found[0][0][0], f"status {status}: {err}")

    def run(self, found, mark, manner):
        beside = re.match(r"run: lab, beside (.*)", mark)
        if mark == "run: lab, the first beside the others":
            self.side_by_side(found)
            return found
        out = []
        for words, expected in found:
            other = self.start(beside.group(1)) if beside else None
            if other:
                time.sleep(SETTLE)
            # Without a "$ " there is nothing that says what it prints.
            expected = self.one(words, expected, manner if words[0].startswith("$ ") else "varies", beside is not None)
            if other:
                self.stop(other)
            out.append((words, expected))
        return out

    def listed(self, found):
        for words, _ in found:
            command = re.sub(r"\s+#.*", "", words[0].removesuffix("\\")).strip()
            self.unseen.discard(command)
            if command not in self.elsewhere:
                self.verdict(False, command, f"is neither run nor in {ELSEWHERE}")

    def block(self, match):
        mark, fenced = match.group("mark") or "", match.group("fenced")
        text = fenced if fenced is not None else match.group("indented")
        margin = "" if fenced is not None else "    "
        lines = [line.removeprefix(margin) for line in text.splitlines()]
        prompt = lines[0].startswith("$ ")
        if mark == "no command":
            return match.group(0)
        if not mark.startswith("run") and not prompt:
            if not self.lab:
                self.listed(commands(lines, False))
            return match.group(0)
        if mark.startswith("run: lab") != self.lab:
            return match.group(0)
        found = self.run(commands(lines, prompt), mark, match.group("manner"))
        if not prompt:
            return match.group(0)
        new = "".join(f"{margin}{line}".rstrip() + "\n" for words, expected in found for line in words + expected)
        return match.group(0).replace(text, new)

    def inline(self, text):
        """`vbtrace show --id N` in running text: that command has those options."""
        for command in sorted({" ".join(c.split()) for c in INLINE.findall(text)}):
            program, name, *rest = command.split(" -- ")[0].split()
            usage = subprocess.run(
                [f"build/bin/{program}", name, "--help"], text=True, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, check=False,
            )
            known = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", usage.stdout)) | {"--help"}
            unknown = [w for w in rest if re.match(r"--?[a-z]", w) and w.split("=")[0] not in known]
            if usage.returncode or unknown:
                self.verdict(False, f"`{command}`", f"not known: {' '.join(unknown) or name}")

    def read(self, document):
        self.document = document
        with open(document) as file:
            text = file.read()
        with tempfile.TemporaryDirectory() as self.directory:
            for name in ("samples", "build"):
                os.symlink(f"{TOP}/{name}", f"{self.directory}/{name}")
            for name in ("vmlinuz", "initrd.img"):
                if self.lab:
                    os.symlink(f"{os.environ['LAB_GUEST']}/{name}", f"{self.directory}/{name}")
            new = BLOCK.sub(self.block, text)
        if not self.lab:
            self.inline(re.sub(FENCED, "", text, flags=re.M | re.S))
        if self.update and new != text:
            with open(document, "w") as file:
                file.write(new)


def main(arguments):
    options = {a for a in arguments if a.startswith("--")}
    documents = [a for a in arguments if a not in options]
    runner = Runner("--lab" in options, "--update" in options)
    for document in documents:
        runner.read(document)
    if not runner.lab and "README.md" in documents:
        for command in sorted(runner.unseen):
            runner.document = ELSEWHERE
            runner.verdict(False, command, "is in no document")
    print(f"documents: {runner.passed} passed, {runner.faults} failed")
    return 1 if runner.faults or not runner.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
