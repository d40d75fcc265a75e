"""From content to fingerprints: decode it, render every requested view, and hash each view."""

from hashmatch.fingerprint.content import (
    MediaExecutor,
    fingerprint_content,
    fingerprint_contents,
    fingerprint_media,
    identify_media,
    prepare_to_fingerprint,
)
from hashmatch.fingerprint.given_hashes import (
    GivenHash,
    GivenHashes,
    fingerprint_hashes,
    parse_hash,
)
from hashmatch.fingerprint.hashes import (
    compute_digests,
    compute_hash,
    compute_segments,
    digests,
    hash_image,
    hash_segments,
    hash_video,
)
from hashmatch.fingerprint.rendering import ViewOptions
from hashmatch.fingerprint.source import Source, sendable
from hashmatch.fingerprint.wire import (
    decode_fingerprints,
    decode_hash,
    decode_hashes,
    encode_fingerprints,
    encode_hashes,
    open_media,
)

__all__ = [
    "GivenHash",
    "GivenHashes",
    "MediaExecutor",
    "Source",
    "ViewOptions",
    "compute_digests",
    "compute_hash",
    "compute_segments",
    "decode_fingerprints",
    "decode_hash",
    "decode_hashes",
    "digests",
    "encode_fingerprints",
    "encode_hashes",
    "fingerprint_content",
    "fingerprint_contents",
    "fingerprint_hashes",
    "fingerprint_media",
    "hash_image",
    "hash_segments",
    "hash_video",
    "identify_media",
    "open_media",
    "parse_hash",
    "prepare_to_fingerprint",
    "sendable",
]
