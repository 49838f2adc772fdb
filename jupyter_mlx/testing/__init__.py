"""For tests of one's own: suites that hold an implementation to its protocol, and strategies."""
