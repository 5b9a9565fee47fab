"""What can go wrong in a lab: one module per chapter, the same chapters as checks/ where they fit.

Each fault is a cause that somebody had, or could have. Its consequences follow by themselves. A function with @fault in any module of this
package is a fault: the registry finds it.
"""
