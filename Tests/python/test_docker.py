"""The container files, checked without a container engine: none is needed to run the tests."""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]
TOOLS = pathlib.Path(sys.executable).parent


def run(*command, **environment):
    return subprocess.run(
        [TOOLS / command[0], *command[1:]], cwd=ROOT, env=os.environ | environment, capture_output=True, text=True,
        timeout=60)


def test_the_dockerfile_has_nothing_that_its_linter_would_change():
    result = run("hadolint", "docker/Dockerfile")
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_compose_file_is_valid():
    result = run(
        "docker-compose", "-f", "docker/compose.yaml", "config", "--quiet",
        REJOIN_REDIS_PASSWORD="redis", REJOIN_POSTGRES_PASSWORD="postgres")
    assert result.returncode == 0 and not result.stderr, result.stderr


def test_the_compose_file_refuses_to_start_without_passwords():
    environment = {name: "" for name in ("REJOIN_REDIS_PASSWORD", "REJOIN_POSTGRES_PASSWORD")}
    result = run("docker-compose", "-f", "docker/compose.yaml", "config", "--quiet", **environment)
    assert "set it in docker/.env" in result.stderr
