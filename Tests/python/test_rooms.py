"""What the contract promises of rooms, by an independent client on a real cluster: join, leave, act, cast, patch."""

import asyncio
import itertools
import json
import string

import aiohttp
import pytest
import pytest_asyncio
import redis

from cluster import PREFIX, Cluster, eventually
from witness import History, Witness, stored

LOG = 50
FIELDS, FIELD_BYTES, ROOM_BYTES = 1_024, 16 * 1_024, 256 * 1_024

numbers = itertools.count(1)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    cluster = Cluster(
        tmp_path_factory.mktemp("rooms"), REJOIN_LIMIT_MESSAGES="100000/s", REJOIN_LIMIT_BURST="1000000",
        REJOIN_LIMIT_ROOM_LOG=str(LOG))
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def database(cluster):
    with redis.Redis(host="127.0.0.1", port=cluster.redis.port) as database:
        yield database


@pytest.fixture
def room():
    return f"room{next(numbers)}"


@pytest_asyncio.fixture
async def made(cluster):
    """Makes clients; in the end every one has its rooms as Redis has them, and saw nothing that none may see."""
    history = History()

    async def make(node, *rooms, player=True, token=None):
        witness = Witness(f"user{next(numbers)}", history)
        await witness.connect(node, token=token)
        if player and token is None:
            await witness.register()
        for room in rooms:
            assert (await witness.join(room))["ok"]
        return witness

    make.history = history
    yield make
    try:
        await history.verify(cluster.redis)
    finally:
        for witness in history.witnesses:
            await witness.leave()


def keys_of(database, room):
    return [key for key in database.keys(f"{PREFIX}room:*") if f"{{{room}}}".encode() in key]


def refused(answer, code):
    assert answer["ok"] is False and answer["error"] == code and answer["message"], answer
    assert set(answer) <= {"ok", "error", "message", "retryAfter"}
    return True


# Joining and leaving


async def test_a_room_that_was_never_acted_on_is_empty_and_joining_it_writes_nothing(cluster, made, room, database):
    watcher = await made(cluster.nodes[0], player=False)
    empty = {"ok": True, "room": room, "epoch": "", "version": 0, "state": {}}
    assert await watcher.call("join", {"room": room}) == empty
    assert await watcher.call("join", {"room": room}) == empty
    assert await watcher.call("join", {"room": room, "since": None}) == empty
    assert await watcher.call("join", {"room": room, "since": {"epoch": "another", "version": 7}}) == empty
    missing_nothing = {"ok": True, "room": room, "epoch": "", "version": 0, "patches": []}
    assert await watcher.call("join", {"room": room, "since": {"epoch": "", "version": 0}}) == missing_nothing
    assert keys_of(database, room) == []
    assert await watcher.call("leave", {"room": room}) == {"ok": True}
    assert keys_of(database, room) == []


async def test_the_first_act_is_told_as_a_patch_from_nothing(cluster, made, room):
    watcher, player = await made(cluster.nodes[0], room, player=False), await made(cluster.nodes[1], room)
    assert await player.act(room, "1", {"set": {"a": [1, {"b": None}]}}) == {"ok": True, "version": 1}
    for client in (watcher, player):
        patch = await client.event("patch")
        assert patch["epoch"]
        assert patch == {
            "room": room, "epoch": patch["epoch"], "from": 0, "version": 1, "set": {"a": [1, {"b": None}]}, "del": []}
        assert client.all("state") == []


async def test_joining_again_is_a_fresh_answer_and_a_later_joiner_gets_all_of_the_room(cluster, made, room):
    player = await made(cluster.nodes[0], room)
    await player.act(room, "1", {"set": {"a": 1, "b": 2}})
    await player.act(room, "2", {"set": {"a": 3}, "del": ["b"]})
    await player.reaches(room, 2)
    epoch = player.rooms[room].epoch
    snapshot = {"ok": True, "room": room, "epoch": epoch, "version": 2, "state": {"a": 3}}
    assert await player.call("join", {"room": room}) == snapshot
    for node in cluster.nodes:
        watcher = await made(node, player=False)
        assert await watcher.call("join", {"room": room}) == snapshot
    # One socket is in the room once, however often it joined.
    await player.act(room, "3", {"set": {"a": 4}})
    await player.reaches(room, 3)
    assert [patch["version"] for patch in player.all("patch")] == [1, 2, 3]
    await player.call("leave", {"room": room})
    del player.rooms[room]
    assert refused(await player.call("act", {"room": room, "id": "4", "action": {"set": {"a": 5}}}), "not_joined")


