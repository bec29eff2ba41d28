"""Servers of worker processes that stop, crash, are killed and are replaced."""

from __future__ import annotations

from cluster_oracle import Program, runProgram

_GREET = """
def greet(peer):
    peer.on("error", lambda _: None).resume()
    peer.write(str(cluster.worker.id))

%s
server = net.createServer(greet)
server.listen({"port": 0, "host": "127.0.0.1"}, ready)
"""

_CLIENTS = """
def client():
    greeted = Deferred()
    made = net.connect(seen["port"], "127.0.0.1")

    def hears(what):
        if not greeted.called:
            greeted.callback(what)

    made.on("data", lambda data: hears(data.decode()))
    made.on("close", lambda _: hears("closed"))
    made.on("error", lambda error: hears(error.code))
    return made, greeted

async def greeted(clients):
    heard = [await each for _, each in clients]
    for made, _ in clients:
        made.destroy()
    return heard

"""


def run(primary: str, worker: str = "", workers: int = 2) -> list[str]:
    """What the primary has traced, but for who has listened."""
    program = Program(("", _GREET % worker), ("", _CLIENTS + primary), workers)
    return [line for line in runProgram(program) if " listens " not in line]


def test_what_a_worker_has_not_taken_when_it_is_killed_goes_to_another() -> None:
    trace = run("""
stopped = cluster.workers[1]
os.kill(stopped.process.pid, signal.SIGSTOP)
clients = [client() for _ in range(20)]
heard = [await each for _, each in clients[1:]]
t("meanwhile", set(heard) == {"2"}, clients[0][1].called)
ended = once(stopped, "exit")
stopped.kill("SIGKILL")
t("killed", *await ended)
t("then", await clients[0][1])
for made, _ in clients: made.destroy()
""")
    assert trace == ["meanwhile True False", "killed None 'SIGKILL'", "then '2'"]


def test_a_connection_that_makes_a_worker_crash_does_not_go_on_to_the_next() -> None:
    trace = run(
        """
first = cluster.workers[1]
ended = once(first, "exit")
t("crashed", await greeted([client()]))
t("exit", *await ended)
t("then", await greeted([client() for _ in range(3)]))
""",
        "if cluster.worker.id == 1: greet = lambda peer: os._exit(7)",
    )
    assert trace == ["crashed ['closed']", "exit 7", "then ['2', '2', '2']"]


def test_workers_are_replaced_while_clients_connect_and_none_is_refused() -> None:
    trace = run(
        """
going = True
heard = []

async def connecting():
    while going:
        heard.extend(await greeted([client() for _ in range(5)]))

clients = Deferred.fromCoroutine(connecting())
for old in list(cluster.workers.values()):
    new = cluster.fork()
    await once(new, "listening")
    gone = once(old, "exit")
    old.disconnect()
    t("replaced", *await gone)
many = len(heard)
while len(heard) < many + 50:
    heard.extend(await greeted([client()]))
going = False
await clients
t("greeted by", sorted(set(heard)))
"""
    )
    assert trace[:2] == ["replaced 0", "replaced 0"]
    assert set(eval(trace[2].removeprefix("greeted by "))) <= {"1", "2", "3", "4"}


def test_a_primary_whose_workers_come_and_go_keeps_no_descriptor() -> None:
    trace = run("""
def open_now():
    return len(os.listdir("/proc/self/fd"))

before = open_now()
for _ in range(3):
    worker = cluster.fork()
    await once(worker, "listening")
    await greeted([client() for _ in range(30)])
    ended = once(worker, "exit")
    worker.kill("SIGKILL")
    await ended
    t("left", open_now() - before)
""")
    assert trace == ["left 0"] * 3
