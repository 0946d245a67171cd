"""The steps of the Dockerfile where there is no Docker: in a bare Debian that debootstrap makes, by chroot.

    sudo python tests/container.py --root /var/tmp/gan-studio-root --torch 2.13.0+cpu --wheels /opt/wheels

Each instruction of the Dockerfile is carried out as it stands: RUN by /bin/sh in the root, COPY with .dockerignore, CMD
as the user of USER. Two things stand in for what Docker would fetch: Debian's own Python for the image in FROM, and,
where PyTorch's index of wheels without CUDA cannot be reached, the release of --torch from --wheels. Then the demo is
started, its health check is run against it, it is asked for its models, and it is stopped: the health check has to fail. Not a test of the suite: it takes minutes and needs root, debootstrap and PyPI. Linux only.
"""

import argparse
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from urllib.request import urlopen

ROOT = Path(__file__).parents[1]
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
PYTHON = "python3,python3-pip,python-is-python3,ca-certificates"


def instructions(text: str) -> list[tuple[str, str]]:
    """(instruction, its arguments), lines that go on joined, comments left out."""
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    return [tuple(line.split(maxsplit=1)) for line in re.sub(r"\\\n\s*", " ", lines).splitlines() if line.strip()]


class Container:
    def __init__(self, root: Path, options: argparse.Namespace):
        self.root, self.options = root, options
        self.environment = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8"}
        self.folder, self.user, self.command, self.health = "/", "root", [], ""

    def inside(self, path: str) -> Path:
        return self.root / os.path.join(self.folder, path).lstrip("/")

    def words(self, command: list[str]) -> list[str]:
        """A command in the root, as the user, in the folder, with the environment and no other."""
        environment = [f"{key}={value}" for key, value in self.environment.items()]
        script = f'cd "{self.folder}" && exec "$@"'
        user = [f"--userspec={self.user}:{self.user}"] if self.user != "root" else []
        return ["chroot", *user, str(self.root), "env", "-i", *environment, "sh", "-c", script, "sh", *command]

    def do(self, instruction: str, rest: str) -> None:
        start = time.monotonic()
        getattr(self, f"do_{instruction.lower()}")(rest)
        print(f"{time.monotonic() - start:7.1f} s  {instruction} {rest[:110]}", flush=True)

    def do_from(self, image: str) -> None:
        """Debian's Python for python:X-slim, and what the network of this machine needs."""
        call = ["debootstrap", "--variant=minbase", f"--include={PYTHON}", self.options.suite, str(self.root)]
        subprocess.run([*call, self.options.mirror], check=True, stdout=subprocess.DEVNULL)
        for name in self.root.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
            name.unlink()  # in the image of FROM, Python is not the system's own either
        shutil.copy("/etc/resolv.conf", self.root / "etc/resolv.conf")
        (self.root / "etc/hosts").write_text("127.0.0.1 localhost\n")  # as Docker writes it
        shutil.copy(CERTIFICATES, self.root / CERTIFICATES.lstrip("/"))
        self.environment["PIP_CERT"] = CERTIFICATES
        self.environment["PIP_ROOT_USER_ACTION"] = "ignore"
        if self.options.wheels:
            shutil.copytree(self.options.wheels, self.root / "wheels")
            self.environment["PIP_FIND_LINKS"] = "/wheels"

    def do_run(self, command: str) -> None:
        if self.options.torch:  # instead of the index that cannot be reached
            command = re.sub(r"--extra-index-url \S+", "", command)
        subprocess.run(self.words(["sh", "-c", command]), check=True, stdout=subprocess.DEVNULL)

    def do_workdir(self, folder: str) -> None:
        self.folder = folder
        self.inside(".").mkdir(parents=True, exist_ok=True)

    def do_env(self, words: str) -> None:
        self.environment |= dict(word.split("=", 1) for word in shlex.split(words))

    def do_copy(self, words: str) -> None:
        *sources, target = words.split()
        kept = (ROOT / ".dockerignore").read_text().split()
        for source in sources:
            assert f"!{source}" in kept, f"{source} is kept out by .dockerignore"
            place = self.inside(target) / (Path(source).name if target.endswith(("/", ".")) else "")
            place.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, place)
            if source == "requirements.txt" and self.options.torch:
                pinned = re.sub(r"(?m)^torch==.*", f"torch=={self.options.torch}", place.read_text())
                place.write_text(pinned)

    def do_user(self, name: str) -> None:
        self.user = name
        self.environment["HOME"] = f"/home/{name}"

    def do_expose(self, port: str) -> None:
        self.port = port

    def do_healthcheck(self, words: str) -> None:
        self.health = words.partition("CMD ")[2]

    def do_cmd(self, words: str) -> None:
        self.command = json.loads(words)

    def start(self) -> subprocess.Popen:
        """The command, with /proc and /sys as Docker has them: in a mount namespace of its own, which ends with it."""
        mounts = 'mount -t proc proc "$0/proc" && mount -t sysfs sysfs "$0/sys" && exec "$@"'
        return subprocess.Popen(["unshare", "--mount", "sh", "-c", mounts, str(self.root), *self.words(self.command)])

    def healthy(self) -> bool:
        return subprocess.run(self.words(["sh", "-c", self.health]), stderr=subprocess.DEVNULL).returncode == 0


