#!/usr/bin/env python3
"""Runs the command lines of documents.

usage: run_documents.py [--update] DOCUMENT...

A block that begins with ```console has commands behind "$ "; one that ends with a backslash goes on in the
next line. All blocks of a document run one after the other in one new directory, in which `samples` is the
checkout's, with build/bin on PATH. Each command has to succeed, and what it prints is what follows it:
exactly, but for trailing blanks, where a line "..." stands for any lines. In ```console varies it may be
any output that is not empty. An indented block that begins with "$ " is taken like a fenced one, and an
indented line that begins with "vbtrace " and names a file of samples/traces has to succeed. --update puts what
was printed into the documents.
"""

import os
import re
import subprocess
import sys
import tempfile

TOP = os.getcwd()
INDENTED = re.compile(r"^    \$ .*\n(?:    .*\n)*", re.M)
READS_SAMPLE = re.compile(r"^    (vbtrace .*\bsamples/traces/.*)$", re.M)
FENCE = re.compile(r"^```console( varies)?\n(.*?)^```$", re.M | re.S)


def commands(block):
    """(command, expected lines) in order."""
    found = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append(([line], []))
        elif found and found[-1][0][-1].endswith("\\") and not found[-1][1]:
            found[-1][0].append(line)
        elif found:
            found[-1][1].append(line)
        else:
            raise ValueError(f"a block begins with '{line}', which is no command")
    return found


def matches(lines, expected):
    pattern = "".join(".*" if e.strip() == "..." else re.escape(e.rstrip()) + "\n" for e in expected)
    return re.fullmatch(pattern, "".join(line.rstrip() + "\n" for line in lines), re.S) is not None


def run(document, update):
    faults = passed = 0
    with open(document) as file:
        text = file.read()
    environment = dict(
        os.environ, PATH=f"{TOP}/build/bin:{os.environ['PATH']}", LC_ALL="C.UTF-8", COLUMNS="100", NO_COLOR="1"
    )
    with tempfile.TemporaryDirectory() as directory:
        os.symlink(f"{TOP}/samples", f"{directory}/samples")

        def block(text, varies):
            """Run it; the block as it is to be."""
            nonlocal faults, passed
            out = []
            for words, expected in commands(text):
                command = "\n".join(words)[2:]
                done = subprocess.run(
                    ["bash", "-c", command], cwd=directory, env=environment, text=True, timeout=300,
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                )
                lines = done.stdout.splitlines()
                right = done.returncode == 0 and (
                    (not expected or bool(lines)) if varies else matches(lines, expected)
                )
                if update and done.returncode == 0 and "..." not in expected:
                    expected = [line.rstrip() for line in lines]
                    right = True
                faults += not right
                passed += right
                print(f"{'ok  ' if right else 'FAIL'} {document}: {words[0][2:]}")
                if not right:
                    print(f"status {done.returncode}: {done.stderr.strip()}")
                    print("\n".join(lines[:20]))
                out += words + expected
            return out

        def fenced(match):
            lines = block(match.group(2), match.group(1))
            return f"```console{match.group(1) or ''}\n" + "".join(f"{line}\n" for line in lines) + "```"

        def indented(match):
            lines = block(re.sub(r"^    ", "", match.group(0), flags=re.M), None)
            return "".join(f"    {line}".rstrip() + "\n" for line in lines)

        new = INDENTED.sub(indented, FENCE.sub(fenced, text))
        for match in READS_SAMPLE.finditer(text):
            block(f"$ {match.group(1)}", " varies")
    if update:
        with open(document, "w") as file:
            file.write(new)
    return passed, faults


def main(arguments):
    update = "--update" in arguments
    total = bad = 0
    for document in [a for a in arguments if not a.startswith("--")]:
        passed, faults = run(document, update)
        total, bad = total + passed, bad + faults
    print(f"documents: {total} passed, {bad} failed")
    return 1 if bad or not total else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
