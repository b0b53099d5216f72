"""Man pages and shell completions say what `--help` and the configuration's tables say.

PICKET_BINARIES has the programs.
"""

import os
import pathlib
import re
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
BINARIES = pathlib.Path(os.environ.get("PICKET_BINARIES", ROOT / "build" / "dev" / "bin")).resolve()
HELP_COLUMN = 30  # where descriptions begin in --help


def printed(*command) -> str:
    return subprocess.run([str(part) for part in command], text=True, capture_output=True, check=True).stdout


def commands() -> dict[str, str]:
    """The commands of picket, each with the sentence that --help has for it."""
    listed = re.search(r"Subcommands:\n(.*?)\n\n", printed(BINARIES / "picket", "--help"), re.S)[1]
    return dict(line.split(maxsplit=1) for line in listed.splitlines())


def options(help_text: str) -> dict[str, str]:
    """Long options and their sentences."""
    lines = help_text.splitlines()
    found = {}
    for line, following in zip(lines, [*lines[1:], ""]):
        if not (name := re.match(r"  (?:-\w,)?(--[a-z-]+)", line)):
            continue
        stands_below = following.startswith(" " * HELP_COLUMN)
        found[name[1]] = (following if stands_below else line[HELP_COLUMN:]).strip()
    return found


def page(name: str) -> str:
    """A man page without escapes and with its lines joined; a heading keeps a line of its own."""
    text = (DEPLOY / "man" / name).read_text().replace("\\-", "-").replace("\\fR", "").replace("\\fI", "")
    text = re.sub(r"^\.S([HS]) (.*)$", r"\0\1 \2\0", text, flags=re.M)
    text = re.sub(r"^\.(?:BI|BR|B|I) ", "", text, flags=re.M)
    return "\n".join(" ".join(part.split()) for part in text.split("\0"))


def section(text: str, heading: str) -> str:
    """What stands under a heading, the sections below it not."""
    found = re.search(rf"^[HS] {re.escape(heading)}\n(.*)$", text, re.M)
    return found[1] if found else ""


def terms(text: str) -> set[str]:
    """The options that are explained, not only named."""
    return set(re.findall(r'\.TP (?:-\w ", " )?(--[a-z-]+)', text))


def in_bash(program: str, *words: str) -> list[str]:
    """What is offered for the last of the words, behind that program."""
    lines = 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _picket "$1"; printf "%s\\n" "${COMPREPLY[@]}"'
    return printed("bash", "-c", lines, DEPLOY / "completion" / "picket.bash", BINARIES / program, *words).split()


