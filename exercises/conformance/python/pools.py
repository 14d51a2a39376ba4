"""Python's two pools of processes, as programs that take part in the conformance suite.

    python3 pools.py Pool
    python3 pools.py ProcessPoolExecutor

The protocol is in exercises/tested-pool/src/script.rs. Both pools fork, as they did by default until Python 3.13.
"""

import concurrent.futures
import gc
import multiprocessing
import os
import signal
import socket
import sys
from concurrent.futures.process import BrokenProcessPool

fork = multiprocessing.get_context("fork")


def gate(name, value=None):
    """Comes to a gate of the grader, and returns what it says."""
    where = os.environ.get("FORK_TO_POOL_GATE")
    if where is None:
        return ""
    with socket.socket(socket.AF_UNIX) as stream:
        stream.connect("\0" + where)
        text = f"{stream.fileno()} {name}" + ("" if value is None else f"\n{value}")
        stream.sendall(text.encode())
        stream.shutdown(socket.SHUT_WR)
        answer = b""
        while more := stream.recv(4096):
            answer += more
    return answer.decode()


class Failed(Exception):
    pass


def work(kind, argument):
    """What exercises/tested-pool/src/task.rs does."""
    if kind == "square":
        return str(int(argument) ** 2)
    if kind == "large":
        return "." * len(argument)
    if kind == "pid":
        return str(os.getpid())
    if kind == "note":
        gate("note", argument)
        return argument
    if kind == "hold":
        gate("begins", argument)
        answer = gate("here")
        if answer == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        elif answer == "exit":
            os._exit(0)
        return argument
    if kind == "fail":
        raise Failed(argument)
    # The closest that Python has to a panic: an exception that nobody meant.
    raise AssertionError(argument)


class Pool:
    def __init__(self, workers):
        self.pool = fork.Pool(workers)

    def submit(self, kind, argument, limit):
        return self.pool.apply_async(work, (kind, argument)), limit

    def wait(self, ticket):
        result, limit = ticket
        return result.get(limit)

    def cancel(self, ticket):
        return "unsupported"

    def shutdown(self):
        self.pool.close()
        self.pool.join()


class ProcessPoolExecutor:
    def __init__(self, workers):
        self.pool = concurrent.futures.ProcessPoolExecutor(workers, mp_context=fork)

    def submit(self, kind, argument, limit):
        return self.pool.submit(work, kind, argument), limit

    def wait(self, ticket):
        future, limit = ticket
        return future.result(limit)

    def cancel(self, ticket):
        return "true" if ticket[0].cancel() else "false"

    def shutdown(self):
        self.pool.shutdown()


def outcome(pool, name, ticket):
    try:
        value = pool.wait(ticket)
        return f"result {name} " + (value if len(value) <= 1000 else f"{len(value)} bytes")
    except Failed as error:
        return f"error {name} failed {error}"
    except AssertionError as error:
        return f"error {name} panicked {error}"
    except BrokenProcessPool:
        return f"error {name} died"
    except concurrent.futures.CancelledError:
        return f"error {name} cancelled"
    except (multiprocessing.TimeoutError, concurrent.futures.TimeoutError):
        return f"error {name} timed-out"


def main(kind):
    script = sys.stdin.read().splitlines()
    gate("start")
    pool, tickets = None, []
    for line in script:
        words = line.split(" ")
        if words[0] == "here":
            gate("here")
        elif words[0] == "start":
            pool = kind(int(words[1]))
        elif words[0] == "submit":
            argument = words[2] if words[1] != "large" else " " * int(words[2])
            limit = None if words[3] == "-" else int(words[3]) / 1000
            tickets.append(pool.submit(words[1], argument, limit))
        elif words[0] == "cancel":
            done = pool.cancel(tickets[int(words[1]) - 1])
            print("cancel", words[1], done, flush=True)
        elif words[0] == "wait":
            print(outcome(pool, words[1], tickets[int(words[1]) - 1]), flush=True)
        elif words[0] == "many":
            numbers = range(1, int(words[1]) + 1)
            many = [pool.submit("square", str(number), None) for number in numbers]
            for number, ticket in zip(numbers, many):
                found = outcome(pool, number, ticket)
                if found != f"result {number} {number * number}":
                    print("wrong", found, flush=True)
                    break
            else:
                print("many", words[1], flush=True)
        elif words[0] == "shutdown":
            pool.shutdown()
            print("closed", flush=True)
    # A pool is part of a cycle: its descriptors are closed when that is collected.
    pool = tickets = many = ticket = None
    gc.collect()
    gate("end")


if __name__ == "__main__":
    main({"Pool": Pool, "ProcessPoolExecutor": ProcessPoolExecutor}[sys.argv[1]])
