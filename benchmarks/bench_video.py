"""Cost of hashing frames, relative to PyAV decoding the same frames, on one thread each.

`python -m benchmarks.bench_video` alternates decoding and hashing, so other load on the machine
affects both equally, and prints the CPU time that hashing adds in percent, best of each. With
HASHMATCH_TEST_CORPUS set, it also measures the clips of the corpus. Before timing, the hashes are
compared with those pdqhash computes from PyAV's RGB frames.
"""

import io
import os
from fractions import Fraction
from pathlib import Path
from time import process_time

import av
import numpy as np
import pdqhash
import pytest

import hashmatch as hm
from hashmatch.fingerprint import fingerprint_content
from hashmatch.values import Content, Media

ROUNDS = 9


def made_clip(width_px, height_px, n_frames, codec="libx264"):
    """Return a clip of panning scenes with detail at many scales, 30 frames a second."""
    rng = np.random.default_rng(20261124)
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        stream = container.add_stream(codec, rate=30, options={"crf": "23", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width_px, height_px, "yuv420p"
        for number in range(n_frames):
            if number % 60 == 0:
                tall, wide = height_px + 64, width_px + 128
                scene = sum(
                    np.kron(
                        rng.normal(0, 5 + step / 4, (tall // step + 1, wide // step + 1)),
                        np.ones((step, step), np.float32),
                    )[:tall, :wide]
                    for step in (4, 8, 16, 32, 64)
                )
                scene = (scene + 128 + rng.normal(0, 3, (tall, wide))).clip(0, 255).astype(np.uint8)
            at = number % 60
            picture = np.ascontiguousarray(scene[at : at + height_px, 2 * at : 2 * at + width_px])
            frame = av.VideoFrame.from_ndarray(picture, format="gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 30)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


MADE = {"720p": (1280, 720, 150), "480p": (854, 480, 240), "1080p": (1920, 1080, 90)}
CORPUS = sorted((Path(os.environ.get("HASHMATCH_TEST_CORPUS", "absent")) / "video").glob("*.mp4"))


@pytest.fixture(scope="module", params=[*MADE, *CORPUS], ids=lambda one: getattr(one, "stem", one))
def clip(request):
    return clip_of(request.param)


def clip_of(which):
    return made_clip(*MADE[which]) if which in MADE else which.read_bytes()


def decode(data):
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        n = 0
        for _ in container.decode(stream):
            n += 1
    return n


def screen(data):
    """Hash the frames that screening looks at, in all views."""
    content = Content("clip", media=Media("video", data))
    return fingerprint_content(content, ["pdq"]).get("pdq")


def check(data, video):
    """Compare the hashes with those pdqhash computes from PyAV's frames."""
    wanted = dict(zip(video.frames.tolist()[:5], video.codes, strict=False))
    with av.open(io.BytesIO(data)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number in wanted:
                bits, quality = pdqhash.compute(frame.to_ndarray(format="rgb24"))
                assert quality < 50 or np.sum(np.unpackbits(wanted[number]) != bits) <= 12
    assert video.error is None


@pytest.mark.benchmark(group="video")
def test_decode_alone(benchmark, clip):
    assert benchmark.pedantic(decode, (clip,), rounds=ROUNDS) > 0


@pytest.mark.benchmark(group="video")
def test_hash_one_a_second(benchmark, clip):
    check(clip, hm.hash_video(clip))
    benchmark.pedantic(hm.hash_video, (clip,), rounds=ROUNDS)


@pytest.mark.benchmark(group="video")
def test_hash_every_frame(benchmark, clip):
    check(clip, hm.hash_video(clip, 0))
    video = benchmark.pedantic(hm.hash_video, (clip, 0), rounds=ROUNDS)
    assert len(video) == decode(clip)


@pytest.mark.benchmark(group="video")
def test_hash_keyframes(benchmark, clip):
    benchmark.pedantic(hm.hash_video, (clip, 0), {"keyframes_only": True}, rounds=ROUNDS)


def main():
    print("| clip | frames | decoding, ms a frame | 1 a second adds | all add | screening adds |")
    print("|---|---|---|---|---|---|")
    for which in (*MADE, *CORPUS):
        data = clip_of(which)
        jobs = (decode, hm.hash_video, lambda data: hm.hash_video(data, 0), screen)
        check(data, hm.hash_video(data, 0))
        best = [float("inf")] * len(jobs)
        for _ in range(ROUNDS):
            for at, job in enumerate(jobs):
                start_s = process_time()
                job(data)
                best[at] = min(best[at], process_time() - start_s)
        n = decode(data)
        added = (f"{100 * (one / best[0] - 1):+.1f}%" for one in best[1:])
        name = getattr(which, "stem", which)
        print("|", " | ".join([name, str(n), f"{1000 * best[0] / n:.2f}", *added]), "|")


if __name__ == "__main__":
    main()
