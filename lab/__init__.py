"""A whole coupling of real protocol servers on one machine, for practice and for proofs.

It shares no code with the rest of the project. It knows Triton from its sources and from recordings of real servers, so it can prove the
suite's collectors wrong.
"""
