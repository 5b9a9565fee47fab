"""How every command is sent to a head node: to bash, as one word, behind a marker and with SmartOS's PATH."""

import re
import shlex

PATH_FIRST = "export PATH=/usr/bin:/bin:/usr/sbin:/sbin:/smartdc/bin:/opt/smartdc/bin:/opt/local/bin:/opt/local/sbin; "
MARKS = re.compile(r"echo (az-checks-[0-9a-f]{32}); echo \1 >&2; (.*)", re.DOTALL)


def asked(sent: str | None) -> str:
    """The command itself."""
    return _taken_apart(sent)[1]


def marker(sent: str | None) -> str:
    """What a shell that runs the command prints first, on both streams."""
    return f"{_taken_apart(sent)[0]}\n"


def _taken_apart(sent: str | None) -> tuple[str, str]:
    assert sent is not None
    *shell, word = shlex.split(sent)
    assert shell == ["/usr/bin/bash", "--norc", "-c"], sent
    found = MARKS.fullmatch(word)
    assert found is not None, sent
    assert found[2].startswith(PATH_FIRST), sent
    return found[1], found[2].removeprefix(PATH_FIRST)
