"""The data types of hashmatch: immutable values that one layer passes to the next.

One upload goes `Content -> Fingerprints -> MatchTable -> Decision`. Nothing here decodes, searches
or decides.
"""

from hashmatch.values.content import (
    BEST_RANK,
    Content,
    Fingerprint,
    Fingerprints,
    Media,
    MediaKind,
    quality_rank,
)
from hashmatch.values.decision import (
    ACTIONS,
    MAX_RECORDED_MATCHES,
    PRIORITIES,
    ROW_VERSION,
    Decision,
    FiredRule,
    IndexRef,
    Match,
    Outcome,
    PolicyRef,
    RecordedHash,
)
from hashmatch.values.hash import CODE_BITS, DIGEST_BITS, Code, Hash
from hashmatch.values.video_hash import VideoHash

__all__ = [
    "ACTIONS",
    "BEST_RANK",
    "CODE_BITS",
    "DIGEST_BITS",
    "MAX_RECORDED_MATCHES",
    "PRIORITIES",
    "ROW_VERSION",
    "Code",
    "Content",
    "Decision",
    "Fingerprint",
    "Fingerprints",
    "FiredRule",
    "Hash",
    "IndexRef",
    "Match",
    "Media",
    "MediaKind",
    "Outcome",
    "PolicyRef",
    "RecordedHash",
    "VideoHash",
    "quality_rank",
]
