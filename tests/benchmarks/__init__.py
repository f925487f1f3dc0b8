"""`python -m tests.benchmarks`: the hot paths under real load, beside a floor that does the same SQL with nothing else.

Two servers under the same uvicorn, on the same database and one at a time: the service as `onefile serve` starts it,
and `floor.py`. Only their ratio in one run means anything: servers, database and clients share the machine.
"""
