"""The list of clauses as a page of the documentation: ``python -m aigc_core.testing.page > docs/clauses.md``."""

from __future__ import annotations

from aigc_core.testing.clauses import CLAUSES, GROUPS, Clause

_ABOUT = """# The clauses of the plugin contract

What a plugin promises, in numbered sentences, each of which a machine can check. In the folder of your package, with
the package installed:

```
pytest --aigc-zoo
```

finds what the package registers and runs every clause on every plugin, component, model and recipe that it applies to,
after your own tests; `-m aigc_zoo` leaves those out. There is nothing to write and nothing to subclass. From elsewhere,
`pytest --aigc-zoo=NAME` names an installed plugin.

At the end stands how many clauses are defined, how many apply, and how many checks ran, passed, failed, were expected
to fail, and were skipped, with every reason. A clause is skipped where there is nothing that it could look at, or where
one that it builds on has failed. **The session fails when a required check did not run**, whatever kept it: a plugin
that registers nothing, weights that are not here, a `-k` that leaves some out. Clauses that say *where it can* are not
required.

Each failure ends with the lines that repeat it, such as:

```python
from aigc_core.testing import check

check("gan", "model dcgan-digits", "N1")
```

## What an author may say

In `pyproject.toml`:

```toml
[tool.aigc-zoo]
seconds = 1200                                # what one clause may take, by the wall; 600 if you say nothing

[tool.aigc-zoo.expected]                      # known failures: a clause, or a clause and a subject, and why
"N3 model plaid" = "one row is computed by another kernel"

[tool.aigc-zoo.rows]                          # what a row of a recipe's data is, where it cannot be found out
plaid.images = [1, 28, 28]
```

A clause that does not end in that time fails, with the line that it was in, and nothing more is tried of its subject.
Where the plugin's code cannot be interrupted, pytest ends half a minute later with exit code 1 and says in which
clause, on which subject and in which line. What holds Python's interpreter lock for ever only a
judge outside can end.

A failure that is expected and does not come is a failure, and so is an entry that names no clause here. A required
check that is skipped needs such a reason too.

Trainers run on rows that are made up, of the shape that the models and templates of their networks declare. Losses get
inputs by name: `real_logits`, `fake_logits` and all that ends so, (n, 1); `..._class_logits` (n, k) with `..._labels`
(n,); `logits` (n, t, k) with `targets` (n, t); `log_likelihood` and `log_weights` (n, draws) in nats; `divergence` and
`log_prior` (n, d); `..._gradients` and `..._features` (n, d). For other names, a few shapes are tried.

What Python code does to network and files is heard through audit events; what compiled code does by itself is not. A
judge that does not trust a model runs the same clauses in a sandbox.
"""


def page() -> str:
    """Return the page: a table for each group, in the order of the ids."""
    parts = [_ABOUT]
    for letter, group in GROUPS.items():
        own = sorted((clause for clause in CLAUSES if clause.id[0] == letter), key=lambda clause: clause.id)
        parts.append(
            f"## {letter}: {group}\n\n| | what holds | of | why |\n|---|---|---|---|\n" + "".join(map(_row, own))
        )
    return "\n".join(parts)


def _row(clause: Clause) -> str:
    needs = ", ".join(clause.needs)
    of = f"{clause.kind} ({needs})" if needs else clause.kind
    where = "" if clause.required else ", where it can"
    return f"| {clause.id} | {clause.title} | {of}{where} | {clause.why} |\n"


if __name__ == "__main__":
    print(page(), end="")