async def test_since_within_the_log_gives_patches_and_beyond_it_all_of_the_room(cluster, made, room):
    player = await made(cluster.nodes[0], room)
    versions = 2 * LOG + 7
    for number in range(1, versions + 1):
        change = {"set": {f"f{number % 7}": number}}
        if number % 7 == 3:
            change = {"del": ["f2"]}
        assert (await player.act(room, str(number), change))["version"] == number
    await player.reaches(room, versions)
    epoch, state = player.rooms[room].epoch, player.rooms[room].state

    # Whoever followed the room, and a node that has just begun to.
    for node in (cluster.nodes[0], cluster.nodes[2]):
        client = await made(node, player=False)
        for known in (versions, versions - 1, versions - 7, versions - LOG + 1, versions - LOG):
            answer = await client.call("join", {"room": room, "since": {"epoch": epoch, "version": known}})
            assert set(answer) == {"ok", "room", "epoch", "version", "patches"}, known
            assert (answer["epoch"], answer["version"]) == (epoch, versions)
            assert (answer["patches"] == []) == (known == versions)
            at = known
            final = {}
            for patch in answer["patches"]:
                assert patch["from"] == at and set(patch) == {"from", "version", "set", "del"}
                assert not set(patch["set"]) & set(patch["del"])
                at = patch["version"]
                final |= patch["set"] | dict.fromkeys(patch["del"])
            assert at == versions
            assert final == {name: state.get(name) for name in final}
        beyond = {"ok": True, "room": room, "epoch": epoch, "version": versions, "state": state}
        for since in ({"epoch": epoch, "version": versions - LOG - 1}, {"epoch": epoch, "version": 0},
                      {"epoch": "another", "version": versions}, {"epoch": "", "version": 0},
                      {"epoch": epoch, "version": versions + 1}, {"epoch": epoch, "version": 2**53}):
            assert await client.call("join", {"room": room, "since": since}) == beyond, since


async def test_a_room_whose_log_is_large_in_bytes_can_still_be_rejoined(cluster, made, room):
    narrow = cluster.add("narrow", REJOIN_LIMIT_REDIS_REPLY=str(2 * 1_024 * 1_024))
    player = await made(cluster.nodes[0], room)
    fields = {f"f{number}": "x" * 16_000 for number in range(3)}
    for number in range(1, LOG + 1):
        await player.act(room, str(number), {"set": fields | {"n": number}})
    await player.reaches(room, LOG)
    client = await made(narrow, player=False)
    assert len(fields) * 16_000 * LOG > 2 * 1_024 * 1_024
    for known in (1, 2):
        answer = await client.call(
            "join", {"room": room, "since": {"epoch": player.rooms[room].epoch, "version": known}})
        assert answer["ok"] and answer["version"] == LOG, answer
    assert client.rooms[room].state == player.rooms[room].state
    await client.leave()
    cluster.nodes.remove(narrow)
    narrow.stop()


@pytest.mark.parametrize("since", [
    "", "now", 1, [], True, {}, {"epoch": "e"}, {"version": 1}, {"epoch": 1, "version": 1},
    {"epoch": "e", "version": "1"}, {"epoch": "e", "version": -1}, {"epoch": "e", "version": 1.5},
    {"epoch": "e", "version": True}, {"epoch": None, "version": 1}, {"epoch": "e", "version": 1e300}])
async def test_a_since_that_is_no_position_is_a_bad_request(cluster, made, room, since):
    watcher = await made(cluster.nodes[0], player=False)
    assert refused(await watcher.call("join", {"room": room, "since": since}), "bad_request")


NO_NAMES = [
    "", " ", "a b", "{a}", "a{b", "a}", "a\r\nb", "a\n", "\r", "*", "a*", "?", "[a]", "a/b", "a\\b", "\0", "a\0",
    "ä", "🎲", "a" * 65, "%61", "a\u2028", "@a", "#", None, 1, 1.5, True, ["a"], {"a": 1}]


