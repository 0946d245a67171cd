"""Content Credentials by one's own certificate: signed, read back, and seen where a file was changed afterwards."""

import datetime

import numpy as np
import pytest
from conftest import skip_or_fail
from PIL import Image

from gan_models import InvalidInput, cli, credentials, images, marks, verify
from gan_models.marks import EDITED, Mark


@pytest.fixture(scope="module")
def papers(tmp_path_factory):
    """A certificate that may sign, the one above it, and the private key, as files."""
    try:
        import c2pa  # noqa: F401 (only whether it is there)
    except ImportError:
        skip_or_fail("signing needs the package c2pa-python")
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    folder = tmp_path_factory.mktemp("papers")
    above, own = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))

    def certificate(name: str, key, is_authority: bool):
        subject = x509.Name(
            [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Nobody"), x509.NameAttribute(NameOID.COMMON_NAME, name)]
        )
        issuer = x509.Name(
            [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Nobody"), x509.NameAttribute(NameOID.COMMON_NAME, "Above")]
        )
        usage = [not is_authority, False, False, False, False, is_authority, is_authority, False, False]
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime.datetime(2020, 1, 1))
            .not_valid_after(datetime.datetime(2120, 1, 1))
            .add_extension(x509.BasicConstraints(is_authority, None), True)
            .add_extension(x509.KeyUsage(*usage), True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(above.public_key()), False)
        )
        if not is_authority:
            made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), True)
        return made.sign(above, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    (folder / "chain.pem").write_bytes(certificate("A Studio", own, False) + certificate("Above", above, True))
    for name, key in (("key.pem", own), ("other.pem", above)):
        kind = serialization.PrivateFormat.PKCS8
        (folder / name).write_bytes(key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()))
    return folder


def picture() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_what_is_signed_is_read_and_the_mark_and_the_pixels_stay(papers, tmp_path, suffix):
    path, mark = tmp_path / f"a{suffix}", Mark("celeba-editor", "0123456789abcdef", kind=EDITED, edits={"Smiling": 0.5})
    marks.save(picture(), path, mark)
    with Image.open(path) as opened:
        before = np.array(opened)
    credentials.sign(path, papers / "chain.pem", papers / "key.pem")
    found = credentials.read(path.read_bytes())
    assert found == credentials.Credentials("A Studio, Nobody", True, "GAN Studio", EDITED)
    assert marks.read(path) == mark
    with Image.open(path) as opened:
        assert np.array_equal(np.array(opened), before)
    verdict = verify(path)
    assert verdict.credentials == found and verdict.said == "edited" and "A Studio" in str(verdict)


def test_a_film_too(papers, tmp_path):
    pytest.importorskip("av")
    images.write_frames([picture()] * 3, tmp_path / "a.mp4", xmp=marks.to_xmp(Mark("m")))
    credentials.sign(tmp_path / "a.mp4", papers / "chain.pem", papers / "key.pem")
    assert credentials.read((tmp_path / "a.mp4").read_bytes()).valid and marks.read(tmp_path / "a.mp4") == Mark("m")


def test_a_file_that_was_changed_afterwards_does_not_fit(papers, tmp_path):
    marks.save(picture(), tmp_path / "a.png", Mark("m"))
    credentials.sign(tmp_path / "a.png", papers / "chain.pem", papers / "key.pem")
    data = bytearray((tmp_path / "a.png").read_bytes())
    data[-40] ^= 1  # in the compressed pixels
    found = credentials.read(bytes(data))
    assert found is None or not found.valid


def test_what_cannot_be_signed_is_one_sentence(papers, tmp_path, capsys):
    images.save_png(picture(), tmp_path / "plain.png")
    marks.save(picture(), tmp_path / "a.png", Mark("m"))
    chain, key = papers / "chain.pem", papers / "key.pem"
    for path, certificates, secret, words in (
        ("plain.png", chain, key, "holds no mark"),
        ("a.png", key, key, "cannot be signed"),
        ("a.png", chain, chain, "cannot be signed"),
        ("a.png", chain, papers / "other.pem", "cannot be signed"),
        ("a.png", chain, papers / "none.pem", "cannot be read"),
    ):
        with pytest.raises(InvalidInput, match=words) as error:
            credentials.sign(tmp_path / path, certificates, secret)
        assert "\n" not in str(error.value)
    with pytest.raises(InvalidInput, match="algorithm"):
        credentials.sign(tmp_path / "a.png", chain, key, algorithm="md5")
    before = (tmp_path / "a.png").read_bytes()
    out = tmp_path / "signed.png"
    papers_ = ["--certificates", str(chain), "--key", str(key)]
    assert cli.main(["sign", str(tmp_path / "a.png"), *papers_, "-o", str(out)]) == 0
    assert "signed by A Studio" in capsys.readouterr().out and (tmp_path / "a.png").read_bytes() == before
    assert cli.main(["sign", str(tmp_path / "a.png"), *papers_, "-o", str(tmp_path / "signed.jpg")]) == 2


def test_what_is_not_signed_has_none():
    assert credentials.read(images.to_png(picture())) is None and credentials.read(b"hello") is None
