"""`hashmatch video hash` and `hashmatch video match`."""

from __future__ import annotations

# ruff: noqa: PLC0415  (heavy imports where they are used, so that help stays quick)
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hashmatch.cli.display import print_note, print_table
from hashmatch.cli.options import AsJson

if TYPE_CHECKING:
    from hashmatch.matching import VideoMatch
    from hashmatch.values import VideoHash

video_app = typer.Typer(help="Hash videos; find the stretches that they share.")

_TEXT_SUFFIX = ".txt"

Interval = Annotated[
    float,
    typer.Option(
        "--interval",
        metavar="S",
        min=0,
        help="Seconds from one hashed frame to the next; 0 is every frame.",
    ),
]
KeyframesOnly = Annotated[
    bool, typer.Option("--keyframes-only", help="Decode keyframes only: fast but coarse.")
]
Partial = Annotated[
    bool,
    typer.Option("--partial", help="Use what can be decoded of a damaged or truncated video."),
]


@video_app.command("hash")
def hash_video_file(
    path: Annotated[Path, typer.Argument(metavar="VIDEO", show_default=False)],
    *,
    interval_s: Interval = 1.0,
    keyframes_only: KeyframesOnly = False,
    partial: Partial = False,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="- is stdout.")
    ] = Path("-"),
) -> None:
    """Hash frames of a video, as vPDQ text.

    One line per frame: number, quality, hash, seconds. A video that cannot be decoded to its end is
    an error, and nothing is written without --partial; the exit code is 1 even with it.

    Example: hashmatch video hash clip.mp4 -o clip.txt
    """
    from hashmatch.files import write_file
    from hashmatch.lists import vpdq_lines

    video = _load_video(path, interval_s, keyframes_only=keyframes_only, partial=partial)
    if output == Path("-"):
        sys.stdout.writelines(vpdq_lines(video))
    else:
        with write_file(output) as file:
            file.writelines(line.encode("ascii") for line in vpdq_lines(video))
    if video.error is not None:
        raise typer.Exit(1)


@video_app.command("match")
def match_video_files(
    query: Annotated[Path, typer.Argument(metavar="QUERY", show_default=False)],
    entries: Annotated[list[Path], typer.Argument(metavar="ENTRY", show_default=False)],
    *,
    interval_s: Interval = 1.0,
    keyframes_only: KeyframesOnly = False,
    partial: Partial = False,
    radius: Annotated[
        int, typer.Option(metavar="BITS", min=0, max=256, help="Largest distance, inclusive.")
    ] = 31,
    min_quality: Annotated[
        int, typer.Option(metavar="Q", min=0, max=100, help="Ignore frames of lower quality.")
    ] = 50,
    query_percent: Annotated[
        float,
        typer.Option(metavar="P", min=0, max=100, help="Minimum share of the query's frames."),
    ] = 0.0,
    index_percent: Annotated[
        float,
        typer.Option(metavar="P", min=0, max=100, help="Minimum share of the entry's frames."),
    ] = 0.0,
    as_json: AsJson = False,
) -> None:
    """Find the stretches that a video shares with others.

    QUERY and each ENTRY are videos, or .txt files written by hashmatch video hash or vPDQ.

    Example: hashmatch video match upload.mp4 known.txt --index-percent 50
    """
    from hashmatch.cli.display import print_json
    from hashmatch.matching import VideoLibrary

    def load(path: Path) -> VideoHash:
        return _load_video(path, interval_s, keyframes_only=keyframes_only, partial=partial)

    upload = load(query)
    known = {str(path): load(path) for path in entries}
    library = VideoLibrary.build(known, min_quality=min_quality)
    for path, video in ((str(query), upload), *known.items()):
        if not (video.qualities >= min_quality).any():
            print_note(f"hashmatch: {path}: cannot be compared: no frame of quality {min_quality}")
    found = [
        match
        for match in library.match(upload, radius=radius)
        if match.reaches(query_percent, index_percent)
    ]
    if as_json:
        print_json([_row(match) for match in found])
    elif found:
        _print(found)
    else:
        print_note(f"{query}: no match")
    if any(video.error is not None for video in (upload, *known.values())):
        raise typer.Exit(1)


def _load_video(path: Path, interval_s: float, *, keyframes_only: bool, partial: bool) -> VideoHash:
    """Hash a video or read its hashes; DecodeError if it is incomplete, unless `partial`."""
    from hashmatch.errors import DecodeError, ErrorKind
    from hashmatch.fingerprint import hash_video
    from hashmatch.lists import read_vpdq

    if path.suffix.lower() == _TEXT_SUFFIX:
        return read_vpdq(path)
    try:
        video = hash_video(path, interval_s, keyframes_only=keyframes_only)
    except DecodeError as error:
        raise DecodeError(f"{path}: {error}", error.kind) from None
    if video.error is not None and not partial:
        raise DecodeError(
            f"{path}: {video.error}; use --partial to hash what can be decoded",
            video.error_kind or ErrorKind.INCOMPLETE,
        )
    if video.error is not None:
        print_note(f"hashmatch: {path}: incomplete: {video.error}")
    return video


def _row(match: VideoMatch) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        **asdict(match),
        "query_percent": match.query_percent,
        "index_percent": match.index_percent,
    }


def _print(found: list[VideoMatch]) -> None:
    print_table(
        "Shared videos",
        ("entry", "query frames", "entry frames", "nearest"),
        (
            (
                match.entry_id,
                f"{match.n_query_matched} of {match.n_query_frames} ({match.query_percent:.1f}%)",
                f"{match.n_entry_matched} of {match.n_entry_frames} ({match.index_percent:.1f}%)",
                f"{match.distance} bits",
            )
            for match in found
        ),
    )
    for match in found:
        for part in match.intervals:
            print_note(
                f"{part.query_start_s:.1f}-{part.query_end_s:.1f} s matches {match.entry_id} "
                f"{part.entry_start_s:.1f}-{part.entry_end_s:.1f} s: {part.n_frames} frames, "
                f"{part.mean_distance:.1f} bits"
            )
