"""Contents to hashes: decode, look at the picture in every way asked for, hash each view."""

from hashmatch.fingerprint.image import Fingerprint, fingerprint_each, fingerprint_image, hash_image
from hashmatch.fingerprint.source import Source, sendable

__all__ = [
    "Fingerprint",
    "Source",
    "fingerprint_each",
    "fingerprint_image",
    "hash_image",
    "sendable",
]