def size(folder: Path) -> float:
    """Megabytes on the disk."""
    return int(subprocess.run(["du", "-sxk", str(folder)], capture_output=True, text=True).stdout.split()[0]) / 1024


def check(container: Container) -> None:
    """Start the demo, ask it for its models, run the health check while it runs and after it has ended."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]  # this machine may have a demo at the port of the Dockerfile
    container.command = [str(port) if word == container.port else word for word in container.command]
    container.health = container.health.replace(f":{container.port}/", f":{port}/")
    assert not container.healthy(), "healthy before it was started"
    start = time.monotonic()
    process = container.start()
    try:
        while not container.healthy():
            assert process.poll() is None, f"the demo ended with {process.returncode}"
            assert time.monotonic() - start < 900, "not healthy within fifteen minutes"
            time.sleep(1)
        print(f"{time.monotonic() - start:7.1f} s  until the health check passes")
        status = Path(f"/proc/{process.pid}/status").read_text()
        assert re.search(r"^Uid:\s+1000\s+1000", status, re.MULTILINE), "it does not run as user 1000"
        memory = int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024
        print(f"          {memory:.0f} MB of memory, user 1000")
        config = json.load(urlopen(f"http://127.0.0.1:{port}/config", timeout=60))
        models = {choice[0] for part in config["components"] for choice in _choices(part)}
        print(f"          models: {', '.join(sorted(models))}; {len(config['dependencies'])} endpoints")
        assert {path.parent.name for path in ROOT.glob("gan_models/pretrained/*/config.json")} & models
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(120)
    assert not container.healthy(), "healthy after it was stopped"
    print(f"          stopped with {process.returncode}; the health check fails then")


def _choices(component: dict) -> list:
    return component["props"].get("choices") or [] if component["props"].get("elem_id") == "model" else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="a folder that does not exist yet; deleted at the end")
    parser.add_argument("--suite", default="bookworm", help="of Debian (default: bookworm, which has Python 3.11)")
    parser.add_argument("--mirror", default="http://deb.debian.org/debian")
    parser.add_argument("--torch", help="the release to take instead, where PyTorch's own index cannot be reached")
    parser.add_argument("--wheels", type=Path, help="a folder of wheels that pip may take from")
    parser.add_argument("--keep", action="store_true", help="leave the root there")
    options = parser.parse_args()
    if options.root.exists():
        parser.error(f"{options.root} exists already")
    container = Container(options.root, options)
    try:
        for instruction, rest in instructions((ROOT / "Dockerfile").read_text()):
            container.do(instruction, rest)
        shutil.rmtree(options.root / "wheels", ignore_errors=True)
        shutil.rmtree(options.root / "var/cache/apt", ignore_errors=True)
        packages = next(options.root.glob("usr/local/lib/python3*/dist-packages"))
        print(
            f"          {size(options.root):.0f} MB: packages {size(packages):.0f}, app {size(container.inside('.')):.0f}"
        )
        largest = sorted(((size(path), path.name) for path in packages.iterdir()), reverse=True)[:8]
        print("          " + ", ".join(f"{name} {megabytes:.0f}" for megabytes, name in largest))
        left = [name for name in ("tests", "training/run/plan.py", "demo.txt") if container.inside(name).exists()]
        assert not left, f"{left} should not be inside"
        check(container)
    finally:
        if not options.keep:
            shutil.rmtree(options.root, ignore_errors=True)
    print("The container's steps work.")


if __name__ == "__main__":
    main()