class Manual(unittest.TestCase):
    maxDiff = None

    def expect_explained(self, where: str, told: dict[str, str], text: str):
        told = {name: sentence for name, sentence in told.items() if name != "--help"}
        self.assertEqual(sorted(terms(text) - {"--help"}), sorted(told), where)
        for name, sentence in told.items():
            self.assertIn(sentence, text, f"{where} {name}: the page does not have the sentence of --help")

    def test_picket_1_has_each_command_with_the_options_of_help(self):
        text = page("picket.1")
        self.assertEqual(re.findall(r"^S picket (\w+)$", text, re.M), list(commands()))
        for command, sentence in commands().items():
            said = section(text, f"picket {command}")
            self.assertIn(sentence, said)
            self.expect_explained(command, options(printed(BINARIES / "picket", command, "--help")), said)

    def test_picket_waf_1_has_the_options_of_help(self):
        self.expect_explained("picket-waf", options(printed(BINARIES / "picket-waf", "--help")), section(page("picket-waf.1"), "OPTIONS"))

    def test_picket_guard_8_has_the_options_of_help(self):
        text = page("picket-guard.8")
        self.expect_explained("picket-guard", options(printed(BINARIES / "picket-guard", "--help")), section(text, "OPTIONS"))
        for category in re.findall(r'^    \{"(\w+)", "\w+", Group', (ROOT / "apps" / "guard" / "category.cpp").read_text(), re.M):
            self.assertIn(category, section(text, "CATEGORIES"))

    def test_gateway_kdl_5_has_each_key_that_is_read_and_no_other(self):
        tables = "".join(path.read_text() for path in (ROOT / "apps" / "gateway" / "config").glob("*_tables.cpp"))
        read = set(re.findall(r'^\s*(?:constexpr Key<\w+> \w+\[\] = \{)?\{\{"([a-z-]+)"(?:, (?:many|required|at_least_one)\b[^}]*)?\}', tables, re.M))
        read |= set(re.findall(r'\{\{"([a-z-]+)"(?:, many)?\}, \w', tables))  # several in a line
        self.assertGreater(len(read), 60)
        source = (DEPLOY / "man" / "gateway.kdl.5").read_text().replace("\\-", "-")
        explained = set(re.findall(r"^\.TP\n\.BI ([a-z-]+)", source, re.M)) | set(re.findall(r'^\.BR "([a-z]+) \{ \.\.\. \}"', source, re.M))
        named = set(re.findall(r"[a-z][a-z-]*", source))
        self.assertEqual(sorted(read - named), [], "keys without a word in gateway.kdl(5)")
        self.assertEqual(sorted(explained - read), [], "keys that nobody reads")


class Completion(unittest.TestCase):
    def test_bash_offers_the_commands(self):
        self.assertEqual(in_bash("picket", ""), [*commands(), "--help", "--version"])

    def test_bash_offers_each_option_of_each_command(self):
        for command in commands():
            told = options(printed(BINARIES / "picket", command, "--help"))
            self.assertEqual(in_bash("picket", command, "-"), list(told))
        for program in ("picket-waf", "picket-guard"):
            told = options(printed(BINARIES / program, "--help"))
            self.assertEqual(in_bash(program, "-"), list(told))

    def test_bash_offers_the_categories_of_the_guard(self):
        offered = in_bash("picket-guard", "--prompt", "")
        explained = re.findall(r"\w+", section(page("picket-guard.8"), "CATEGORIES").partition(".")[0])
        self.assertEqual(sorted(set(offered) - {"all", "none", "pii", "secrets"}), sorted(explained))

    def test_bash_offers_files_where_files_are_meant(self):
        for words in (("picket", "check"), ("picket", "call", "--record"), ("picket-waf", "--rules"), ("picket-guard", "--allow-file")):
            self.assertEqual(in_bash(*words, str(DEPLOY / "gateway.")), [str(DEPLOY / "gateway.kdl")], words)
        self.assertEqual(in_bash("picket", "agent", str(DEPLOY / "gateway.")), [])

    def test_bash_completes_each_program_that_has_options(self):
        asked = 'source "$0"; complete -p'
        programs = re.findall(r"_picket (\S+)", printed("bash", "-c", asked, DEPLOY / "completion" / "picket.bash"))
        installed = re.search(r"foreach\(program (.*?)\)", (ROOT / "tools" / "cmake" / "debian.cmake").read_text())[1].split()
        self.assertEqual(sorted(programs), sorted(installed))

    def test_bash_offers_only_values_that_are_taken(self):
        for command, option in (("call", "--encoding"), ("bench", "--encoding"), ("bench", "--mode")):
            offered = in_bash("picket", command, option, "")
            self.assertGreater(len(offered), 1)
            for value in [*offered, "none-of-these"]:
                line = [BINARIES / "picket", command, "--agent", "unix:/nonexistent/agent.sock", option, value]
                said = subprocess.run([*line, *(["--timeout-ms", "1", "/"] if command == "call" else [])],
                                      text=True, capture_output=True, check=False).stderr
                self.assertEqual(option in said, value == "none-of-these", f"{command} {option} {value}: {said}")


if __name__ == "__main__":
    sys.exit(unittest.main())
