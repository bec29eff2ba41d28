"""Who is let in: block lists, allow lists, and files that are read again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from services.relays import TCP, Log, Relays, echo, everything, outcome, pair, tally

from nodenet import net
from nodenet.events import once
from nodenet.services._address_lists import AddressLists

# -- the lists ----------------------------------------------------------------------------------


def test_without_lists_everybody_is() -> None:
    assert AddressLists().admits("192.0.2.1")


def test_who_is_blocked_is_not() -> None:
    lists = AddressLists(block=["10.0.0.0/8", "2001:db8::/32,192.0.2.7"])
    for address in ("10.1.2.3", "2001:db8::1", "192.0.2.7", "::ffff:10.1.2.3"):
        assert not lists.admits(address)
    for address in ("11.0.0.1", "2001:db9::1", "192.0.2.8"):
        assert lists.admits(address)


def test_where_there_is_an_allow_list_nobody_else_is() -> None:
    lists = AddressLists(allow=["10.0.0.0/8", "::1"])
    for address in ("10.1.2.3", "::1", "::ffff:10.1.2.3"):
        assert lists.admits(address)
    for address in ("11.0.0.1", "::2", "no address"):
        assert not lists.admits(address)


def test_who_is_on_both_is_not() -> None:
    lists = AddressLists(block=["10.0.0.7"], allow=["10.0.0.0/8"])
    assert lists.admits("10.0.0.6")
    assert not lists.admits("10.0.0.7")


def test_an_empty_allow_list_lets_nobody_in(tmp_path: Path) -> None:
    (tmp_path / "allowed").write_text("# nobody yet\n")
    assert not AddressLists(allow=[f"@{tmp_path}/allowed"]).admits("10.0.0.1")


def test_a_zone_does_not_hide_anybody() -> None:
    assert not AddressLists(block=["fe80::/10"]).admits("fe80::1%eth0")


def test_a_unix_socket_s_client_has_no_address_to_be_on_a_list() -> None:
    assert AddressLists(block=["0.0.0.0/0", "::/0"], allow=["10.0.0.1"]).admits(None)


def test_a_file_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "blocked"
    file.write_text("10.0.0.1\n")
    lists = AddressLists(block=[f"@{file}"])
    file.write_text("10.0.0.2\n")
    assert not lists.admits("10.0.0.1")
    lists.readAgain()
    assert lists.admits("10.0.0.1")
    assert not lists.admits("10.0.0.2")


def test_one_bad_file_leaves_all_lists_as_they_were(tmp_path: Path) -> None:
    block, allow = tmp_path / "blocked", tmp_path / "allowed"
    block.write_text("10.0.0.1\n")
    allow.write_text("10.0.0.0/8\n")
    lists = AddressLists(block=[f"@{block}"], allow=[f"@{allow}"])
    block.write_text("10.0.0.2\n")
    allow.write_text("10.0.0.0/8\nten\n")
    with pytest.raises(ValueError, match=rf"^{allow}:2: allow must hold addresses"):
        lists.readAgain()
    assert not lists.admits("10.0.0.1")
    assert lists.admits("10.0.0.2")


def test_a_file_is_the_same_wherever_the_process_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "blocked").write_text("10.0.0.1\n")
    monkeypatch.chdir(tmp_path)
    lists = AddressLists(block=["@blocked"])
    monkeypatch.chdir(os.sep)
    lists.readAgain()
    assert not lists.admits("10.0.0.1")


def test_a_file_that_became_a_pipe_leaves_the_list_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "blocked"
    file.write_text("10.0.0.1\n")
    lists = AddressLists(block=[f"@{file}"])
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(ValueError, match=f"cannot read {file}: it is no regular file"):
        lists.readAgain()
    assert not lists.admits("10.0.0.1")


# -- a relay that has them ----------------------------------------------------------------------


async def test_a_blocked_client_costs_the_target_nothing(relays: Relays, log: Log) -> None:
    reached: list[net.Socket] = []
    service = relays.start(TCP, await relays.target(reached.append), block=["127.0.0.0/8"])
    assert await outcome(await relays.client(service)) in ("end", "ECONNRESET")
    assert tally(service)["connectionsBlocked"] == 1
    assert tally(service)["connectionsAccepted"] == 0
    assert not reached
    assert not log.ends


async def test_who_is_not_on_an_allow_list_is_blocked(relays: Relays) -> None:
    to = await relays.target(echo)
    closed = relays.start(TCP, to, allow=["192.0.2.1"])
    assert await outcome(await relays.client(closed)) in ("end", "ECONNRESET")
    open_ = relays.start(TCP, to, allow=["192.0.2.1", "127.0.0.1"])
    client = await relays.client(open_)
    client.end("hello")
    assert await everything(client) == b"hello"


async def test_an_endpoint_s_own_list_counts_as_well(relays: Relays) -> None:
    service = relays.start(f"{TCP}:blockList=127.0.0.1", await relays.target(echo))
    assert await outcome(await relays.client(service)) in ("end", "ECONNRESET")
    assert tally(service)["connectionsBlocked"] == 1


async def test_who_comes_onto_a_list_is_cut_off(relays: Relays, log: Log, tmp_path: Path) -> None:
    file = tmp_path / "blocked"
    file.write_text("")
    service, client, target = await pair(relays, block=[f"@{file}"])
    file.write_text("127.0.0.1\n")
    service.reload()
    assert [await outcome(one) for one in (client, target)] == ["ECONNRESET"] * 2
    assert log.ends[0]["why"] == "blocked"
    assert await outcome(await relays.client(service)) in ("end", "ECONNRESET")


async def test_a_list_with_an_error_changes_nothing(
    relays: Relays, log: Log, tmp_path: Path
) -> None:
    file = tmp_path / "blocked"
    file.write_text("192.0.2.1\n")
    service, client, target = await pair(relays, block=[f"@{file}"])
    file.write_text("127.0.0.1\n\nnonsense\n")
    service.reload()
    said = [line for line in log.lines if "stay as they were" in line]
    assert len(said) == 1
    assert f"{file}:3: " in said[0]
    assert "\n" not in said[0]
    client.write("still here")
    assert await once(target, "data") == (b"still here",)
