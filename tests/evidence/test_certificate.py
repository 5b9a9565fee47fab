"""What a certificate tells of itself."""

from __future__ import annotations

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from evidence.collect.certificate import expired, fingerprint, shown

NOW = datetime.datetime(2026, 11, 27, 12, tzinfo=datetime.UTC)


def _certificate(until: datetime.datetime) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "*")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    made = made.not_valid_before(until - datetime.timedelta(days=365)).not_valid_after(until)
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize(("days", "said"), [(-1.0, "2026-11-26"), (-0.001, "2026-11-27"), (0.001, ""), (400.0, "")])
def test_an_expired_certificate_is_told_with_its_day(days: float, said: str) -> None:
    assert expired(_certificate(NOW + datetime.timedelta(days=days)), NOW) == said


@pytest.mark.parametrize("sent", [b"", b"0", b"\x30\x82 no certificate", _certificate(NOW)[:-9]])
def test_what_cannot_be_read_has_not_expired(sent: bytes) -> None:
    assert expired(sent, NOW + datetime.timedelta(days=1)) == ""


def test_without_tls_there_is_none() -> None:
    assert shown(object()) == b""
    assert fingerprint(b"") == ""
