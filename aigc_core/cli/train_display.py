"""How a training looks while it goes: a bar with losses on a terminal, lines elsewhere, a sample now and then."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any

from aigc_core.cli.output import printable
from aigc_core.errors import counted

if TYPE_CHECKING:
    from aigc_core.train.plan import Plan

COLUMNS = 3
"""Images of a sheet that are drawn on a terminal."""


class Display:
    """Hears the events of a training and shows them on the standard error stream."""

    def __init__(self, recipe: dict[str, Any], quiet: bool) -> None:
        self.recipe, self.quiet = recipe, quiet
        self.terminal = sys.stderr.isatty() and not quiet
        self.bar: Any = None

    def __enter__(self) -> Display:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.bar is not None:
            self.bar.close()

    def say(self, text: str) -> None:
        """Print a line, above the bar where there is one."""
        self._print(printable(text))

    def _print(self, text: str) -> None:
        if self.bar is not None:
            self.bar.write(text, file=sys.stderr)
        else:
            print(text, file=sys.stderr)

    def warn(self, text: str) -> None:
        """Print a warning, however quiet."""
        self.say(f"warning: {text}")

    def show(self, event: dict[str, Any]) -> None:
        """Show one event, as ``zoo_event`` documents them."""
        if self.quiet:
            return
        if event["kind"] == "train-begin" and self.terminal:
            self._draw_bar(event["step"])
        elif event["kind"] == "train-losses":
            self._losses(event)
        elif event["kind"] == "train-samples":
            self._samples(event["path"])

    def _draw_bar(self, step: int) -> None:
        from tqdm import tqdm

        total = self.recipe["budget"]["steps"]
        self.bar = tqdm(total=total, initial=step, unit="step", file=sys.stderr, dynamic_ncols=True, smoothing=0.1)

    def _losses(self, event: dict[str, Any]) -> None:
        losses = ", ".join(f"{name} {value:.4f}" for name, value in event["losses"].items() if _is_shown(name))
        step, total = event["step"], self.recipe["budget"]["steps"]
        if self.bar is None:
            left = (total - step) / event["steps_per_second"] if event["steps_per_second"] > 0 else 0
            rest = f"; {event['steps_per_second']:.3g} steps/s, {_clock(left)} left" if step < total and left else ""
            self.say(f"step {step} of {total}: {losses}{rest}")
            return
        self.bar.update(step - self.bar.n)
        if any(name.startswith("validation/") for name in event["losses"]):
            self.say(f"step {step}: {losses}")
        else:
            self.bar.set_postfix_str(losses)

    def _samples(self, path: str) -> None:
        self.say(f"samples: {path}")
        if self.terminal:
            self._print(_drawn(path) if path.endswith(".png") else printable(_beginning(path)))


def _is_shown(name: str) -> bool:
    return name.endswith("/loss")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _drawn(path: str) -> str:
    """Draw the first images of a sheet in half blocks: two pixels a character, in 24-bit colour."""
    from PIL import Image

    from aigc_core.run.write import GAP

    with Image.open(path) as image:
        across = min(image.width, 96)
        pixels = image.convert("RGB").crop((0, 0, across, min(image.height, across // COLUMNS + GAP) // 2 * 2))
    rows = []
    for top in range(0, pixels.height, 2):
        halves: list[Any] = [(pixels.getpixel((x, top)), pixels.getpixel((x, top + 1))) for x in range(pixels.width)]
        rows.append("".join("\x1b[38;2;{};{};{};48;2;{};{};{}m▀".format(*up, *down) for up, down in halves) + "\x1b[0m")
    return "\n".join(rows)


def _beginning(path: str) -> str:
    with open(path, encoding="utf-8") as stream:
        return stream.read(400)


def described(recipe: dict[str, Any], plan: Plan, identity: dict[str, Any]) -> str:
    """Return what ``--dry-run`` prints."""
    rows = ", ".join(f"{count:,} {part}" for part, count in plan.rows.items())
    lines = [f"{recipe['name']}: every shape fits."]
    lines.append(f"  data        {recipe['data']['name']}: {rows}; sha256 {str(identity.get('sha256', ''))[:12]}...")
    lines += [f"  {name:<11} {list(shape)}" for name, shape in plan.shapes.items()]
    lines += [f"  {role:<11} {counted(count, 'parameter')}" for role, count in plan.parameters.items()]
    lines += [f"  memory      {size / 1e6:,.0f} MB {what}" for what, size in plan.memory.items()]
    epochs = plan.steps / plan.per_epoch
    lines.append(f"  steps       {plan.steps:,} of {recipe['data']['batch_size']} rows, {epochs:.3g} epochs")
    return "\n".join(lines)
