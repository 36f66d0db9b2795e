"""What ``aigc-zoo check`` can say beyond the problems of a manifest by itself."""

from __future__ import annotations

CODES = {
    "unknown-module": "A component, a command or the entry point names a module of the package that is not there.",
    "unknown-name": "A component or a command names something that its module does not define. The module's text was "
    "read for that, and nothing imported.",
    "source-syntax": "A module that a component is in is no Python that this version can read.",
    "unknown-component": "A recipe names a component that its plugin does not have. Of plugins that are not installed "
    "nothing is said.",
    "bad-tensors": "A bundled file of weights is said to be safetensors, and its header cannot be read.",
    "wrong-dtype": "A bundled file stores its floating-point tensors in another type than the manifest says.",
    "toml-syntax": "pyproject.toml is not TOML.",
    "no-entry-point": "The project has no entry point of the group aigc_zoo, so nobody will find its plugin.",
    "no-plugin-json": "The package that the entry point names has no zoo/plugin.json that can be read.",
}
"""Every code with its explanation. A code keeps its meaning for ever."""
