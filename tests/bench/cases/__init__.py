"""One file per case. Adding one takes nothing else: `bench.py` finds it here.

A case is a module with

    NAME         how it is called on the command line and in results.json
    TITLE        how it is called in the tables
    ORDER        its place in the tables
    UNIT         "ms" or "MiB"; smaller is better
    LANGUAGE     "rust" or "python" for peers of that language only, "any" for all
    REPETITIONS  how many samples per peer; `--quick` takes a tenth

    def measure(peers, repetitions):
        yields (peer, [samples]) as often as it likes, taking turns between the peers where it can.
"""
