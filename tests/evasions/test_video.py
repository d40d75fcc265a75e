"""A listed picture in a video, or in a file inside a file, is found, or the row says why not.

Each kind is a function from the picture carried to the bytes of an upload. Carrying the listed
one is blocked or an error; carrying another is neither, unless the kind itself is an error.
"""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hashmatch.decode import DecodeLimits, VideoLimits
from hashmatch.fingerprint import ViewOptions, fingerprint_content, hash_image
from hashmatch.index import build_index
from hashmatch.screener import Screener, ScreeningOptions
from hashmatch.values import Content, Media
from hashmatch.workers import Isolation
from tests.boxes import box, boxes, change, find
from tests.displayed_frames import displayed

Picture = NDArray[np.uint8]
Kind = Callable[[Picture], bytes]

POLICY = """
version = "1"
default = "allow"
on_error = { action = "review", queue = "undecodable" }
[[rules]]
name = "known"
when = { max_distance = 31 }
action = "block"
"""


def scene(seed: int) -> Picture:
    """Return a grey picture, 96 x 64, far from those of other seeds."""
    rng = np.random.default_rng(seed)
    found = np.full((64, 96), 128.0)
    for step in (4, 8, 16):
        found += np.kron(rng.normal(0, 12 + step, (64 // step, 96 // step)), np.ones((step, step)))
    return found.clip(0, 255).astype(np.uint8)


LISTED, HARMLESS, FIRST, SECOND = scene(1), scene(2), scene(3), scene(4)


def film(
    pictures: list[Picture],
    file_format: str = "matroska",
    codec: str = "libx264",
    *,
    stamps: list[int] | None = None,
    rate: int = 10,
    flags: str = "",
    second: list[Picture] | None = None,
    **muxer: str,
) -> bytes:
    """Return a video, a picture a tick of `rate`, or at `stamps`; and a second stream."""
    file = io.BytesIO()
    options = {"movflags": flags} if flags else {}
    with av.open(file, "w", format=file_format, options=options | muxer) as container:
        streams: list[tuple[Any, list[Picture]]] = []
        for each in (pictures, second):
            if each is None:
                continue
            quality = {"crf": "10"} if codec == "libx264" else {"qscale": "2"}
            stream: Any = container.add_stream(codec, rate=rate, options=quality)
            stream.height, stream.width = each[0].shape
            stream.pix_fmt = "yuv420p"
            stream.codec_context.thread_count = 1
            stream.codec_context.time_base = Fraction(1, rate)
            streams.append((stream, each))
        for stream, each in streams:
            for number, picture in enumerate(each):
                frame = av.VideoFrame.from_ndarray(picture, format="gray")
                frame = frame.reformat(format="yuv420p")
                frame.pts = stamps[number] if stamps else number
                frame.time_base = Fraction(1, rate)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    return file.getvalue()


def still(picture: Picture, file_format: str = "JPEG", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, file_format, **options)
    return file.getvalue()


def short(picture: Picture, file_format: str = "mp4") -> bytes:
    return film([picture] * 6, file_format)


# Frames that no sample meets.


def held(at: int) -> Kind:
    """Show the picture for half a second, from so many tenths of a second on."""
    return lambda carried: film([FIRST] * at + [carried] * 5 + [FIRST] * (30 - at), "mp4")


def held_once(carried: Picture) -> bytes:
    return film([FIRST, carried, FIRST], stamps=[0, 5, 5400])


def held_to_the_end(carried: Picture) -> bytes:
    return film([FIRST] * 12 + [carried])


def all_but_whole_seconds(carried: Picture) -> bytes:
    return film([FIRST if at % 10 == 0 else carried for at in range(30)])


def flash(carried: Picture) -> bytes:
    return film([FIRST] * 13 + [carried] + [FIRST] * 13)


def flash_between_fades(carried: Picture) -> bytes:
    steps = [0.0, 0.2, 0.4, 1.0, 0.4, 0.2, 0.0]
    mixed = [(FIRST + share * (carried.astype(float) - FIRST)).astype(np.uint8) for share in steps]
    return film([FIRST] * 10 + mixed + [FIRST] * 10)


def after_a_jump_back(carried: Picture) -> bytes:
    """Join streams whose times begin anew; the picture is in the middle of the second."""
    return film([FIRST] * 12) + film([FIRST] * 3 + [carried] * 2 + [FIRST] * 3)


# What a container says about its frames.


def hidden_by_edit_list(carried: Picture) -> bytes:
    data = film([FIRST] * 5 + [carried] * 20, "mp4")
    entry = bytes(7) + b"\1" + (400).to_bytes(4, "big") + bytes(4) + b"\0\1\0\0"
    edits = box(b"edts", box(b"elst", entry))

    def with_edits(track: bytes) -> bytes:
        return b"".join(box(*each) for each in boxes(track) if each[0] != b"edts") + edits

    return change(data, b"moov/trak", with_edits)


def two_tracks(carried: Picture) -> bytes:
    return film([FIRST] * 10, "mp4", second=[carried] * 10)


def track_not_enabled(carried: Picture) -> bytes:
    enabled = iter([True, False])

    def edit(header: bytes) -> bytes:
        return header if next(enabled) else header[:3] + b"\0" + header[4:]

    return change(two_tracks(carried), b"moov/trak/tkhd", edit)


def track_of_chapters(carried: Picture) -> bytes:
    """Make the second track the chapter pictures of the first; the picture is the second one."""
    data = film([FIRST] * 10, "mp4", second=[SECOND] + [carried] * 9)
    references = iter([box(b"tref", box(b"chap", (2).to_bytes(4, "big"))), b""])
    return change(data, b"moov/trak", lambda track: track + next(references))


def fragments(carried: Picture) -> bytes:
    pictures = [FIRST] * 15 + [carried] * 15
    return film(pictures, "mp4", flags="frag_keyframe+empty_moov", g="5")


def matroska_streams(carried: Picture) -> bytes:
    return film([FIRST] * 10, second=[carried] * 10)


def avi_streams(carried: Picture) -> bytes:
    return film([FIRST] * 10, "avi", "mpeg4", second=[carried] * 10)


def cover(carried: Picture) -> bytes:
    """Put the picture on the sleeve of an MP4."""
    data = box(b"data", b"\0\0\0\x0d", bytes(4), still(carried))
    handler = box(b"hdlr", bytes(8), b"mdirappl", bytes(9))
    sleeve = box(b"meta", bytes(4), handler, box(b"ilst", box(b"covr", data)))
    return change(film([FIRST] * 10, "mp4"), b"moov", lambda one: one + box(b"udta", sleeve))


def stream_that_begins_late(carried: Picture) -> bytes:
    late = film([carried] * 10, "mpegts", mpegts_start_pid="300")
    return film([FIRST] * 80, "mpegts") + late


# Crops that players make and decoders do not.


def framed(carried: Picture) -> Picture:
    """Return the picture in the middle of one of another kind, 192 x 128."""
    whole = np.tile(SECOND, (2, 2))
    whole[32:96, 48:144] = carried
    return whole


def aperture(width: int, height: int) -> bytes:
    return box(b"clap", np.array([width, 1, height, 1, 0, 1, 0, 1], ">i4").tobytes())


def cropped_film(carried: Picture) -> bytes:
    def with_aperture(table: bytes) -> bytes:
        ((kind, entry),) = boxes(table[8:])
        return table[:8] + box(kind, entry + aperture(96, 64))

    data = film([framed(carried)] * 6, "mp4")
    return change(data, b"moov/trak/mdia/minf/stbl/stsd", with_aperture)


def cropped_matroska(carried: Picture) -> bytes:
    """Add margins to the video of the track, and to the sizes of all elements around it."""
    data = bytearray(film([framed(carried)] * 6))
    margins = b"".join(b"\x54" + bytes([side, 0x81, 32 if side < 0xC0 else 48])
                       for side in (0xAA, 0xBB, 0xCC, 0xDD))  # fmt: skip
    place = 0
    for name in (b"\x18\x53\x80\x67", b"\x16\x54\xae\x6b", b"\xae", b"\xe0"):
        while True:
            size_at = place + 9 - data[place].bit_length()
            length = 9 - data[size_at].bit_length()
            size = int.from_bytes(data[size_at : size_at + length], "big")
            is_found = bytes(data[place:size_at]) == name
            place = size_at + length
            if is_found:
                break
            place += size - (1 << 7 * length)
        data[size_at : size_at + length] = (size + len(margins)).to_bytes(length, "big")
    data[place:place] = margins
    return bytes(data)


def cropped_avif(carried: Picture) -> bytes:
    picture = still(framed(carried), "AVIF", quality=90)
    grown = len(aperture(1, 1)) + 1

    def edit(meta: bytes) -> bytes:
        parts = dict(boxes(meta[4:]))
        shared = find(parts[b"iprp"], b"ipco") + aperture(96, 64)
        users = bytearray(find(parts[b"iprp"], b"ipma"))
        users[10] += 1  # properties of the one item
        users.append(0x80 | sum(1 for _ in boxes(shared)))
        parts[b"iprp"] = box(b"ipco", shared) + box(b"ipma", bytes(users))
        return meta[:4] + b"".join(box(*each) for each in parts.items())

    changed = change(moved_items(picture, grown), b"meta", edit)
    return box(b"ftyp", find(picture, b"ftyp")) + changed


# Files inside files.


def still_and_film(carried: Picture) -> bytes:
    """Put an AVIF and a film into one file, which is named after the AVIF."""
    picture, movie = still(FIRST, "AVIF"), film([carried] * 6, "mp4")
    kinds = dict(boxes(picture))
    brands = box(b"ftyp", b"avif", bytes(4), b"avifmif1miafisommp41")
    # Offsets count from the start of the file: the film's samples must stay where they were.
    spare = len(box(b"ftyp", find(movie, b"ftyp"))) - len(brands)
    if spare < 0:
        grown = -spare
        movie = change(movie, b"moov/trak/mdia/minf/stbl/stco", lambda one: moved(one, grown))
    rest = b"".join(box(*each) for each in boxes(movie) if each[0] != b"ftyp")
    shift = len(brands) + len(rest) - len(box(b"ftyp", kinds[b"ftyp"]))
    return brands + rest + moved_items(picture, shift)


def moved(table: bytes, by: int) -> bytes:
    """Return the chunk offsets of a track, moved."""
    offsets = np.frombuffer(table, ">u4", offset=8) + by
    return table[:8] + offsets.astype(">u4").tobytes()


def moved_items(picture: bytes, by: int) -> bytes:
    """Return an AVIF of one item without its brands, its item moved."""
    parts = []
    for kind, content in boxes(picture):
        if kind == b"meta":
            at = content.index(b"iloc") + 4
            size = int.from_bytes(content[at - 8 : at - 4], "big") - 8
            place = content[at : at + size]
            assert place[:8] == bytes.fromhex("0000000044000001")
            offset = int.from_bytes(place[14:18], "big") + by
            place = place[:14] + offset.to_bytes(4, "big") + place[18:]
            content = content[:at] + place + content[at + size :]  # noqa: PLW2901
        if kind != b"ftyp":
            parts.append(box(kind, content))
    return b"".join(parts)


def behind(front: Callable[[], bytes], back: Kind, trailer: bytes = b"") -> Kind:
    return lambda carried: front() + back(carried) + trailer


def first_jpeg() -> bytes:
    return still(FIRST)


def as_motion_photo_of_samsung(carried: Picture) -> bytes:
    head = b"\0\0\x30\x0a\x10\0\0\0MotionPhoto_Data"
    tail = b"SEFH" + bytes(20) + b"\x18\0\0\0SEFT"
    return still(FIRST) + head + short(carried) + tail


def in_a_box(carried: Picture) -> bytes:
    return still(FIRST, "AVIF") + box(b"mpvd", short(carried))


def in_a_box_of_heic(carried: Picture) -> bytes:
    return heic() + box(b"mpvd", short(carried))


def heic() -> bytes:
    heif = pytest.importorskip("pillow_heif")
    file = io.BytesIO()
    heif.from_pillow(Image.fromarray(FIRST).convert("RGB")).save(file)
    return file.getvalue()


def gain_map_then_film(carried: Picture) -> bytes:
    return still(FIRST) + still(SECOND, quality=40) + short(carried)


def picture_behind_a_film(carried: Picture) -> bytes:
    return film([FIRST] * 6, "mp4") + box(b"thum", still(carried))


FOUND: dict[str, Kind] = {
    **{f"held from {at / 10} s": held(at) for at in random.Random(7).sample(range(30), 4)},
    "held, and one frame": held_once,
    "held to the end": held_to_the_end,
    "all but whole seconds": all_but_whole_seconds,
    "flash": flash,
    "flash between fades": flash_between_fades,
    "after a jump back": after_a_jump_back,
    "edit list": hidden_by_edit_list,
    "second track": two_tracks,
    "track not enabled": track_not_enabled,
    "track of chapters": track_of_chapters,
    "fragments": fragments,
    "second stream of Matroska": matroska_streams,
    "second stream of AVI": avi_streams,
    "cover": cover,
    "stream that begins late": stream_that_begins_late,
    "cropped film": cropped_film,
    "cropped Matroska": cropped_matroska,
    "cropped AVIF": cropped_avif,
    "film called AVIF": still_and_film,
    "MP4 behind JPEG": behind(first_jpeg, short),
    "MP4 behind JPEG, and a trailer": as_motion_photo_of_samsung,
    "MP4 behind PNG": behind(lambda: still(FIRST, "PNG"), short),
    "MP4 behind WebP": behind(lambda: still(FIRST, "WEBP"), short),
    "MP4 in a box of AVIF": in_a_box,
    "MP4 in a box of HEIC": in_a_box_of_heic,
    "MP4 behind HEIC": behind(heic, short),
    "MP4 behind AVIF": behind(lambda: still(FIRST, "AVIF"), short),
    "MP4 behind MP4": behind(lambda: short(FIRST), short),
    "MP4 behind a gain map": gain_map_then_film,
    "Matroska behind JPEG": behind(first_jpeg, lambda one: short(one, "matroska")),
    "JPEG behind JPEG": behind(first_jpeg, still),
    "JPEG behind PNG": behind(lambda: still(FIRST, "PNG"), still),
    "JPEG behind BMP": behind(lambda: still(FIRST, "BMP"), still),
    "JPEG in a box of MP4": picture_behind_a_film,
    "PNG behind GIF": behind(lambda: still(FIRST, "GIF"), lambda one: still(one, "PNG")),
    "WebP behind JPEG": behind(first_jpeg, lambda one: still(one, "WEBP")),
    "GIF behind WebP": behind(lambda: still(FIRST, "WEBP"), lambda one: still(one, "GIF")),
    "AVIF behind JPEG": behind(first_jpeg, lambda one: still(one, "AVIF")),
}


def second_movie(carried: Picture) -> bytes:
    """Describe the samples twice; players differ in which description they take."""
    data = film([FIRST] * 5 + [carried] * 5, "mp4")
    return data + box(b"moov", find(data, b"moov"))


def of_another_codec(carried: Picture) -> bytes:
    """Name a codec that is not accepted for the second track."""
    return two_tracks(carried)[::-1].replace(b"1cva", b"1xyz", 1)[::-1]


def samples_of_two_formats(carried: Picture) -> bytes:
    """Give the second half of a track to a second format; FFmpeg skips its samples."""
    data = film([FIRST] * 5 + [carried] * 5, "mp4")
    tables = b"moov/trak/mdia/minf/stbl/"

    def with_format(table: bytes) -> bytes:
        ((kind, entry),) = boxes(table[8:])
        return table[:4] + b"\0\0\0\2" + box(kind, entry) + box(b"hvc1", entry)

    return change(data, tables + b"stsd", with_format)


def behind_the_end(file_format: str, codec: str) -> Kind:
    def make(carried: Picture) -> bytes:
        return film([FIRST] * 6, file_format, codec) + film([carried] * 6, file_format, codec)

    return make


def further_picture_of_avif(carried: Picture) -> bytes:
    """Add an item that nothing refers to; viewers that list items show it."""
    picture = still(FIRST, "AVIF")
    item = box(b"infe", b"\2\0\0\0\0\2\0\0av01\0")

    def edit(meta: bytes) -> bytes:
        parts = dict(boxes(meta[4:]))
        items = parts[b"iinf"]
        parts[b"iinf"] = items[:4] + b"\0\2" + items[6:] + item
        return meta[:4] + b"".join(box(*each) for each in parts.items())

    changed = change(moved_items(picture, len(item)), b"meta", edit)
    return box(b"ftyp", find(picture, b"ftyp")) + changed + box(b"free", carried.tobytes())


def seventeen_files(carried: Picture) -> bytes:
    return still(FIRST) * 17 + still(carried)


def nine_streams(carried: Picture) -> bytes:
    data = film([FIRST] * 3, "mp4")
    movie = find(data, b"moov")
    track = box(b"trak", find(movie, b"trak"))
    return change(data, b"moov", lambda one: one + track * 8) + box(b"free", carried.tobytes())


NOT_EXAMINED: dict[str, Kind] = {
    "second movie": second_movie,
    "track of another codec": of_another_codec,
    "samples of two formats": samples_of_two_formats,
    "FLV behind FLV": behind_the_end("flv", "flv"),
    "ASF behind ASF": behind_the_end("asf", "msmpeg4"),
    "further picture of AVIF": further_picture_of_avif,
    "seventeen files": seventeen_files,
    "nine streams": nine_streams,
}


@pytest.fixture(scope="module")
def open_screener(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Screener]:
    """Return what opens a screener for an index of one picture."""
    folder = tmp_path_factory.mktemp("listed")
    (folder / "known.csv").write_text(f"entry_id,hash\nlisted,{hash_image(LISTED).hex}\n")
    (folder / "recipe.toml").write_text(
        'name = "one"\n[[lists]]\nname = "known"\nfile = "known.csv"\nversion = "1"\nharm = "h"\n'
    )
    build_index(folder)

    def open_with(head: str = "", **options: Any) -> Screener:
        (folder / "policy.toml").write_text(head + POLICY)
        return Screener.open(folder, folder / "policy.toml", options=ScreeningOptions(**options))

    return open_with


@pytest.mark.parametrize("kind", FOUND.values(), ids=FOUND)
def test_what_is_carried_is_found(
    kind: Kind, open_screener: Callable[..., Screener], tmp_path: Path
) -> None:
    screener = open_screener()
    assert screener.screen(still(LISTED)).action == "block"
    path = tmp_path / "upload"
    path.write_bytes(kind(LISTED))
    decision = screener.screen(path)
    assert (decision.error, decision.action) == (None, "block")
    assert decision == screener.screen(path.read_bytes(), content_id=str(path))
    twin = screener.screen(kind(HARMLESS))
    assert (twin.error, twin.action, twin.n_matches) == (None, "allow", 0)


@pytest.mark.parametrize(
    "options",
    [{"decode": "luma"}, {"decode": "exact"}, {"isolation": Isolation(time_s=60.0)}],
    ids=str,
)
def test_ways_to_decode_change_no_decision(
    options: dict[str, Any], open_screener: Callable[..., Screener]
) -> None:
    uploads = [
        FOUND[name](carried)
        for name in ("JPEG behind JPEG", "MP4 behind a gain map", "second track", "flash")
        for carried in (LISTED, HARMLESS)
    ]
    screener = open_screener(**options)
    try:
        decisions = screener.screen_many(uploads)
    finally:
        screener.close()
    expected = open_screener(decode="exact").screen_many(uploads)
    assert [one.matches for one in decisions] == [one.matches for one in expected]
    assert [one.action for one in decisions] == ["block", "allow"] * 4


def test_pictures_inside_share_a_budget(open_screener: Callable[..., Screener]) -> None:
    screener = open_screener(limits=DecodeLimits(max_frame_pixels=96 * 64 * 3))
    assert screener.screen(still(FIRST) * 4).error is None
    decision = screener.screen(still(FIRST) + still(LISTED) + still(SECOND) * 4)
    assert (decision.error_kind, decision.action) == ("incomplete", "block")


def test_a_film_is_found_behind_a_jpeg_without_end(open_screener: Callable[..., Screener]) -> None:
    decision = open_screener().screen(still(FIRST)[:-2] + short(LISTED))
    assert decision.action == "block"


@pytest.mark.parametrize("kind", NOT_EXAMINED.values(), ids=NOT_EXAMINED)
def test_what_is_not_examined_is_in_the_row(
    kind: Kind, open_screener: Callable[..., Screener], tmp_path: Path
) -> None:
    screener = open_screener()
    for carried in (LISTED, HARMLESS):
        path = tmp_path / "upload"
        path.write_bytes(kind(carried))
        decision = screener.screen(path)
        assert decision.error_kind == "incomplete"
        assert decision.action in ("review", "block")
        assert decision == screener.screen(path.read_bytes(), content_id=str(path))
    assert decision.action == "review"


def test_a_still_film_in_few_bytes_is_too_much_work(open_screener: Callable[..., Screener]) -> None:
    """The frames before the budget is spent still count."""
    limits = VideoLimits(max_frame_pixels=96 * 64 * 8)
    screener = open_screener(video_limits=limits)
    for carried, action in ((LISTED, "block"), (HARMLESS, "review")):
        decision = screener.screen(film([FIRST] * 4 + [carried] * 20))
        assert (decision.error_kind, decision.action) == ("too_much_work", action)
    assert screener.screen(film([HARMLESS] * 8)).error is None


def test_two_streams_share_the_budget(open_screener: Callable[..., Screener]) -> None:
    screener = open_screener(video_limits=VideoLimits(max_frame_pixels=96 * 64 * 15))
    decision = screener.screen(film([FIRST] * 10, second=[SECOND] * 10))
    assert decision.error_kind == "too_much_work"


def test_endless_cuts_are_too_much_work(open_screener: Callable[..., Screener]) -> None:
    """Each frame differs from the one before it; the picture comes after the budget is spent."""
    flicker = [FIRST, SECOND] * 700
    frames = [*flicker, LISTED, FIRST]
    data = film(frames, rate=1000)
    decision = open_screener().screen(data)
    assert (decision.error_kind, decision.action) == ("too_much_work", "review")
    assert open_screener().screen(film([*flicker[:200], LISTED, FIRST], rate=1000)).error is None


def test_samples_move_with_the_content_and_with_the_key(
    open_screener: Callable[..., Screener],
) -> None:
    drift = [np.roll(LISTED, at // 2, axis=1) for at in range(120)]
    data = film(drift, rate=100, fflags="bitexact")
    content = Content("drift", hashlib.sha256(data).hexdigest(), media=Media("video", data))
    found = set()
    for key in (None, *(f"a secret of sixteen {at}" for at in range(6))):
        options = ViewOptions(["frames"], video_interval_s=0.5, sampling_key=key)
        fingerprint = fingerprint_content(content, ["pdq"], options=options).get("pdq")
        assert fingerprint is not None
        codes = {code.tobytes() for code in fingerprint.codes}
        assert codes == {code.tobytes() for code in displayed(data, 0.5, key).codes}
        found.add(frozenset(codes))
    assert len(found) > 4

    head = 'sampling_key = "a secret of sixteen"\n'
    digest = hashlib.sha256(b"a secret of sixteen").hexdigest()
    assert open_screener(head).screen(data).sampling_key == digest
    assert open_screener().screen(data).sampling_key is None
