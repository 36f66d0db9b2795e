"""How likely images are to a model: bounds that are called bounds, and scores that compare only where they can.

Everything comes from a ``Density``'s logarithmic importance weights, by numpy alone.
"""

from __future__ import annotations

from aigc_core.estimate.data import Batch, Data
from aigc_core.estimate.estimators import ESTIMATORS, Asked
from aigc_core.estimate.score import Score, compare
from aigc_core.estimate.weigh import score

__all__ = ["ESTIMATORS", "Asked", "Batch", "Data", "Score", "compare", "score"]
