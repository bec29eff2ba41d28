"""The command line of the relay: what it makes of its options, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodenet.tap import Options


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--connect tcp:h:1", "say where to listen: --listen ENDPOINT"),
        ("--listen tcp:0", "say what to relay to: --connect ENDPOINT"),
        ("--listen tcp:x --connect tcp:h:1", "--listen 'tcp:x' at character 5: "),
        ("--listen tcp:0 --connect tcp", "--connect 'tcp': "),
        ("--listen udp:0 --connect tcp:h:1", "udp:0 cannot be relayed to tcp:h:1: UDP goes to"),
        ("--listen tcp:0 --connect tcp:h:1 --block @none", "cannot read "),
        ("--listen tcp:0 --connect tcp:h:1 --allow x", "allow must hold addresses"),
        ("--listen tcp:0 --connect tcp:h:1 --max-connections x", "--max-connections takes a numb"),
        ("--listen tcp:0 --connect tcp:h:1 --max-connections 0", "there must be room for 1"),
        ("--listen tcp:0 --connect tcp:h:1 --idle-timeout x", "--idle-timeout takes a number of"),
        ("--listen tcp:0 --connect tcp:h:1 --proxy-protocol 9", "versions 1 and 2, not 9"),
        ("--listen tcp:0 --connect tls:h:1 --proxy-protocol 2", "has to come before TLS"),
        ("--listen tcp:0 --connect tcp:h:1 --workers 99999999", "a number, 1 to 1024, or auto"),
        ("--listen tcp:0 --connect tcp:h:1 --workers ٣", "a number, 1 to 1024, or auto"),
        ("--listen udp:9 --connect udp:h:1 --workers 2", "for each, udp:9:reusePort=yes"),
    ],
)
def test_a_mistake_is_one_line(
    arguments: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as raised:
        Options().parseOptions(["relay", *arguments.split()])
    assert str(raised.value).startswith("twistd nodenet relay: ")
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_everything_at_once_is_understood(tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("192.0.2.1\n")
    options = Options()
    options.parseOptions(
        [
            "relay", "--listen", "tcp:0", "--listen", "unix:/nowhere", "--connect", "tcp:h:1",
            "--block", f"@{tmp_path}/blocked", "--block", "10.0.0.0/8", "--allow", "::/0",
            "--max-connections", "10", "--connect-timeout", "0.5", "--idle-timeout", "0",
            "--time-limit", "3600", "--proxy-protocol", "2", "--grace", "0", "--stats", "0",
        ]
    )  # fmt: skip
    service = options.subOptions.makeService()
    assert [str(endpoint) for endpoint in service.endpoints] == ["tcp:0", "unix:/nowhere"]
    assert service.grace == 0
    assert service.listening == []
