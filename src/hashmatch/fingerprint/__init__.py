"""Contents to hashes: decode, look at the picture in every way asked for, hash each view."""

from hashmatch.fingerprint.content import (
    Fingerprint,
    fingerprint_content,
    fingerprint_digest,
    fingerprint_image,
)
from hashmatch.fingerprint.content_digests import digests
from hashmatch.fingerprint.image import Picture, hash_image, hash_segments
from hashmatch.fingerprint.video import hash_video

__all__ = [
    "Fingerprint",
    "Picture",
    "digests",
    "fingerprint_content",
    "fingerprint_digest",
    "fingerprint_image",
    "hash_image",
    "hash_segments",
    "hash_video",
]
