"""`make demo`: a year of real shopping baskets through the suite, every figure beside pandas, equal to the cent.

Two sides share nothing but the data files: `expected.py` counts with pandas; `baskets.py` and what follows it reads the
same files by other means, sends the baskets through the public API, and reads the suite's own figures.
"""
