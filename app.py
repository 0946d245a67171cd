"""The demo: `python app.py [--model SOURCE ...]`. Arguments and launch; the page is in gan_models.demo."""

import argparse
import os
import signal
import socket
import sys

# A thread for each visitor. Networks this small wait longer for a second thread than it saves, most of all on busy
# cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import gan_models
from gan_models import demo
from gan_models.errors import ModelError, ModelNotFound


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--model", action="append", metavar="SOURCE", help="folder, bundled name or Hub repository; may be repeated"
    )
    parser.add_argument("--host", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, help="port (default: the first free one from 7860)")
    options = parser.parse_args(arguments)
    sources = options.model or os.environ.get("GAN_STUDIO_MODELS", "").split() or gan_models.bundled()
    try:
        if not sources:
            raise ModelNotFound("No model is bundled here: give one by --model.")
        models = demo.Models(sources)
        for name in models.names if options.model else models.names[:1]:
            models[name]
    except ModelError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    host = (
        options.host or os.environ.get("GRADIO_SERVER_NAME") or ("0.0.0.0" if "SPACE_ID" in os.environ else "127.0.0.1")
    )
    try:
        socket.getaddrinfo(host, None)  # else Gradio would try a hundred ports of a host that is none
    except (OSError, UnicodeError):
        print(
            f"error: {host} is no address of this machine; give another --host, such as 127.0.0.1 or 0.0.0.0.",
            file=sys.stderr,
        )
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # an orderly end, so that the folder goes too
    try:
        demo.serve(models, host, options.port)
    except (OSError, OverflowError) as error:  # a port beyond 65535 overflows
        print(
            f"error: the demo cannot listen on {host}, port {options.port or 7860} ({error}); "
            "give another --host or --port.",
            file=sys.stderr,
        )
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
