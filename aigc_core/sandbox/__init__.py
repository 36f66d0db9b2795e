"""The trust boundary: one process of code that nobody trusts, held by the kernel. Standard library and errors only."""
