"""Videos to luma planes with PyAV (extra ``video``).

`containers` recognises a file, names its demuxer and detects truncation; `frames` decodes on one
thread and keeps the first error instead of stopping; `clock` times each frame and picks the wanted
frames; `luma` takes the Y plane.
"""
