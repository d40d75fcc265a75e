"""Videos to luma planes with PyAV (extra ``video``).

`containers` recognises a file, names its demuxer and finds one that was cut short, `frames` decodes
on one thread and keeps the first error instead of stopping, `clock` gives each frame its time and
picks those wanted, `luma` takes the Y plane.
"""
