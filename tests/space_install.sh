#!/usr/bin/env bash
# The real install of a Space: a bare virtual environment, pip with the Space's own requirements, and its demo asked for
# its page. It needs a network, minutes, and a folder as `python -m training.publish ... --space` uploads it.
#   tests/space_install.sh FOLDER [PYTHON [SITE_PACKAGES]]
# SITE_PACKAGES: where the CPU wheels of torch cannot be reached, take torch from there, and all else from pip.
set -euo pipefail
folder=$(realpath "$1") python=${2:-python3} site=${3:-}
place=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$place"' EXIT
"$python" -m venv "$place/venv"
cp "$folder/requirements.txt" "$place/requirements.txt"
if [ -n "$site" ]; then
    grep -v -e '^--extra' -e '^torch==' "$folder/requirements.txt" >"$place/requirements.txt"
    printf '%s\n' filelock typing-extensions sympy networkx jinja2 fsspec >>"$place/requirements.txt"
    own=$("$place/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    for part in "$site"/torch "$site"/torchgen "$site"/functorch "$site"/nvidia "$site"/triton "$site"/torch-*.dist-info; do
        [ -e "$part" ] && ln -s "$part" "$own/"
    done
fi
"$place/venv/bin/pip" install --quiet --disable-pip-version-check -r "$place/requirements.txt"
echo "$(du -sh "$place/venv" | cut -f1), $("$place/venv/bin/pip" list --format freeze --disable-pip-version-check | wc -l) packages"
cp -r "$folder" "$place/space"
cd "$place/space"
GRADIO_SERVER_PORT=7999 "$place/venv/bin/python" app.py >"$place/log" 2>&1 &
server=$!
for _ in $(seq 300); do
    if curl --silent --fail --output "$place/page" http://127.0.0.1:7999/; then
        grep -q GAN "$place/page" && echo "the demo answers" && exit 0
    fi
    kill -0 "$server" 2>/dev/null || break
    sleep 1
done
cat "$place/log"
exit 1
