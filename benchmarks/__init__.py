"""Side-by-side measurements: ``python -m benchmarks`` measures everything and writes ``benchmarks/RESULTS.md``."""
