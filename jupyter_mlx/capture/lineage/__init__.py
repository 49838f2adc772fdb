"""Which files a run reads and writes, without being told."""
