"""Activation: the one place where a plugin is imported, guarded so that whatever it does ends in one sentence."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from aigc_core import discovery, interrupt
from aigc_core.activations import remember
from aigc_core.discovery import Plugin
from aigc_core.errors import NotAvailable, ZooError, did_you_mean

if TYPE_CHECKING:
    import pluggy


def activate(plugin: Plugin) -> Any:
    """Import the module that the plugin's entry point names, and return it.

    Raises the plugin's own error where its state forbids that, and ``NotAvailable`` where the import fails for any
    reason, ``SystemExit`` included. A failure is recorded for listings, a success clears the record.
    """
    if plugin.state not in ("registered", "failed"):
        raise plugin.error()
    return _guarded(plugin, lambda: _imported(plugin.module))


def component(plugin: Plugin, kind: str, name: str) -> Any:
    """Return what a plugin declares under ``components``: a class or function, imported on first use.

    ``kind`` is the plural, such as ``generators``. Raises ``NotAvailable`` with a near name where there is none.
    """
    if plugin.manifest is None:
        raise plugin.error()
    declared = plugin.manifest.components.get(kind, {})
    if name not in declared:
        near = did_you_mean(name, list(declared))
        one = kind.removesuffix("es") if kind.endswith("sses") else kind.removesuffix("s")
        raise NotAvailable(f"Plugin {plugin.name} of {plugin.distribution} has no {one} {name}.{near}")
    return load_target(plugin, declared[name])


def load_target(plugin: Plugin, target: str) -> Any:
    """Activate the plugin and import ``module:attribute`` for it. Raises ``NotAvailable`` where that fails."""
    activate(plugin)
    module, _, attribute = target.partition(":")
    # Not recorded: one component that cannot be imported leaves the plugin's others usable.
    return _guarded(plugin, lambda: getattr(_imported(module), attribute), record=False)


class Implementation(NamedTuple):
    """One plugin's implementation of a hook."""

    plugin: Plugin
    hook: str

    @property
    def who(self) -> str:
        """The distribution and version that it comes from."""
        return f"{self.plugin.distribution} {self.plugin.version}"

    def __call__(self, **arguments: Any) -> Any:
        """Call that plugin alone and return its result, or None where it has none.

        Raises ``NotAvailable`` with the distribution and the cause where it fails.
        """
        only = host(self.plugin)
        try:
            results = getattr(only.hook, self.hook)(**arguments)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise NotAvailable(f"hook {self.hook} of {self.who} failed: {_sentence(error)}.") from error
        return results[0] if results else None

    def or_skip(self, **arguments: Any) -> Any:
        """Call it as above; a failure is reported on the standard error stream, once a process, and gives None."""
        if self.plugin.key in _unusable:
            return None
        try:
            return self(**arguments)
        except ZooError as error:
            self.skip(error)
            return None

    def skip(self, error: ZooError) -> None:
        """Report a failure; a plugin that cannot be activated is not tried again in this process."""
        if self.plugin.key not in _hosts:
            _unusable.add(self.plugin.key)
        _warn(f"{str(error).removesuffix('.')}; it was skipped. {error.hint}".rstrip())


def implementations(hook: str) -> list[Implementation]:
    """Return an implementation for each plugin that lists the hook, in the order of their names."""
    return [Implementation(plugin, hook) for plugin in _implementers(hook)]


@functools.cache
def _warn(text: str) -> None:
    """Say it once a process, however many batches there are."""
    print(f"aigc-zoo: warning: {text}", file=sys.stderr)


@functools.cache
def _implementers(hook: str) -> list[Plugin]:
    # Once a process: events are frequent, and scanning the path for each of them would cost more than the work.
    found = discovery.usable(discovery.plugins())
    return [plugin for plugin in found if plugin.manifest and hook in plugin.manifest.hooks]


_hosts: dict[str, pluggy.PluginManager] = {}
_unusable: set[str] = set()


def host(plugin: Plugin) -> pluggy.PluginManager:
    """Return a host with this one plugin in it: so no name can hide another's, and no failure another's result."""
    if plugin.key not in _hosts:
        import pluggy

        from aigc_core import hookspecs

        host = pluggy.PluginManager("aigc_zoo")
        host.add_hookspecs(hookspecs)
        module = activate(plugin)
        _guarded(plugin, lambda: _register(host, module, plugin, hookspecs.NAMES))
        _hosts[plugin.key] = host
    return _hosts[plugin.key]


def _register(host: pluggy.PluginManager, module: Any, plugin: Plugin, known: tuple[str, ...]) -> None:
    """Register a module's hooks. Raises ``ValueError`` where they are not those that ``plugin.json`` lists."""
    import pluggy

    try:
        host.register(module, name=plugin.name)
    except pluggy.PluginValidationError as error:
        raise ValueError(" ".join(str(error).split())) from error  # its cause stands on its last line
    implemented = {
        name for name in dir(module) if host.parse_hookimpl_opts(module, name) is not None
    }  # pluggy accepts a misspelt hook until it is asked
    listed = set(plugin.manifest.hooks) if plugin.manifest else set()
    for name in sorted(implemented - set(known)):
        raise ValueError(f"{plugin.module}.{name} is no hook.{did_you_mean(name, list(known))}")
    if implemented != listed:
        raise ValueError(f"plugin.json lists the hooks {sorted(listed)}, {plugin.module} has {sorted(implemented)}")


def _imported(module: str) -> Any:
    with interrupt.held():
        return importlib.import_module(module)


def _guarded(plugin: Plugin, work: Callable[[], Any], record: bool = True) -> Any:
    try:
        result = work()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit at import is a plugin's mistake, not our exit
        interrupt.check()  # the import of a compiled module can turn Ctrl-C into an ImportError
        reason = _sentence(error)
        if record:
            remember(plugin.key, plugin.version, plugin.package, reason)
        raise plugin._replace(state="failed", reason=reason, repair=f"aigc-zoo disable {plugin.key}").error() from error
    if record:
        remember(plugin.key, plugin.version, plugin.package, "")
    return result


def _sentence(error: BaseException) -> str:
    try:
        first = (str(error).strip().splitlines() or ["no message"])[0]
    except Exception:
        first = "its message cannot be shown"
    return f"{type(error).__name__}: {first.rstrip('.')}"
