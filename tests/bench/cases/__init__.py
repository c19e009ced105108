"""One file per case. Adding one takes nothing else: `bench.py` finds it here.

A case is a module with

    NAME         how it is called on the command line and in results.json
    TITLE        how it is called in the tables
    ORDER        its place in the tables
    UNIT         "ms" or "MiB", where smaller is better, or something per second, as "lines/s", where larger is
    NEEDS        the features a peer must have, beside running cells (see peers.py)
    REPETITIONS  how many samples per peer; `--quick` takes a tenth

    def measure(run):
        yields (peer, Sample) as often as it likes, taking turns between `run.peers`; samples.py has the usual ways.

A module may have `parts()` instead, which gives several such cases, called NAME.part.

A case looks at what it measured: a wrong answer is an AssertionError, and the results say that the case failed.
"""
