"""The printed function that changes a NAPI network, when NAPI or a tool fails: then it writes nothing, and says so."""

from __future__ import annotations

import subprocess

import pytest

from remediate import napi

NETWORK = "22222222-2222-4222-8222-222222222222"
HEAD = "HTTP/1.1 200 OK\r\netag: one\r\n\r\n"
THEIRS = f'{{"uuid":"{NETWORK}","routes":{{"10.78.0.0/24":"10.1.1.1"}}}}'
JSON = f"""json() {{
    case $2 in
    uuid) echo {NETWORK} ;;
    *) ROUTES ;;
    esac
}}
sdc-napi() {{ [[ $2 == -X ]] && echo "$*" >&2; printf '%s' "$SAID"; }}
"""


def typed(said: str, routes: str) -> subprocess.CompletedProcess[str]:
    """Adds a route if NAPI says `said`, and json extracts `routes` from it."""
    command = JSON.replace("ROUTES", routes) + napi.routes_in(NETWORK, {"10.77.0.0/24": "10.1.1.1"})
    environment = {"PATH": "/usr/bin:/bin", "SAID": said}
    return subprocess.run(["bash", "-c", command], text=True, capture_output=True, check=False, env=environment)


def test_what_others_have_put_there_is_written_back() -> None:
    done = typed(HEAD + THEIRS, """echo '{ "10.78.0.0/24": "10.1.1.1" }'""")
    assert '{"routes":{"10.78.0.0/24":"10.1.1.1","10.77.0.0/24":"10.1.1.1"}}' in done.stderr
    assert "if-match: one" in done.stderr


@pytest.mark.parametrize(
    "routes", ["return 1", "echo '{ \"10.78.0.0/24\":'; return 1", "echo '{ \"10.78.0'", "echo oops"]
)
def test_where_json_does_not_say_what_is_there_nothing_is_written(routes: str) -> None:
    done = typed(HEAD + THEIRS, routes)
    assert done.returncode == 1
    assert "PUT" not in done.stderr
    assert "not changed" in done.stderr


@pytest.mark.parametrize(
    "said", ["", "<html>", "HTTP/1.1 404 Not Found\r\n\r\n{}", THEIRS, "HTTP/1.1 200 OK\r\n\r\n" + THEIRS]
)
def test_without_an_etag_nothing_is_written(said: str) -> None:
    done = typed(said, "echo '{}'")
    assert (done.returncode, "PUT" in done.stderr) == (1, False)
