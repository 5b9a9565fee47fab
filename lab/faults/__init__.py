"""What can go wrong in a lab: one module a chapter, the same chapters as checks/ where they fit.

Each fault is a cause that somebody had, or could have; what follows from it makes itself.  A function with @fault in any
module of this package is a fault: the registry finds it.
"""
