"""Many visitors at once, without a browser: `python tests/app_load.py [--visitors 32] [--seconds 120]`.

Starts `python app.py` with celeba-cgan-128 (16 faces of 128 px a draw). Each visitor keeps the connection that says that its
page is open, asks Gradio's queue for a draw every three seconds, each with a seed of its own, and then fetches the 16
pictures, as a page does; a draw takes until the last of them is there. Then all of them draw without a pause until
there were 2,000 draws. Prints, as JSON:
- draws, errors, seconds: median, 95th percentile and most of those at a steady pace
- server_cpu_ms: what the server computed for each of them
- megabytes: the server's memory after 200 draws and after 2,000, and by how much of it that differs
"""

import argparse
import http.client
import json
import secrets
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from app_server import cpu_seconds, free_port, percentile, started

MODEL, COUNT, EVERY = "celeba-cgan-128", 16, 3.0  # seconds from one draw of a visitor to its next
WARM, ALL = 200, 2_000  # draws after which the memory is compared
PATIENCE = 60  # seconds for an answer, and for what is left of ALL after the steady pace


@dataclass
class Tally:
    """What all visitors have found."""

    process: subprocess.Popen
    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    megabytes: dict[int, float] = field(default_factory=dict)
    draws: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self) -> None:
        with self.lock:
            self.draws += 1
            if self.draws in (WARM, ALL):
                self.megabytes[self.draws] = memory(self.process)


def memory(process: subprocess.Popen) -> float:
    """Megabytes that a process holds, NaN where there is no /proc."""
    try:
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    except OSError:
        return float("nan")
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1000


class Visitor:
    """A page that is open. Plain sockets, so that the visitors take little of the machine that they measure."""

    def __init__(self, port: int):
        self.session = secrets.token_hex(8)
        self.connection, self.open = (http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE) for _ in range(2))
        wired = json.loads(self.ask("GET", "/config"))["dependencies"]
        self.endpoint = next(one["id"] for one in wired if one["api_name"] == "draw_samples")
        self.open.request("GET", f"/gradio_api/heartbeat/{self.session}")

    def ask(self, method: str, path: str, body: dict | None = None) -> bytes:
        """The answer. Raises OSError, HTTPException, or ValueError where it is none."""
        headers = {"content-type": "application/json"} if body else {}
        self.connection.request(method, path, json.dumps(body) if body else None, headers)
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise ValueError(f"{path} answers {answer.status}: {content[:200]!r}")
        return content

    def draw(self, seed: int) -> None:
        """Ask for pictures and fetch them. Raises as `ask` does."""
        asked = {
            "fn_index": self.endpoint,
            "data": [MODEL, seed, COUNT, 1.0, -1, [], []],
            "session_hash": self.session,
            "event_data": None,
            "trigger_id": None,
        }
        self.ask("POST", "/gradio_api/queue/join", asked)
        told = self.ask("GET", f"/gradio_api/queue/data?session_hash={self.session}").decode().splitlines()
        messages = [json.loads(line[5:]) for line in told if line.startswith("data:")]
        done = next(message for message in messages if message["msg"] == "process_completed")
        if not done["success"] or len(done["output"]["data"][0]) != COUNT:
            raise ValueError(f"no {COUNT} pictures: {str(done)[:300]}")
        for shown in done["output"]["data"][0]:
            if self.ask("GET", shown["image"]["url"][shown["image"]["url"].index("/gradio_api") :])[8:12] != b"WEBP":
                raise ValueError("a picture is none")

    def close(self) -> None:
        self.connection.close()
        self.open.close()


def visit(port: int, number: int, of: int, end: float, tally: Tally) -> None:
    """One visitor: steadily until `end`, then as fast as it can until all have drawn ALL."""
    visitor = Visitor(port)
    try:
        due, seed = time.perf_counter() + EVERY * number / of, number * 1_000_000
        while (steady := due < end) or (tally.draws < ALL and time.perf_counter() < end + PATIENCE):
            if steady:
                time.sleep(max(0.0, due - time.perf_counter()))
            began, seed = time.perf_counter(), seed + 1
            try:
                visitor.draw(seed)
            except (OSError, http.client.HTTPException, ValueError, LookupError, StopIteration) as error:
                tally.errors.append(f"{type(error).__name__}: {error}")
                visitor.connection.close()  # it is opened anew
                if len(tally.errors) > 100:
                    return
            if steady:
                tally.seconds.append(time.perf_counter() - began)
            tally.count()
            due = max(due + EVERY, time.perf_counter())
    finally:
        visitor.close()


def measure(visitors: int = 32, seconds: float = 120) -> dict:
    port = free_port()
    with started(port, ["--model", MODEL]) as app:
        tally = Tally(app)
        first = Visitor(port)
        first.draw(0)  # what is made once is made
        first.close()
        computed, end = cpu_seconds(app), time.perf_counter() + seconds
        threads = [threading.Thread(target=visit, args=(port, k, visitors, end, tally)) for k in range(visitors)]
        for thread in threads:
            thread.start()
        time.sleep(max(0.0, end - time.perf_counter()))
        computed, steady = cpu_seconds(app) - computed, tally.draws
        for thread in threads:
            thread.join()
    before, after = (tally.megabytes.get(draws, float("nan")) for draws in (WARM, ALL))  # too few draws: NaN
    return {
        "visitors": visitors,
        "draws": tally.draws,
        "errors": len(tally.errors),
        "first_error": next(iter(tally.errors), None),
        "seconds": {
            "median": round(statistics.median(tally.seconds), 2),
            "95th percentile": round(percentile(tally.seconds), 2),
            "most": round(max(tally.seconds), 2),
        },
        "server_cpu_ms": round(1000 * computed / max(1, steady)),
        "megabytes": {str(WARM): round(before, 1), str(ALL): round(after, 1), "more": round(after / before - 1, 3)},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--visitors", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=120, help="of the steady pace (default 120)")
    options = parser.parse_args()
    print(json.dumps(measure(options.visitors, options.seconds)))


if __name__ == "__main__":
    sys.exit(main())
