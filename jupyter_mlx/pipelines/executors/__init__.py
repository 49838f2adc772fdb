"""Where stages run; each executor keeps the contract of `base.Executor`."""
