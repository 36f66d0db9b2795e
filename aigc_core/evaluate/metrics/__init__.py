"""The core's metrics, one idea a module; ``aigc_core/zoo/plugin.json`` names them."""
