"""Contents to hashes: decode, look at the picture in every way asked for, hash each view."""

from hashmatch.fingerprint.content import (
    Fingerprint,
    fingerprint_digest,
    fingerprint_each,
    fingerprint_image,
    prepare_to_fingerprint,
)
from hashmatch.fingerprint.content_digests import digests
from hashmatch.fingerprint.image import Picture, hash_image, hash_segments
from hashmatch.fingerprint.source import Source, sendable
from hashmatch.fingerprint.video import hash_video
from hashmatch.fingerprint.views import Looking

__all__ = [
    "Fingerprint",
    "Looking",
    "Picture",
    "Source",
    "digests",
    "fingerprint_digest",
    "fingerprint_each",
    "fingerprint_image",
    "hash_image",
    "hash_segments",
    "hash_video",
    "prepare_to_fingerprint",
    "sendable",
]
