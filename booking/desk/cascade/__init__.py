"""Nothing is free in time: professionals are asked, in waves, to take somebody.

`asking` is the worker's part, `answering` the professional's, `showing` what staff see of it.
"""
