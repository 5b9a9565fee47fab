"""What the commands of head nodes and zones answer.  One module per kind; `answering` finds the one that was typed.

The stub (lab/machine/stub.py) sends zone, directory and arguments; here is decided what is printed, or what is to be executed.
What Triton has and the lab does not imitate says so and exits 127: never a made-up answer.
"""
