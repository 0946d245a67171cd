"""`python app.py` for those who measure it: started, watched and ended."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # a script sees its own folder alone, where tests/gan_models would be gan_models


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(port: int, app: subprocess.Popen) -> None:
    while app.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise SystemExit(f"app.py ended with {app.returncode}")


@contextmanager
def started(port: int, options: Sequence[str] = ()):
    """The process, once it listens at that port."""
    app = subprocess.Popen(
        [sys.executable, "app.py", "--port", str(port), *options], cwd=ROOT, stdout=subprocess.DEVNULL
    )
    try:
        wait_for(port, app)
        yield app
    finally:
        app.send_signal(signal.SIGTERM)
        try:
            app.wait(30)
        except subprocess.TimeoutExpired:  # a busy machine; what was measured counts all the same
            app.kill()


def cpu_seconds(process: subprocess.Popen) -> float:
    """User's and system's time of a process so far; not a number where there is no /proc."""
    try:
        fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def percentile(values: Sequence[float], share: float = 0.95) -> float:
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]
