"""What every command that is sent to a head node begins with: SmartOS's PATH for ssh, and Triton's folders after it."""

PATH_FIRST = "export PATH=/usr/bin:/bin:/usr/sbin:/sbin:/smartdc/bin:/opt/smartdc/bin:/opt/local/bin:/opt/local/sbin; "


def asked(sent: str | None) -> str:
    """The command itself."""
    assert sent is not None
    assert sent.startswith(PATH_FIRST), sent
    return sent.removeprefix(PATH_FIRST)
