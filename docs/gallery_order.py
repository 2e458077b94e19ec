"""The order of the examples in the gallery: that in which one would teach them."""

ORDER = (
    "plot_start.py",
    "plot_compare.py",
    "plot_unscaled.py",
    "plot_imbalance.py",
    "plot_text.py",
    "plot_sparse_text.py",
    "plot_soft_labels.py",
    "plot_coefficient_path.py",
    "plot_cross_validation.py",
    "plot_odds_ratios.py",
    "plot_one_feature.py",
    "plot_learning_rates.py",
    "plot_mini_batches.py",
    "plot_averaging.py",
    "plot_early_stopping.py",
    "plot_callbacks.py",
)


class TeachingOrder:
    """Sort key of Sphinx-Gallery. Scripts that ``ORDER`` lacks come last."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, name):
        return (ORDER.index(name), name) if name in ORDER else (len(ORDER), name)
