import pytest
import pytest_asyncio

from canary import CREDENTIAL
from cluster import LOGS, PASSWORD, Cluster, Player, Redis
from example import ChatNode, Example


@pytest.fixture(scope="session", autouse=True)
def no_log_has_a_secret():
    """Whatever the tests did: no node has logged a password, a credential or a ticket of theirs."""
    yield
    beginning = PASSWORD[:13].encode()
    told = [path for path in LOGS if path.exists()]
    assert LOGS == [] or told, "the logs are gone"
    for path in told:
        text = path.read_bytes()
        assert beginning not in text and not CREDENTIAL.search(text), f"{path} has a password, a credential or a ticket"


@pytest.fixture
def cluster(tmp_path):
    cluster = Cluster(tmp_path)
    yield cluster
    cluster.stop()


@pytest.fixture
def own_cluster(tmp_path):
    """Makes clusters that one test may treat badly."""
    made = []

    def make(nodes=1, **environment):
        made.append(Cluster(tmp_path, nodes, **environment))
        return made[-1]

    yield make
    for cluster in made:
        cluster.stop()


@pytest.fixture(scope="module")
def echo(tmp_path_factory):
    """The example server that sends back what it gets; it must survive all of a module's tests."""
    echo = Example("SocketIOEcho", tmp_path_factory.mktemp("echo") / "echo.log")
    yield echo
    echo.stop()


@pytest.fixture
def chat(tmp_path):
    """Starts nodes of the example that runs on several."""
    redis = Redis(tmp_path)
    nodes = []
    try:
        yield lambda name: nodes.append(ChatNode(name, redis, tmp_path)) or nodes[-1]
    finally:
        for node in nodes:
            node.stop()
        redis.stop()


@pytest_asyncio.fixture
async def players():
    """Makes players, and disconnects them at the end."""
    made = []

    def make(**options):
        made.append(Player(**options))
        return made[-1]

    yield make
    for player in made:
        await player.leave()
