"""Groove templates recover the properties of synthetic drummers."""

import numpy as np

from resonant.critic import fit as fit_critic
from resonant.groove_templates import Performance, auc, classify, compare, features, fit, pattern, to_toml


def drummer(seed: int, late_ms: float = 0.0, spread_ms: float = 8.0) -> Performance:
    """Kick on 1 and 3, a late snare on 2 and 4, hats in eighths, and a kick an eighth before beat 3."""
    rng = np.random.default_rng(seed)
    hits = []
    for bar in range(32):
        for step, kind in [(0, 0), (8, 0), (6, 0), (4, 1), (12, 1), *[(step, 4) for step in range(0, 16, 2)]]:
            off = rng.normal(0, spread_ms) + (late_ms if kind == 1 else 0.0)
            hits.append((16 * bar + step + off * 100 / 15_000, kind, int(np.clip(rng.normal(90 if kind != 4 else 60, 10), 1, 127))))
    table = np.array(sorted(hits))
    return Performance("rock", 100.0, table[:, 0], table[:, 1].astype(int), table[:, 2])


def test_a_template_describes_its_drummers():
    template = fit([drummer(seed, 12.0) for seed in range(6)], False)
    assert template["late"]["snare"] > template["late"]["kick"] + 4
    assert 5 < template["hits"]["kick"] < 12
    mean, within, _, touch = template["velocity"]["kick"]
    assert abs(mean - 90) < 4 and 7 < touch <= within < 14
    assert '[template.rock]' in to_toml("rock", template, 6)


def test_the_usual_bar_is_found():
    bars = pattern(drummer(3), (4, 12), 0)
    assert bars["snare"] == "....X.......X..." and bars["kick"][6] in "xX" and bars["closed_hat"].count(".") == 8
    assert pattern(drummer(3), (2, 10), 0) is None


def test_loose_and_tight_drummers_are_told_apart_and_equal_ones_are_not(capsys):
    loose, tight, alike = ([drummer(seed + first, 0, spread) for seed in range(12)] for first, spread in ((0, 12), (50, 2), (90, 12)))

    def told(a: list[Performance], b: list[Performance]) -> float:
        rows = [features(p)[1] for p in [*a, *b]]
        labels = np.concatenate([np.full(len(row), int(index < len(a))) for index, row in enumerate(rows)])
        groups = np.concatenate([np.full(len(row), index) for index, row in enumerate(rows)])
        return classify(np.vstack(rows), labels, groups)

    assert told(loose, tight) > 0.95
    assert told(loose, alike) < 0.7
    compare(loose, tight)
    assert "AUC, timing" in capsys.readouterr().out


def test_the_critic_learns_what_differs():
    rng = np.random.default_rng(0)
    labels = np.repeat([1.0, 0.0], 200)
    table = rng.normal(size=(400, 22))
    table[:, 5] += 2 * labels
    mean, spread, weights = fit_critic(table, labels)
    assert weights[5] > 0.5 and auc(((table - mean) / spread)[:, 5], labels) > 0.85