async def test_names_that_are_no_rooms_are_refused_everywhere_and_leave_nothing_behind(cluster, made, database):
    player = await made(cluster.nodes[0])
    before = set(database.keys(f"{PREFIX}room:*"))
    for name in NO_NAMES:
        assert refused(await player.call("join", {"room": name}), "bad_request"), name
        assert refused(await player.call("leave", {"room": name}), "bad_request"), name
        assert refused(await player.call("act", {"room": name, "id": "1", "action": {"set": {"a": 1}}}), "bad_request")
        assert refused(await player.call("cast", {"room": name, "data": 1}), "bad_request"), name
    assert refused(await player.call("join", {}), "bad_request")
    assert set(database.keys(f"{PREFIX}room:*")) == before


@pytest.mark.parametrize("name", [
    "a", "-", ".", "_", ":", "..", "arenas", "log", "a:log", "a:acts", string.ascii_letters + "01234567._",
    string.digits + "._:-" * 13 + "ab"])
async def test_every_name_of_up_to_64_allowed_characters_is_a_room_of_its_own(cluster, made, name):
    assert len(name) <= 64
    player, watcher = await made(cluster.nodes[0], name), await made(cluster.nodes[1], name, player=False)
    assert (await player.act(name, "1", {"set": {"name": name}}))["version"] == 1
    await watcher.reaches(name, 1)
    assert watcher.rooms[name].state == {"name": name}


async def test_a_socket_is_in_16_rooms_at_most_and_leaving_one_makes_room(cluster, made, room):
    watcher = await made(cluster.nodes[0], player=False)
    rooms = [f"{room}.{number}" for number in range(17)]
    for name in rooms[:16]:
        assert (await watcher.join(name))["ok"]
    assert refused(await watcher.call("join", {"room": rooms[16]}), "rate_limited")
    assert (await watcher.join(rooms[0]))["ok"], "joining again takes no room"
    assert await watcher.call("leave", {"room": rooms[3]}) == {"ok": True}
    del watcher.rooms[rooms[3]]
    assert (await watcher.join(rooms[16]))["ok"]


async def test_who_has_left_hears_nothing_more_and_leaving_twice_is_no_failure(cluster, made, room):
    player, watcher = await made(cluster.nodes[0], room), await made(cluster.nodes[0], room, player=False)
    await player.act(room, "1", {"set": {"a": 1}})
    await watcher.reaches(room, 1)
    assert await watcher.call("leave", {"room": room}) == {"ok": True}
    del watcher.rooms[room]
    assert await watcher.call("leave", {"room": room}) == {"ok": True}
    assert await watcher.call("leave", {"room": f"{room}.never"}) == {"ok": True}
    await player.act(room, "2", {"set": {"a": 2}})
    await player.call("cast", {"room": room, "data": 1})
    await player.reaches(room, 2)
    # Whatever was sent before is heard before the answer to what was asked after it.
    await watcher.call("leave", {"room": room})
    assert [patch["version"] for patch in watcher.all("patch")] == [1] and watcher.all("cast") == []


def follow_each_other(patches, start):
    """Each patch begins where the one before it ended: none is missed and none comes twice.

    What was being gathered for one patch when a join was answered is in the answer too: the first may begin earlier.
    """
    steps = [(patch["from"], patch["version"]) for patch in patches]
    assert [begin for begin, _ in steps[1:]] == [end for _, end in steps[:-1]]
    assert not steps or steps[0][0] <= start
    assert not steps[1:] or steps[0][1] >= start, "at most one patch tells only what the answer told"


async def test_joiners_miss_no_patch_and_hear_none_twice_while_patches_flow(cluster, made, room):
    players = [await made(node, room) for node in cluster.nodes]
    joiners = [await made(node, player=False) for node in cluster.nodes for _ in range(4)]
    isOver = asyncio.Event()

    async def play(player, who):
        for number in range(250):
            assert (await player.act(room, f"{who}-{number}", {"set": {f"{who}": number}}))["ok"]

    async def join_and_leave(joiner):
        rounds = 0
        while not isOver.is_set():
            joiner.heard.clear()
            joiner.rooms.pop(room, None)
            joined = (await joiner.call("join", {"room": room}))["version"]
            await joiner.until(lambda: isOver.is_set() or len(joiner.all("patch")) >= rounds % 4)
            await joiner.call("leave", {"room": room})
            follow_each_other(joiner.all("patch"), joined)
            rounds += 1
        joiner.rooms.pop(room, None)
        return rounds

    joining = [asyncio.create_task(join_and_leave(joiner)) for joiner in joiners]
    try:
        await asyncio.gather(*(play(player, who) for who, player in enumerate(players)))
    finally:
        isOver.set()
        for joiner in joiners:
            joiner._wake()
    rounds = await asyncio.gather(*joining)
    assert sum(rounds) > 100, "there were joins amid the patches"


