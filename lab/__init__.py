"""A whole coupling of real protocol servers on one machine, to practise and to prove in.

It shares no code with the rest of the project: it knows Triton from its sources and from recordings of
real servers, so that it can prove the suite's collectors wrong.
"""
