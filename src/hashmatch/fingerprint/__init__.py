"""Contents to hashes: decode, look at the picture in every way asked for, hash each view."""

from hashmatch.fingerprint.content import (
    Fingerprint,
    fingerprint_digest,
    fingerprint_each,
    fingerprint_image,
)
from hashmatch.fingerprint.content_digests import digests
from hashmatch.fingerprint.image import Picture, check_hash_decode, hash_image, hash_segments
from hashmatch.fingerprint.source import Source, sendable
from hashmatch.fingerprint.video import hash_video

__all__ = [
    "Fingerprint",
    "Picture",
    "Source",
    "check_hash_decode",
    "digests",
    "fingerprint_digest",
    "fingerprint_each",
    "fingerprint_image",
    "hash_image",
    "hash_segments",
    "hash_video",
    "sendable",
]
