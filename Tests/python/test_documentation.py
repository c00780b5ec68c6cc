"""What the documentation says is what the program does."""

import asyncio
import pathlib
import re
import subprocess
import sys

from balancer import Balancer
from cluster import BINARY, eventually
from prometheus import promtool

ROOT = pathlib.Path(__file__).parents[2]
DOCS = ROOT / "docs"
LIBRARY = ROOT / "Sources/SocketIO/SocketIO.docc"


def test_the_documentation_lists_every_setting_as_the_program_does():
    text = (DOCS / "configuration.md").read_text()
    documented = re.search(r"<!-- settings: begin -->\n(.*)<!-- settings: end -->", text, re.DOTALL)[1]
    printed = subprocess.run([BINARY, "settings", "--markdown"], check=True, capture_output=True, text=True).stdout
    assert documented == printed, "write docs/configuration.md anew with `rejoin settings --markdown`"


async def test_the_client_of_the_documentation_survives_the_loss_of_its_node(cluster, tmp_path):
    source = re.search(r"```python\n(.*?)```", (DOCS / "protocol.md").read_text(), re.DOTALL)[1]
    balancer = Balancer(tmp_path, cluster.nodes)
    program = tmp_path / "client.py"
    program.write_text(source.replace("http://localhost:8080", balancer.url).replace("range(30)", "range(5)"))
    output = tmp_path / "client.log"
    client = subprocess.Popen([sys.executable, "-u", program], stdout=output.open("wb"), stderr=subprocess.STDOUT)
    try:
        async def acted():
            return re.search(r"login on (n\d)(.|\n)*'ok': True", output.read_text())

        node = (await eventually(acted, timeout=20))[1]
        next(other for other in cluster.nodes if other.name == node).kill()
        assert await asyncio.to_thread(client.wait, 30) == 0, output.read_text()
        said = output.read_text()
        assert re.search(rf"connect on (?!{node})n\d as {{.*'grace'", said), said
        assert "lobby is now {'count': 4}" in said, said
    finally:
        client.kill()
        client.wait()
        balancer.stop()


def lines(source):
    """What a program says, however far it is indented, without blank lines and comments."""
    stripped = [line.strip() for line in source.splitlines()]
    return [line for line in stripped if line and not line.startswith("//")]


def statements(source):
    """Pieces of a program that begin where its indentation is least: each must be found whole."""
    pieces = []
    for line in source.splitlines():
        if line.strip() and not line.startswith((" ", "}", ")")):
            pieces.append("")
        if pieces:
            pieces[-1] += line + "\n"
    return pieces


def test_the_code_that_explains_the_library_is_that_of_an_example_which_is_built():
    program = "\n".join(lines((ROOT / "Examples/Chat/Chat.swift").read_text()))
    readme = re.search(r"## Use it as a library\n(.*?)\n## ", (ROOT / "README.md").read_text(), re.DOTALL)[1]
    blocks = re.findall(r"```swift\n(.*?)```", (LIBRARY / "GettingStarted.md").read_text() + readme, re.DOTALL)
    manifests = [block for block in blocks if block.startswith("// Package.swift\n")]
    blocks = [block for block in blocks if block not in manifests]
    assert len(manifests) == 1 and len(blocks) == 11
    for product in re.findall(r'product\(name: "(\w+)", package: "rejoin"\)', manifests[0]):
        assert f'.library(name: "{product}"' in (ROOT / "Package.swift").read_text()
    for piece in [piece for block in blocks for piece in statements(block)]:
        assert "\n".join(lines(piece)) in program, f"not in Examples/Chat/Chat.swift:\n{piece}"


def test_the_guide_to_games_is_made_of_the_example_that_is_built():
    blocks = re.findall(r"```(swift|js)\n(.*?)```", (DOCS / "write-a-game.md").read_text(), re.DOTALL)
    manifests = [block for block in blocks if block[1].startswith("// swift-tools-version")]
    blocks = [block for block in blocks if block not in manifests]
    assert len(manifests) == 1 and [language for language, _ in blocks].count("swift") == 7
    for product in re.findall(r'product\(name: "(\w+)", package: "rejoin"\)', manifests[0][1]):
        assert f'.library(name: "{product}"' in (ROOT / "Package.swift").read_text()
    folder = ROOT / "Examples/Pong"
    sources = {"swift": [folder / "Pong.swift", folder / "Main.swift"], "js": [folder / "Web/pong.js"]}
    for language, block in blocks:
        # Whole lines in a row, with comments left out as everywhere.
        program = ["\n".join(lines(source.read_text())) for source in sources[language]]
        piece = "\n".join(lines(block))
        assert any(f"\n{piece}\n" in f"\n{text}\n" for text in program), f"not in Examples/Pong:\n{block}"


def test_the_page_of_the_library_names_all_that_is_public_and_nothing_else():
    public = set()
    for source in (ROOT / "Sources/SocketIO").rglob("*.swift"):
        public |= set(re.findall(r"^public (?:final )?(?:struct|class|enum|protocol) (\w+)", source.read_text(), re.M))
    named = set(re.findall(r"^- ``(\w+)``$", (LIBRARY / "SocketIO.md").read_text(), re.M))
    assert named == public


def test_the_alarms_are_rules_of_prometheus_about_metrics_that_there_are(tmp_path):
    operations = (DOCS / "operations.md").read_text()
    rules = tmp_path / "rules.yml"
    rules.write_text(re.search(r"```yaml\n(groups:\n.*?)```", operations, re.DOTALL)[1])
    checked = subprocess.run([promtool(), "check", "rules", rules], capture_output=True, text=True, timeout=20)
    assert checked.returncode == 0, checked.stderr
    listed = set(re.findall(r"`(rejoin_\w+)", operations[operations.index("| metric | |"):]))
    named = set(re.findall(r"rejoin_\w+", rules.read_text()))
    assert named and named <= listed, named - listed