# Acting


async def test_who_may_act(cluster, made, room):
    watcher, player = await made(cluster.nodes[0], room, player=False), await made(cluster.nodes[0])
    act = {"room": room, "id": "1", "action": {"set": {"a": 1}}}
    assert refused(await watcher.call("act", act), "login_required")
    assert refused(await watcher.call("cast", {"room": room, "data": 1}), "login_required")
    assert refused(await player.call("act", act), "not_joined")
    assert refused(await player.call("cast", {"room": room, "data": 1}), "not_joined")
    await player.join(room)
    assert player.rooms[room].version == 0
    assert await player.call("act", act) == {"ok": True, "version": 1}


@pytest.mark.parametrize("id", ["", "a" * 65, "ä", "a\n", "a\tb", "\0", "\x7f", 1, None, [], {}])
async def test_ids_that_are_not_1_to_64_printable_ascii_characters_are_bad_requests(cluster, made, room, id):
    player = await made(cluster.nodes[0], room)
    assert refused(await player.call("act", {"room": room, "id": id, "action": {"set": {"a": 1}}}), "bad_request")
    assert refused(await player.call("act", {"room": room, "action": {"set": {"a": 1}}}), "bad_request")
    assert player.rooms[room].version == 0


async def test_ids_of_any_printable_ascii_characters_are_told_apart(cluster, made, room):
    player = await made(cluster.nodes[0], room)
    printable = "".join(map(chr, range(0x20, 0x7F)))
    ids = [printable[:64], printable[31:], "a" * 64, "a" * 63, "1", "11", "1 1", " ", ".*", "%1", "1:1", "a\\tb"]
    versions = [(await player.act(room, id, {"set": {"n": at}}))["version"] for at, id in enumerate(ids)]
    assert versions == list(range(1, len(ids) + 1))
    assert [(await player.act(room, id, {"set": {"n": -1}}))["version"] for id in ids] == versions


BAD_ACTIONS = [
    {}, {"set": {}}, {"del": []}, {"set": {}, "del": []}, {"if": {"a": None}}, {"set": []}, {"set": None}, {"set": "a"},
    {"del": {}}, {"del": "a"}, {"del": None}, {"del": [1]}, {"del": [None]}, {"set": {"a": 1}, "if": []},
    {"set": {"a": 1}, "if": "a"}, {"set": {"a": 1}, "type": "x"}, {"set": {"a": 1}, "SET": {}}, {"": {"a": 1}},
    {"set": {"": 1}}, {"del": [""]}, {"set": {"a": 1}, "del": ["a"]}, {"del": ["a", "a"]}, {"set": {"\0v": "9"}},
    {"del": ["\0e"]}, None, 1, "set", [], True]


async def test_actions_that_are_no_actions_are_bad_requests_and_change_nothing(cluster, made, room):
    player = await made(cluster.nodes[0], room)
    await player.act(room, "0", {"set": {"a": 0}})
    for number, action in enumerate(BAD_ACTIONS):
        answer = await player.call("act", {"room": room, "id": f"bad{number}", "action": action})
        assert refused(answer, "bad_request"), action
    assert refused(await player.call("act", {"room": room, "id": "x"}), "bad_request")
    assert (await player.act(room, "1", {"set": {"a": 1}}))["version"] == 2


