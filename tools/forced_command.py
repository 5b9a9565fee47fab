"""contrib/forced-command/az-checks-only and docs/short-list.md, both made from the short list (evidence/collect/permitted.py).

The program is what sshd starts in place of whatever the suite's key asks for: `command="…"` in authorized_keys.
"""

from __future__ import annotations

import hashlib
import shlex
from pathlib import Path

from evidence.collect import zone
from evidence.collect.marked import BASH
from evidence.collect.permitted import COMMANDS, LDAP, PORTS, VERBS
from evidence.subjects.triton import EXPORT_PATH

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = ROOT / "contrib" / "forced-command" / "az-checks-only"
PAGE = ROOT / "docs" / "short-list.md"
_PROGRAM = r"""#!/usr/bin/bash
# Lets a key do nothing but what triton-az-checks asks to judge a head node: `command="/opt/custom/bin/az-checks-only"` in authorized_keys.
# Made by tools/forced_command.py, for one version of the suite; docs/operation.md, "A key that can only read", says how it is installed.

LC_ALL=C
PATH=/usr/bin:/bin:/usr/sbin:/sbin
unset BASH_ENV ENV CDPATH IFS
set -f

commands=(
@COMMANDS@)
scripted=(
@SCRIPTED@)
script_is=@SHA256@
first=@FIRST@
path=@PATH@
quoted="'\"'\"'"
quote="'"

refuse() {
    local told
    printf -v told '%s: %.300q' "$1" "$SSH_ORIGINAL_COMMAND"
    logger -p auth.notice -t az-checks-only -- "$told" 2> /dev/null
    printf 'az-checks-only: %s\n' "$told" >&2
    exit 126
}

# What comes is `bash -c` with one quoted word, which prints a marker, sets PATH, and then does what is asked.
word=$SSH_ORIGINAL_COMMAND
[[ $word == "$first"*"$quote" ]] || refuse "not a command of triton-az-checks"
word=${word#"$first"}
word=${word%"$quote"}
word=${word//"$quoted"/$quote}
marks='^echo az-checks-[0-9a-f]{32}; echo az-checks-[0-9a-f]{32} >&2; '
[[ $word =~ $marks ]] || refuse "not a command of triton-az-checks"
asked=${word#"${BASH_REMATCH[0]}"}
[[ $asked == "$path"* ]] || refuse "not a command of triton-az-checks"
asked=${asked#"$path"}

for form in "${commands[@]}"; do
    [[ $asked =~ ^($form)$ ]] && exec @BASH@ --norc -c "$word" < /dev/null
done
for form in "${scripted[@]}"; do
    [[ $asked =~ ^($form)$ ]] || continue
    IFS= read -r -N 65536 script
    sum=$(printf %s "$script" | { digest -a sha256 2> /dev/null || openssl dgst -sha256 -r; })
    [[ ${sum%% *} == "$script_is" ]] || refuse "another script than that of this version"
    printf %s "$script" | @BASH@ --norc -c "$word"
    exit
done
refuse "not on the list"
"""
_PAGE = """\
# The short list

This page is made from `evidence/collect/permitted.py`. Do not edit it. This makes it again:
`AZ_GOLDEN=write .venv/bin/pytest -c tests/pytest.ini tests/security/test_forced_command.py`.

`az-checks run`, `nightly`, `doctor` and `init` ask a head node nothing else. (`az-checks apply` changes things, and needs a key without a
forced command.) Each is an extended regular expression. Those marked * read one script from their stdin, `evidence/collect/zone.sh`. Its
sha256 is `@SHA256@`.

| what for | command |
|---|---|
@ROWS@

Over connections that the head node forwards (to the ports @PORTS@): HTTP @VERBS@, of LDAP @LDAP@, and DNS questions.
"""


def _sha256() -> str:
    return hashlib.sha256(zone.SCRIPT.encode("ascii")).hexdigest()


def program() -> str:
    """The wrapper."""
    made = {
        "@COMMANDS@": "".join(f"    {shlex.quote(each.form)}\n" for each in COMMANDS if not each.scripted),
        "@SCRIPTED@": "".join(f"    {shlex.quote(each.form)}\n" for each in COMMANDS if each.scripted),
        "@SHA256@": _sha256(),
        "@FIRST@": shlex.quote(f"{BASH} --norc -c '"),
        "@PATH@": shlex.quote(EXPORT_PATH),
        "@BASH@": BASH,
    }
    text = _PROGRAM
    for hole, value in made.items():
        text = text.replace(hole, value)
    return text


def page() -> str:
    """The list for people."""
    rows = (f"| {each.why}{' *' if each.scripted else ''} | {_code(each.form)} |" for each in COMMANDS)
    made = {
        "@SHA256@": _sha256(),
        "@ROWS@": "\n".join(rows),
        "@PORTS@": ", ".join(map(str, sorted(PORTS))),
        "@VERBS@": ", ".join(sorted(VERBS)),
        "@LDAP@": ", ".join(sorted(LDAP)),
    }
    text = _PAGE
    for hole, value in made.items():
        text = text.replace(hole, value)
    return text


def _code(form: str) -> str:
    return (
        f"`{form.replace('|', '&#124;')}`"
        if "|" not in form
        else f"<code>{form.replace('|', '&#124;').replace('<', '&lt;')}</code>"
    )


def write() -> None:
    PROGRAM.parent.mkdir(parents=True, exist_ok=True)
    PROGRAM.write_text(program(), encoding="ascii")
    PROGRAM.chmod(0o755)
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    write()
