"""The steps that bring a ledger's schema up to date, in the order of their numbers.

A step, once released, is never edited: a later step corrects it.
"""