async def test_a_key_that_comes_twice_is_a_bad_request(cluster, made, room):
    player = await made(cluster.nodes[0])
    async with aiohttp.ClientSession() as session:
        address = cluster.nodes[0].url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket"
        async with session.ws_connect(address) as socket:
            await socket.receive_str()
            await socket.send_str("40" + json.dumps({"token": player.token}))

            async def call(number, text):
                await socket.send_str(f"42{number}{text}")
                while not (packet := await socket.receive_str()).startswith(f"43{number}["):
                    if packet == "2":
                        await socket.send_str("3")
                return json.loads(packet[packet.index("["):])[0]
            while not (await socket.receive_str()).startswith("42"):
                pass
            assert (await call(1, f'["join",{{"room":"{room}"}}]'))["ok"]
            twice = ['{"set":{"a":1,"a":2}}', '{"set":{"a":1},"set":{"b":1}}', '{"set":{"a":1,"\\u0061":2}}',
                     '{"set":{"a":1},"del":["\\u0061"]}', '{"set":{"a":1},"if":{"b":1,"b":null}}']
            for number, action in enumerate(twice, 2):
                answer = await call(number, f'["act",{{"room":"{room}","id":"{number}","action":{action}}}]')
                assert refused(answer, "bad_request"), action
            spelled = '{ "set" : { "\\u0061" : 1.0e0 , "b":"\\ud83c\\udfb2" } , "if":{"a":null} }'
            assert (await call(20, f'["act",{{"room":"{room}","id":"s","action":{spelled}}}]'))["version"] == 1
    watcher = await made(cluster.nodes[1], room, player=False)
    assert watcher.rooms[room].state == {"a": 1, "b": "🎲"}


async def test_a_failure_that_asked_for_no_acknowledgement_is_an_error_event(cluster, made, room):
    watcher = await made(cluster.nodes[0], room, player=False)
    await watcher.client.emit("act", {"room": room, "id": "1", "action": {"set": {"a": 1}}})
    assert refused(await watcher.event("error"), "login_required")


async def test_an_act_is_applied_once_by_its_id_on_any_node(cluster, made, room):
    first = await made(cluster.nodes[0], room)
    others = [await made(node, room, token=first.token) for node in cluster.nodes[1:]]
    assert all(other.user == first.user for other in others)
    assert await first.act(room, "one", {"set": {"n": 1}}) == {"ok": True, "version": 1}
    assert await first.act(room, "two", {"set": {"n": 2}}) == {"ok": True, "version": 2}
    for other in [first, *others]:
        assert await other.act(room, "one", {"set": {"n": 3}}) == {"ok": True, "version": 1}
        assert await other.act(room, "one", {"del": ["n"]}) == {"ok": True, "version": 1}
    # By user and room: the same id is another act elsewhere.
    stranger = await made(cluster.nodes[0], room)
    assert await stranger.act(room, "one", {"set": {"m": 1}}) == {"ok": True, "version": 3}
    assert (await first.join(f"{room}.2"))["ok"]
    assert await first.act(f"{room}.2", "one", {"set": {"n": 1}}) == {"ok": True, "version": 1}


async def test_an_act_is_applied_once_however_many_send_it_at_the_same_time(cluster, made, room):
    first = await made(cluster.nodes[0], room)
    sockets = [first] + [await made(node, room, token=first.token) for node in cluster.nodes for _ in range(2)]
    acts = [f"act{number}" for number in range(40)]
    answers = await asyncio.gather(*(
        socket.act(room, act, {"set": {act: at}}) for act in acts for at, socket in enumerate(sockets)))
    versions = {}
    for act, answer in zip((act for act in acts for _ in sockets), answers):
        assert answer["ok"]
        assert versions.setdefault(act, answer["version"]) == answer["version"]
    assert sorted(versions.values()) == list(range(1, len(acts) + 1))
    await first.reaches(room, len(acts))


async def test_the_last_128_acts_of_a_user_are_remembered(cluster, made, room):
    player, other = await made(cluster.nodes[0], room), await made(cluster.nodes[1], room)
    await other.act(room, "0", {"set": {"other": True}})
    for number in range(1, 129):
        assert (await player.act(room, str(number), {"set": {"n": number}}))["version"] == number + 1
    again = await made(cluster.nodes[2], room, token=player.token)
    for number in (1, 2, 64, 128):
        assert await again.act(room, str(number), {"set": {"n": 0}}) == {"ok": True, "version": number + 1}
    assert await other.act(room, "0", {"set": {"n": 0}}) == {"ok": True, "version": 1}


