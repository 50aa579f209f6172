"""A Valkey Cluster on loopback, for tests: the same binary, formed from Python."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from app.kit.embedded import ports
from app.kit.embedded.binaries import find_binaries
from app.kit.embedded.daemon import Daemon, EmbeddedError, unprivileged_account
from app.kit.embedded.folders import locked, password, prepare_folder
from app.kit.embedded.valkey_server import connect, start_valkey, stop_valkey, valkey_daemon

_SLOTS = 16384
_FORM_TIMEOUT_S = 60.0
_POLL_S = 0.02


def valkey_cluster(
    folder: Path, primaries: int = 3, replicas: int = 0, *, node_timeout_ms: int = 2000
) -> list[str]:
    """Run a fresh cluster below `folder`; the URLs of its nodes, primaries first, each `cluster_state:ok`.

    `replicas` is the number for each primary. A node that is silent for `node_timeout_ms` is held for
    dead. What an earlier run left below `folder` is stopped and deleted first.

    Raises:
        EmbeddedError: a node does not start, or they do not find together within 60 s.
    """
    stop_valkey_cluster(folder)
    folder = folder.resolve()
    account = unprivileged_account()
    prepare_folder(folder, account)
    prepare_folder(_home(folder), account)
    with locked(folder):
        daemons = [_node(folder, index) for index in range(primaries * (1 + replicas))]
        urls = [
            start_valkey(daemon, durable=False, more=_node_settings(daemon, node_timeout_ms))
            for daemon in daemons
        ]
        clients = [connect(url) for url in urls]
        try:
            _form(clients, primaries)
        finally:
            for client in clients:
                client.close()
    return urls


def stop_valkey_cluster(folder: Path) -> None:
    """Stop the cluster below `folder` and delete what it kept. Nothing to do when there is none.

    Raises:
        EmbeddedError: a node does not stop.
    """
    folder = folder.resolve()
    if not _home(folder).is_dir():
        return
    with locked(folder):
        for index in range(len(list(_home(folder).glob("node-*.json")))):
            stop_valkey(_node(folder, index))
        shutil.rmtree(_home(folder))


def _home(folder: Path) -> Path:
    return folder / "cluster"


def _node(folder: Path, index: int) -> Daemon:
    account = unprivileged_account()
    executable = find_binaries(folder, account).valkey_server
    return valkey_daemon(_home(folder), executable, account, name=f"node-{index}")


def _node_settings(daemon: Daemon, node_timeout_ms: int) -> Callable[[], dict[str, str]]:
    return lambda: {
        "cluster-enabled": "yes",
        "cluster-config-file": "nodes.conf",
        "cluster-node-timeout": str(node_timeout_ms),
        "cluster-port": str(ports.free_port()),
        "repl-ping-replica-period": "1",
        "primaryauth": password(daemon.folder, "valkey"),
    }


def _form(clients: Sequence[Redis], primaries: int) -> None:
    for index, client in enumerate(clients[:primaries]):
        first, end = index * _SLOTS // primaries, (index + 1) * _SLOTS // primaries
        _ask(client, "CLUSTER ADDSLOTSRANGE", first, end - 1)
        # Each its own epoch from the start: nodes that collide settle it only over several rounds.
        _ask(client, "CLUSTER SET-CONFIG-EPOCH", index + 1)
    addresses = [_address(client) for client in clients]
    for address in addresses[1:]:
        _ask(clients[0], "CLUSTER MEET", *address)
    _until(lambda: all(_info(client)["cluster_known_nodes"] == str(len(clients)) for client in clients))
    ids = [_ask(client, "CLUSTER MYID") for client in clients]
    for index, client in enumerate(clients[primaries:]):
        _until_done(client, "CLUSTER REPLICATE", ids[index % primaries])
    _until(lambda: all(_is_whole(client) for client in clients))
    _until(lambda: all(_follows(client) for client in clients[primaries:]))
    _until(lambda: all(_knows_replicas(client, len(clients) - primaries) for client in clients))


def _ask(client: Redis, *command: str | int) -> Any:  # as the server answers; redis-py types none of it
    return client.execute_command(*command)  # type: ignore[no-untyped-call]


def _address(client: Redis) -> tuple[str, int, int]:
    config = client.config_get("*port")
    return "127.0.0.1", int(str(config["port"])), int(str(config["cluster-port"]))


def _info(client: Redis) -> dict[str, str]:
    answer = _ask(client, "CLUSTER INFO")
    if isinstance(answer, dict):
        return {str(name): str(value) for name, value in answer.items()}
    return dict(line.split(":", 1) for line in str(answer).split("\r\n") if ":" in line)


def _is_whole(client: Redis) -> bool:
    info = _info(client)
    return info["cluster_state"] == "ok" and info["cluster_slots_ok"] == str(_SLOTS)


def _follows(client: Redis) -> bool:
    return client.info("replication").get("master_link_status") == "up"


def _knows_replicas(client: Redis, count: int) -> bool:
    """Whether this node's map shows every replica, as it does once it heard how far each has copied."""
    return sum(len(slots) - 3 for slots in _ask(client, "CLUSTER SLOTS")) == count


def _until_done(client: Redis, *command: str) -> None:
    """Repeat a command that a node refuses until it has heard of the other one."""

    def done() -> bool:
        try:
            _ask(client, *command)
        except RedisError:
            return False
        return True

    _until(done)


def _until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + _FORM_TIMEOUT_S
    while not true():
        if time.monotonic() > until:
            raise EmbeddedError(
                f"The nodes of the Valkey cluster do not find together within {_FORM_TIMEOUT_S:.0f} s. "
                "Look at node-*.log in its folder; a firewall on loopback is the usual reason."
            )
        time.sleep(_POLL_S)
