"""Which certificate a device may show, and what became of an attempt to connect."""

from __future__ import annotations

import ssl

from avctl.errors import LinkError, Untrusted

CONNECT_SECONDS = 5.0


def trusting(pinned: str = "") -> ssl.SSLContext:
    """TLS for devices that sign their own certificate; ``pinned`` is a file with the one to accept."""
    # Without a file the system's certificates would be read, each time, and for nothing.
    context = ssl.create_default_context(cafile=pinned) if pinned else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= (
        ssl.VERIFY_X509_PARTIAL_CHAIN
    )  # the device's own certificate is enough, without its signer
    if not pinned:
        context.verify_mode = ssl.CERT_NONE
    return context


def certificate_file(path: str) -> str:
    """The path of a certificate to accept, or nothing: how drivers' options check it."""
    if path:
        try:
            trusting(path)
        except (OSError, ValueError) as fault:  # ssl.SSLError is an OSError
            raise ValueError("the path of a certificate in PEM form, or nothing") from fault
    return path


def failed(what: str, fault: BaseException) -> LinkError:
    """What became of an attempt to connect; Untrusted when the certificate was not the pinned one."""
    if isinstance(fault, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(fault):
        return Untrusted(f"{what}: it does not show the certificate that is pinned")
    return LinkError(f"{what}: {why(fault)}")


def why(fault: BaseException) -> str:
    """What a failed attempt says, in a few words."""
    if isinstance(fault, TimeoutError):
        return "no answer"
    return getattr(fault, "strerror", None) or str(fault) or type(fault).__name__