async def test_what_was_refused_is_decided_anew(cluster, made, room):
    player, other = await made(cluster.nodes[0], room), await made(cluster.nodes[1], room)
    move = ("move", {"set": {"piece": "e4"}, "if": {"turn": "white"}})
    assert refused(await player.act(room, *move), "conflict")
    assert refused(await player.act(room, *move), "conflict")
    assert (await other.act(room, "turn", {"set": {"turn": "white"}}))["version"] == 1
    assert await player.act(room, *move) == {"ok": True, "version": 2}
    assert (await other.act(room, "turn2", {"set": {"turn": "black"}}))["version"] == 3
    assert await player.act(room, *move) == {"ok": True, "version": 2}, "applied before, whatever holds now"


async def test_if_compares_by_value(cluster, made, room):
    player = await made(cluster.nodes[0], room)
    value = {"b": [1, 2.5, "é", None, True], "a": {"x": {}, "y": []}}
    await player.act(room, "1", {"set": {"v": value, "n": None, "zero": 0}})
    holds = [{"v": {"a": {"y": [], "x": {}}, "b": [1.0, 2.5, "é", None, True]}},
             {"zero": 0.0}, {"zero": -0.0}, {"absent": None}, {"absent": None, "v": value, "zero": 0}]
    for number, condition in enumerate(holds):
        assert (await player.act(room, f"holds{number}", {"set": {"x": number}, "if": condition}))["ok"], condition
    fails = [{"v": value | {"c": 1}}, {"v": {"b": value["b"]}}, {"v": None}, {"zero": "0"}, {"zero": False},
             {"zero": 1}, {"absent": 0}, {"absent": False}, {"absent": ""}, {"n": None}, {"v": [value]},
             {"zero": 0, "absent": 1}, {"v": value | {"b": [2.5, 1, "é", None, True]}}]
    for number, condition in enumerate(fails):
        answer = await player.act(room, f"fails{number}", {"set": {"x": -1}, "if": condition})
        assert refused(answer, "conflict"), condition
    assert (await player.act(room, "last", {"del": ["x"], "if": {"x": len(holds) - 1}}))["version"] == len(holds) + 2


async def test_of_those_who_compare_at_the_same_time_one_wins_every_step(cluster, made, room):
    players = [await made(node, room) for node in cluster.nodes for _ in range(2)]
    await players[0].act(room, "start", {"set": {"n": 0}})

    async def count(player, who):
        wins = 0
        for number in range(30):
            await player.until(lambda: "n" in player.rooms[room].state)
            n = player.rooms[room].state["n"]
            answer = await player.act(room, f"{who}-{number}", {"set": {"n": n + 1}, "if": {"n": n}})
            assert answer["ok"] or answer["error"] == "conflict", answer
            wins += answer["ok"]
            # Won or lost, the number is another now; who asked before it is told of it would lose by that alone.
            await player.until(lambda: player.rooms[room].state["n"] > n)
        return wins

    wins = await asyncio.gather(*(count(player, who) for who, player in enumerate(players)))
    await players[0].reaches(room, sum(wins) + 1)
    assert players[0].rooms[room].state == {"n": sum(wins)} and sum(wins) >= 30


async def test_fields_under_a_user_are_written_by_that_user_alone(cluster, made, room):
    ada, bob = await made(cluster.nodes[0], room), await made(cluster.nodes[1], room)
    mine, its = f"@{ada.user['id']}/", f"@{bob.user['id']}/"
    assert (await ada.act(room, "1", {"set": {mine: 0, mine + "a": 1, mine + "a/b": 2, "@": 3, "@free": 4}}))["ok"]
    for number, action in enumerate([
            {"set": {its + "a": 1}}, {"set": {its: 1}}, {"del": [its + "a"]}, {"set": {"ok": 1, its + "a": 1}},
            {"set": {"@/a": 1}}, {"set": {"@nobody/a": 1}}, {"set": {f"@{ada.user['id']}x/a": 1}},
            {"set": {f"@{ada.user['id']}": 1, f"@{ada.user['id'].upper()}x/": 1}}]):
        assert refused(await ada.act(room, f"f{number}", action), "forbidden"), action
    assert refused(await bob.act(room, "2", {"del": [mine + "a"]}), "forbidden")
    assert (await bob.act(room, "3", {"set": {its + "a": 1, "@free": 5}, "if": {mine + "a": 1}}))["ok"]
    assert (await ada.act(room, "4", {"del": [mine + "a"]}))["version"] == 3


