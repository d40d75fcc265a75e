"""`hashmatch video hash` and `hashmatch video match`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hashmatch.cli.display import print_json, print_note, print_table
from hashmatch.cli.options import (
    STDOUT,
    AsJson,
    Output,
    check_suffix,
    open_output,
    with_options,
)
from hashmatch.errors import DecodeError, ErrorKind

if TYPE_CHECKING:
    from hashmatch.matching import VideoMatch
    from hashmatch.values import VideoHash

video_app = typer.Typer(help="Hash videos, and find the stretches that they share.")


def make_loader(
    *,
    interval_s: Annotated[
        float,
        typer.Option(
            "--interval",
            metavar="S",
            min=0,
            max=86_400,
            help="Seconds from one hashed frame to the next; 0 is every frame.",
        ),
    ] = 1.0,
    keyframes_only: Annotated[
        bool, typer.Option("--keyframes-only", help="Decode keyframes only: fast but coarse.")
    ] = False,
    partial: Annotated[
        bool,
        typer.Option("--partial", help="Use what can be decoded of a damaged or truncated video."),
    ] = False,
) -> Callable[[Path], VideoHash]:
    """Return a function that hashes a video, or reads its hashes from a .txt file.

    It raises DecodeError for an incomplete video, unless `partial`.
    """
    from hashmatch.fingerprint import hash_video
    from hashmatch.lists import read_vpdq

    def load(path: Path) -> VideoHash:
        if path.suffix.lower() == ".txt":
            return read_vpdq(path)
        video = hash_video(path, interval_s, keyframes_only=keyframes_only)
        if video.error is not None and not partial:
            raise DecodeError(
                f"{path}: {video.error}; use --partial to hash what can be decoded",
                video.error_kind or ErrorKind.INCOMPLETE,
            )
        if video.error is not None:
            print_note(f"hashmatch: {path}: incomplete: {video.error}")
        return video

    return load


@video_app.command("hash")
@with_options("load", make_loader)
def hash_video_file(
    path: Annotated[Path, typer.Argument(metavar="VIDEO")],
    *,
    load: Callable[[Path], VideoHash],
    output: Output = STDOUT,
) -> None:
    """Hash frames of a video, as vPDQ text.

    Writes one line per frame: number, quality, hash, seconds. A video that cannot be decoded to its
    end is an error: nothing is written without --partial, and the exit code is 1 even with it.

    Example: hashmatch video hash clip.mp4 -o clip.txt
    """
    from hashmatch.lists import vpdq_lines

    check_suffix(output, ".txt")
    if output != STDOUT and output.exists() and output.samefile(path):
        raise typer.BadParameter(f"the output {output} is also the input", param_hint="--output")
    video = load(path)
    with open_output(output) as file:
        file.writelines(line.encode("ascii") for line in vpdq_lines(video))
    if video.error is not None:
        raise typer.Exit(1)


@video_app.command("match")
@with_options("load", make_loader)
def match_video_files(
    query: Annotated[Path, typer.Argument(metavar="QUERY")],
    entries: Annotated[list[Path], typer.Argument(metavar="ENTRY")],
    *,
    load: Callable[[Path], VideoHash],
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
    from hashmatch.matching import VideoLibrary

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
        shares = ("query_percent", "index_percent")
        print_json(
            [asdict(match) | {name: getattr(match, name) for name in shares} for match in found]
        )
    elif found:
        _print_matches(found)
    else:
        print_note(f"{query}: no match")
    if any(video.error is not None for video in (upload, *known.values())):
        raise typer.Exit(1)


def _print_matches(found: list[VideoMatch]) -> None:
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
