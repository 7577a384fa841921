"""Making data as the paper did: annotate, balance, check, record or render, package."""