async def test_field_names_have_1_to_128_bytes_of_utf8(cluster, made, room):
    player = await made(cluster.nodes[0], room)
    allowed = ["a", " ", "*", "{}", "\r\n", "a\0b", "🎲", "x" * 128, "é" * 64, "e\u0301", "\u00e9", "__proto__",
               "\n\t1"]
    answer = await player.act(room, "1", {"set": {name: at for at, name in enumerate(allowed)}})
    assert answer == {"ok": True, "version": 1}
    await player.reaches(room, 1)
    watcher = await made(cluster.nodes[1], room, player=False)
    assert watcher.rooms[room].state == player.rooms[room].state == {name: at for at, name in enumerate(allowed)}
    for number, name in enumerate(["x" * 129, "é" * 65]):
        answer = await player.act(room, f"long{number}", {"set": {name: 1}})
        assert not answer["ok"] and answer["error"] in ("too_large", "bad_request")
    assert (await player.act(room, "2", {"del": allowed}))["version"] == 2
    await watcher.reaches(room, 2)
    assert watcher.rooms[room].state == {}


async def test_a_field_has_16_kib_at_most(cluster, made, room):
    player = await made(cluster.nodes[0], room)
    assert refused(await player.act(room, "1", {"set": {"a": "x" * (FIELD_BYTES - 1)}}), "too_large")
    assert (await player.act(room, "1", {"set": {"a": "x" * (FIELD_BYTES - 2)}}))["version"] == 1
    assert refused(await player.act(room, "2", {"set": {"b": 1, "a": "x" * FIELD_BYTES}}), "too_large")


async def test_a_room_has_1024_fields_at_most(cluster, made, room):
    player = await made(cluster.nodes[0], room)
    assert (await player.act(room, "1", {"set": {str(n): n for n in range(FIELDS)}}))["version"] == 1
    assert refused(await player.act(room, "2", {"set": {"one more": 1}}), "too_large")
    assert (await player.act(room, "3", {"set": {"7": "changed"}}))["version"] == 2
    assert (await player.act(room, "4", {"set": {"one more": 1}, "del": ["7"]}))["version"] == 3
    assert refused(await player.act(room, "5", {"set": {"7": 7}}), "too_large")
    assert refused(await player.act(room, "6", {"set": {f"n{n}": n for n in range(FIELDS + 1)}}), "too_large")
    assert (await player.act(room, "7", {"del": [str(n) for n in range(500) if n != 7]}))["version"] == 4
    assert (await player.act(room, "5", {"set": {"7": 7}}))["version"] == 5


async def test_a_room_has_256_kib_at_most(cluster, made, room):
    player = await made(cluster.nodes[0], room)
    version = 0
    for number in range(15):
        version = (await player.act(room, str(number), {"set": {f"f{number}": "x" * 16_000}}))["version"]
    filled = 15 * 16_002
    for rest in range(17, 40):
        if not (await player.act(room, f"r{rest}", {"set": {f"r{rest}": "x" * 1_000}}))["ok"]:
            break
        filled += 1_002
    assert ROOM_BYTES - 8_192 < filled <= ROOM_BYTES
    assert refused(await player.act(room, "over", {"set": {"over": "x" * 16_000}}), "too_large")
    assert (await player.act(room, "smaller", {"set": {"f0": "x"}}))["ok"]
    assert (await player.act(room, "over", {"set": {"over": "x" * 15_000}}))["ok"]
    assert version == 15


async def test_a_user_begins_so_many_rooms_in_an_hour_and_acts_in_all_there_are(cluster, made, room, database):
    node = cluster.add("few", REJOIN_LIMIT_NEW_ROOMS="3", REJOIN_LIMIT_ROOMS_PER_SOCKET="100")
    player, other = await made(node), await made(cluster.nodes[0])
    for number in range(4):
        assert (await player.join(f"{room}.{number}"))["ok"]
        answer = await player.act(f"{room}.{number}", "1", {"set": {"a": 1}})
        assert answer["ok"] if number < 3 else refused(answer, "rate_limited"), answer
    assert 3_500_000 < answer["retryAfter"] <= 3_600_000
    assert not database.exists(f"{PREFIX}room:{{{room}.3}}")
    # On every node; in rooms that there are, acting goes on.
    assert (await player.act(f"{room}.0", "2", {"set": {"a": 2}}))["ok"]
    assert (await other.join(f"{room}.3"))["ok"]
    assert (await other.act(f"{room}.3", "1", {"set": {"a": 1}}))["ok"]
    assert (await player.act(f"{room}.3", "2", {"set": {"a": 2}}))["ok"]
    cluster.nodes.remove(node)
    await player.leave()
    node.stop()


