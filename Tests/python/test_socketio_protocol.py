"""Socket.IO v5, as its specification has it, over both transports: CONNECT, DISCONNECT, events, acknowledgements."""

import asyncio
import json
import time

import aiohttp
import pytest
import pytest_asyncio

from engine import TRANSPORTS


@pytest_asyncio.fixture
async def http():
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        yield session


@pytest_asyncio.fixture(params=TRANSPORTS)
async def session(request, http, echo):
    """An Engine.IO session on which nothing has been said yet."""
    session = await TRANSPORTS[request.param](http, echo.url).open()
    yield session
    await session.leave()


async def send(session, packet, *attachments):
    await session.send("4" + packet, *attachments)


async def connect(session, namespace="", auth=""):
    """Connects, and returns the socket's id."""
    await send(session, "0" + namespace + auth)
    answer = await session.message()
    assert answer.startswith("0" + namespace + "{"), answer
    connected = json.loads(answer[1 + len(namespace):])
    assert set(connected) == {"sid"} and isinstance(connected["sid"], str)
    assert connected["sid"] != session.handshake["sid"]
    assert await session.message() == f'2{namespace}["auth",{auth or "{}"}]'
    return connected["sid"]


async def lives(session, namespace=""):
    await send(session, f'2{namespace}["message","alive"]')
    assert await session.message() == f'2{namespace}["message-back","alive"]'


# CONNECT


async def test_a_client_connects_to_the_main_namespace(session):
    await connect(session)
    await lives(session)


async def test_a_client_connects_to_the_main_namespace_with_a_payload(session):
    await connect(session, auth='{"token":"123","nested":[{}]}')


async def test_a_client_connects_to_a_namespace(session):
    await connect(session, "/custom,")
    await lives(session, "/custom,")


async def test_a_client_connects_to_a_namespace_with_a_payload(session):
    await connect(session, "/custom,", '{"token":"abc"}')


async def test_a_client_connects_to_several_namespaces_as_several_sockets(session):
    assert await connect(session) != await connect(session, "/custom,", '{"a":1}')
    await lives(session)
    await lives(session, "/custom,")


async def test_an_unknown_namespace_is_refused_and_the_session_goes_on(session):
    await send(session, "0/random,")
    assert await session.message() == '4/random,{"message":"Invalid namespace"}'
    await connect(session)


@pytest.mark.parametrize("payload", ["[]", '"a"', "true", "null", "abc", "{"])
async def test_a_connect_whose_payload_is_no_object_closes_the_session(session, payload):
    await send(session, "0" + payload)
    assert await session.closed() == []


async def test_a_second_connect_closes_the_session(session):
    await connect(session)
    await send(session, "0")
    assert await session.closed() == []


async def test_a_session_on_which_nobody_connects_is_closed(session):
    begin = time.monotonic()
    assert await session.closed() == []
    assert 0.5 < time.monotonic() - begin < 4


# DISCONNECT


async def test_a_client_leaves_the_main_namespace_and_may_connect_again(session):
    first = await connect(session)
    await send(session, "1")
    assert await connect(session) != first


async def test_a_client_leaves_one_namespace_and_stays_in_the_other(session):
    await connect(session)
    await connect(session, "/custom,")
    await send(session, "1/custom,")
    await lives(session)
    await send(session, '2/custom,["message"]')
    assert await session.closed() == []


# Events


async def test_an_event_carries_several_arguments(session):
    await connect(session)
    await send(session, '2["message",1,"2",{"3":[true,null]}]')
    assert await session.message() == '2["message-back",1,"2",{"3":[true,null]}]'
    await send(session, '2["message"]')
    assert await session.message() == '2["message-back"]'


async def test_an_event_of_a_namespace_stays_there(session):
    await connect(session)
    await connect(session, "/custom,")
    await send(session, '2/custom,["message","é"]')
    assert await session.message() == '2/custom,["message-back","é"]'
    await lives(session)


async def test_an_event_carries_binary_arguments(session):
    await connect(session)
    arguments = '{"_placeholder":true,"num":0},[{"a":{"_placeholder":true,"num":1}}]'
    await send(session, f'52-["message",{arguments}]', b"\x01\x02\x03", b"\x04\x05\x06")
    assert await session.message() == f'52-["message-back",{arguments}]'
    assert [await session.message(), await session.message()] == [b"\x01\x02\x03", b"\x04\x05\x06"]
    await lives(session)


async def test_a_large_binary_argument_arrives_whole(session):
    await connect(session)
    # More than the server reads at once; little enough to be decoded between two heartbeats by a debug build under load.
    large = bytes(range(256)) * 40
    await send(session, '51-["message",{"_placeholder":true,"num":0}]', large)
    assert await session.message() == '51-["message-back",{"_placeholder":true,"num":0}]'
    assert await session.message() == large


# Acknowledgements


async def test_an_event_is_acknowledged_with_its_number(session):
    await connect(session)
    await send(session, '2456["message-with-ack",1,"2",{"3":[false]}]')
    assert await session.message() == '3456[1,"2",{"3":[false]}]'
    await send(session, '20["message-with-ack"]')
    assert await session.message() == "30[]"


async def test_an_event_of_a_namespace_is_acknowledged_there(session):
    await connect(session, "/custom,")
    await send(session, '2/custom,789["message-with-ack","a"]')
    assert await session.message() == '3/custom,789["a"]'


async def test_binary_arguments_are_acknowledged(session):
    await connect(session, "/custom,")
    arguments = '{"_placeholder":true,"num":0},"text",{"_placeholder":true,"num":1}'
    await send(session, f'52-/custom,789["message-with-ack",{arguments}]', b"\x01\x02\x03", b"")
    assert await session.message() == f"62-/custom,789[{arguments}]"
    assert [await session.message(), await session.message()] == [b"\x01\x02\x03", b""]


async def test_many_events_are_acknowledged_in_order(session):
    await connect(session)
    await session.send(*(f'42{number}["message-with-ack",{number}]' for number in range(200)))
    assert [await session.message() for _ in range(200)] == [f"3{number}[{number}]" for number in range(200)]


# What is no packet


@pytest.mark.parametrize("packet", [
    "abc", "", "7", "2{}", "2abc", "2[]", '2[1,"message"]', '2abc["message-with-ack",1]', '2["message",1', '2["connect"]',
    '5["message"]', '51-["message"]', '51-["message",{"_placeholder":true,"num":1}]', "3", "31", "4{}", '2/custom,["a"]'])
async def test_what_is_no_packet_closes_the_session(session, packet):
    await connect(session)
    await send(session, packet)
    assert await session.closed() == []


async def test_an_event_before_the_connect_closes_the_session(session):
    await send(session, '2["message"]')
    assert await session.closed() == []


async def test_a_text_message_amid_attachments_closes_the_session(session):
    await connect(session)
    with_two = '52-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]'
    await send(session, with_two, b"\x01", '42["message"]')
    assert await session.closed() == []


async def test_a_binary_message_that_nobody_announced_closes_the_session(session):
    await connect(session)
    await session.send(b"\x01")
    assert await session.closed() == []


async def test_one_session_that_breaks_the_protocol_is_none_of_its_neighbours_business(session, http, echo):
    await connect(session)
    for transport in TRANSPORTS.values():
        neighbour = await transport(http, echo.url).open()
        await send(neighbour, "abc")
        assert await asyncio.wait_for(neighbour.closed(), 5) == []
    await lives(session)
