"""The checks, one module for each group of clauses. Each takes a subject, and raises where its clause does not hold."""
