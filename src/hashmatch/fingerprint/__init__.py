"""Contents to hashes: decode, look at the picture in every way asked for, hash each view."""

from hashmatch.fingerprint.image import Fingerprint, fingerprint_image, hash_image
from hashmatch.fingerprint.video import hash_video

__all__ = ["Fingerprint", "fingerprint_image", "hash_image", "hash_video"]
