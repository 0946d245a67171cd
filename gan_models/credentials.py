"""Content Credentials (C2PA): the mark of a file, signed with a certificate.

    sign("face.png", "chain.pem", "key.pem")   # a file with a mark of this project (marks.py)
    read(Path("face.png").read_bytes())

This is optional, for those who have a certificate, and needs the package c2pa-python (extra `credentials`). Nothing is
fetched from the network: no remote manifests, no revocation lists, no time stamps.
"""

import io
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from . import marks
from .errors import InvalidInput, short
from .files import UnfitFile, read_bounded, write_atomically
from .project import VERSION

MOST_PEM = 100_000  # bytes
ALGORITHMS = ("es256", "es384", "es512", "ps256", "ps384", "ps512", "ed25519")
KINDS = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp"}
# There is no list of trusted certificates here, and no URL in a file is followed.
SETTINGS = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
    "builder": {"thumbnail": {"enabled": False}},
}


class Credentials(NamedTuple):
    """What is signed. signer: the name in the certificate, which is not checked. valid: whether the signature is valid for
    this file. program: the program that made the file; source_type: the last part of the IPTC's URL, such as
    "trainedAlgorithmicMedia"."""

    signer: str
    valid: bool
    program: str | None = None
    source_type: str | None = None


def sign(
    path: str | os.PathLike[str],
    certificates: str | os.PathLike[str],
    key: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    algorithm: str = "es256",
) -> None:
    """Sign the mark of a PNG, JPEG, WebP or MP4 of this project, in place or into the file `output` of the same kind.

    certificates: a PEM file, the signer's certificate first, then those of its issuers; key: a PEM file, its private key.
    Raises InvalidInput for a file without a mark and for certificates that cannot sign, and ModuleNotFoundError if
    c2pa-python is not installed.
    """
    import c2pa

    path, output = Path(path), Path(output or path)
    data = marks.contents(path)
    mark, kind = marks.read(data), _media_type(data)
    if mark is None or kind is None:
        raise InvalidInput(f"{path} holds no mark of GAN Studio that could be signed; sign what it wrote.")
    if output.suffix.lower() != path.suffix.lower():
        raise InvalidInput(f"The output {output} must end in {path.suffix}, as {path.name} does.")
    if algorithm not in ALGORITHMS:
        raise InvalidInput(f"The algorithm must be one of {', '.join(ALGORITHMS)}, not {short(algorithm)}.")
    action = {
        "action": "c2pa.edited" if mark.kind == marks.EDITED else "c2pa.created",
        "digitalSourceType": marks.SOURCE_TYPES + mark.kind,
        "softwareAgent": {"name": f"GAN Studio, {mark.model}", "version": mark.revision or VERSION},
    }
    actions = [action]
    if mark.kind == marks.EDITED:  # C2PA requires that the first action says where the file comes from
        actions = [{"action": "c2pa.created", "digitalSourceType": marks.SOURCE_TYPES + marks.EDITED}, action]
    manifest = {
        "claim_generator_info": [{"name": "GAN Studio", "version": VERSION}],
        "title": path.name,
        "format": kind,
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": actions}}],
    }
    chain, secret, signed = _pem(certificates), _pem(key), io.BytesIO()
    try:
        signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(algorithm.encode(), chain, secret, None))
        builder = c2pa.Builder(json.dumps(manifest), context=_context())
        builder.sign(signer, kind, io.BytesIO(data), signed)
    except (c2pa.C2paError, ValueError) as error:
        raise InvalidInput(
            f"{path.name} cannot be signed ({short(str(error))}); check that the certificates fit the key, may sign (C2PA "
            "says which may) and are in order."
        ) from error
    if (found := read(signed.getvalue())) is None or not found.valid:
        raise InvalidInput(f"{path.name} cannot be signed: the key is not that of the first certificate.")
    write_atomically(output, signed.getvalue())


def read(data: bytes) -> Credentials | None:
    """The Content Credentials of a PNG, JPEG, WebP or MP4; None if there are none that can be read, or c2pa-python is not
    installed."""
    try:
        import c2pa
    except ImportError:
        return None
    kind = _media_type(data)
    if kind is None:
        return None
    try:
        with c2pa.Reader(kind, io.BytesIO(data), context=_context()) as reader:
            state, manifest = reader.get_validation_state(), reader.get_active_manifest() or {}
    except (c2pa.C2paError, ValueError):
        return None
    return _from_manifest(manifest, state in ("Valid", "Trusted"))


def _from_manifest(manifest: dict[str, Any], valid: bool) -> Credentials:
    """Anybody can write anything into a manifest, so only short texts of one line are taken from it."""
    signature = manifest.get("signature_info") or {}
    names = [_short_text(signature.get(key)) for key in ("common_name", "issuer")]
    programs = [
        _short_text(one.get("name")) for one in manifest.get("claim_generator_info") or [] if isinstance(one, dict)
    ]
    kinds = [
        _short_text(action.get("digitalSourceType"))
        for assertion in manifest.get("assertions") or []
        if isinstance(assertion, dict) and str(assertion.get("label", "")).startswith("c2pa.actions")
        for action in (assertion.get("data") or {}).get("actions") or []
        if isinstance(action, dict)
    ]
    kind = next((kind for kind in reversed(kinds) if kind), None)
    signer = ", ".join(dict.fromkeys(name for name in names if name)) or "somebody without a name"
    program = next((program for program in programs if program), None)
    return Credentials(signer, valid, program, kind and kind.rpartition("/")[2])


def _short_text(text: object) -> str | None:
    return " ".join(text.split())[:200] if isinstance(text, str) and text.strip() else None


def _media_type(data: bytes) -> str | None:
    if data[4:8] == b"ftyp":
        return "video/mp4"
    return next((kind for start, kind in KINDS.items() if data.startswith(start)), None)


def _context() -> Any:
    import c2pa

    return c2pa.Context(c2pa.Settings.from_dict(SETTINGS))


def _pem(path: str | os.PathLike[str]) -> bytes:
    try:
        return read_bounded(Path(path), MOST_PEM)
    except (OSError, UnfitFile) as error:
        raise InvalidInput(f"The file {short(str(path))} cannot be read: {error}.") from error
