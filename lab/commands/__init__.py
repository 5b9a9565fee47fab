"""What the commands of head nodes and zones answer. One module per kind; `answering` finds the one that was typed.

The stub (lab/machine/stub.py) sends zone, directory and arguments. This package decides what to print or execute. A command that Triton has
and the lab does not imitate says so and exits with 127. It never makes up an answer.
"""
