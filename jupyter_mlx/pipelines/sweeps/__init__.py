"""Sweeps: one stage over many parameter values; begin reading at `sweep.py`."""
