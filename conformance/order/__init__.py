"""
The order in which a target adds, revealed from outside: its tree of additions, and what follows from it.

Source: Xie, Gao, Wang and Xue, Revealing floating-point accumulation orders in software/hardware implementations,
USENIX ATC 2025.
"""
