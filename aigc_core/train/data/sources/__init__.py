"""Where rows come from: one module a form of file."""
