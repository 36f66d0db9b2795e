"""The one way through: resolve -> fetch -> load -> generate -> finish -> write, each a function of the one before."""