async def test_everybody_sees_the_acts_of_all_nodes_in_one_order(cluster, made, room):
    crowd = [await made(node, room) for node in cluster.nodes for _ in range(2)]
    watchers = [await made(node, room, player=False) for node in cluster.nodes]

    async def play(player, who):
        for number in range(50):
            change = {"set": {"last": f"{who}-{number}", f"f{number % 5}": who}}
            if number % 10 == 9:
                change = {"del": [f"f{number % 5}"], "set": {"last": f"{who}-{number}"}}
            assert (await player.act(room, f"{who}-{number}", change))["ok"]

    await asyncio.gather(*(play(player, who) for who, player in enumerate(crowd)))
    versions = 50 * len(crowd)
    for client in crowd + watchers:
        await client.reaches(room, versions)
        follow_each_other(client.all("patch"), 0)
    assert len({patch["epoch"] for client in crowd + watchers for patch in client.all("patch")}) == 1


# Casting


async def test_a_cast_reaches_everybody_but_the_socket_it_comes_from(cluster, made, room):
    sender = await made(cluster.nodes[0], room)
    tab = await made(cluster.nodes[0], room, token=sender.token)
    others = [tab, await made(cluster.nodes[0], room, player=False), await made(cluster.nodes[1], room),
              await made(cluster.nodes[2], room, player=False)]
    outside = await made(cluster.nodes[1], player=False)
    contents = [{"x": 1, "y": [None, "é🎲"]}, None, 0, "text", [], True, {"set": {"a": 1}}]
    for content in contents:
        assert await sender.call("cast", {"room": room, "data": content}) == {"ok": True}
    for other in others:
        await other.until(lambda: len(other.all("cast")) == len(contents))
        assert other.all("cast") == [
            {"room": room, "by": {"id": sender.user["id"], "name": sender.name}, "data": content}
            for content in contents]
    # An act after the casts: who has heard of it would have heard of them.
    await sender.act(room, "1", {"set": {"a": 1}})
    await sender.reaches(room, 1)
    assert sender.all("cast") == [] and outside.all("cast") == []
    late = await made(cluster.nodes[2], room, player=False)
    assert late.rooms[room].state == {"a": 1} and late.all("cast") == []
    for body in ({"room": room}, {"data": 1}):
        assert refused(await sender.call("cast", body), "bad_request")


async def test_the_name_and_id_of_a_payload_never_override_the_sessions(cluster, made, room):
    player, other = await made(cluster.nodes[0], room), await made(cluster.nodes[1], room)
    forged = {"room": room, "data": 1, "by": {"id": other.user["id"], "name": "root"}, "userId": other.user["id"]}
    assert (await player.call("cast", forged))["ok"]
    assert (await other.event("cast"))["by"] == player.user | {"name": player.name}
    answer = await player.call("act", {
        "room": room, "id": "1", "userId": other.user["id"], "action": {"set": {f"@{other.user['id']}/a": 1}}})
    assert refused(answer, "forbidden")


async def test_after_a_logout_nothing_of_the_session_is_applied(cluster, made, room, database):
    player = await made(cluster.nodes[0], room)
    other = await made(cluster.nodes[1], room, token=player.token)
    isOut = asyncio.Event()

    async def act_on():
        number, refusals = 0, 0
        while refusals < 5:
            number += 1
            late = isOut.is_set()
            if late:
                made.history.logouts.setdefault(other.user["id"], set()).add(f"o{number}")
            answer = await other.act(room, f"o{number}", {"set": {"n": number}})
            assert not (late and answer["ok"])
            if not answer["ok"]:
                assert refused(answer, "login_required")
                refusals += 1

    acting = asyncio.create_task(act_on())
    await eventually(lambda: asyncio.sleep(0, other.rooms[room].version > 20))
    assert (await player.call("logout", {}))["ok"]
    isOut.set()
    version = stored(database, room)[1]
    await acting
    assert stored(database, room)[1] == version
