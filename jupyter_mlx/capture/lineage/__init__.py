"""Which files this process reads and writes, seen without being declared."""
