"""Figures as a `make bench` leaves them, made up."""

from __future__ import annotations

from tools.bench.figures import FLOOR, SERIAL, SHARED, SUITE, TESTINFRA, Figures, LabSetting, Terms, Took


def took(*seconds: float, read: int = 3, stopped: bool = False) -> list[Took]:
    return [Took(each, each / 4, read, 3, stopped) for each in seconds]


def setting(**other: object) -> LabSetting:
    """Three datacenters, 40 ms away. The suite takes twice as long as the floor, and xargs half as long."""
    values: dict[str, object] = {
        "datacenters": 3, "delay_ms": 40.0, "dark": 0, "commands": 71, "scripted": 41, "tunnelled": 98, "checks": 420,
        "equal": {FLOOR: 420, SHARED: 419}, "load": (1.5, 2.25),
        "took": {
            FLOOR: took(4.0, 5.0, 6.0), SUITE: took(8.0, 10.0, 12.0), SHARED: took(2.0, 2.5, 3.0),
            SERIAL: took(60.0, stopped=True, read=2), TESTINFRA: took(30.0),
            f"{TESTINFRA} -n 4": took(9.0), f"{TESTINFRA} -n 8": took(7.0, 7.5), f"{TESTINFRA} -n 16": took(6.0, read=1),
        },
    }  # fmt: skip
    return LabSetting(**(values | other))  # type: ignore[arg-type]


def figures(*settings: LabSetting) -> Figures:
    return Figures(
        "2 processors",
        "2026-11-27",
        {"OpenSSH": "9.2"},
        (2.0, 1.0, 2.0),
        Terms(60, 1.5, (4, 8)),
        list(settings) or [setting()],
    )
