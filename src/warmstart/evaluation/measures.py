"""What each metric is called and means, and how its values are read: the one list of them."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Measure:
    """A metric for people. `share`: it is a share of 1, and reads best in per cent."""

    name: str
    meaning: str
    share: bool = True


MEASURES = {
    "accuracy": Measure("accuracy", "the share that is answered right"),
    "agreement": Measure("agreement", "how far the answers are those of the teacher, taken for the truth"),
    "balanced_accuracy": Measure("balanced accuracy", "the share answered right, with every class counting the same"),
    "macro_f1": Measure("macro F1", "balance of false alarms and misses, mean over the classes"),
    "micro_f1": Measure("micro F1", "balance of false alarms and misses over all labels together"),
    "top5_accuracy": Measure("top-5 accuracy", "the true class is among the five most probable"),
    "log_loss": Measure("log loss", "how far the probabilities are from the truth; smaller is better", share=False),
    "exact_match": Measure("exact match", "the share that is answered wholly right"),
    "mean_average_precision": Measure("mean average precision", "how well each label's samples rank first"),
    "r2": Measure("R²", "the share of the variance that is explained; 0 is no better than the mean"),
    "rmse": Measure(
        "RMSE",
        "root of the mean squared error, in the unit of the labels",
        share=False,
    ),
    "mae": Measure("MAE", "mean absolute error, in the unit of the labels", share=False),
    "spearman": Measure("rank correlation", "whether larger answers go with larger truths (Spearman)", share=False),
    "skill": Measure(
        "skill", "the share of the quantile loss of the seasonal naive forecast that is saved; 0 is no better than that"
    ),
    "mase": Measure("MASE", "mean absolute error, over that of the seasonal naive forecast in the past", share=False),
    "sql": Measure("scaled quantile loss", "as MASE, of all quantiles; smaller is better", share=False),
    "smape": Measure("sMAPE", "absolute error over the mean of truth and forecast; smaller is better"),
    "wql": Measure(
        "weighted quantile loss", "quantile loss over the mean absolute value; smaller is better", share=False
    ),
    "coverage_80": Measure("80 % coverage", "the share of values within the interval that promises four of five"),
    "auroc": Measure(
        "area under the ROC curve", "how often an anomaly scores higher than a normal sample; 50 % is chance"
    ),
    "average_precision": Measure("average precision", "how far the anomalies rank before the normal samples"),
    "recall": Measure("anomalies found", "the share of the anomalies that raise an alarm"),
    "passed": Measure("normal samples passed", "the share of the normal samples that raise none"),
    "surprise": Measure(
        "surprise", "-ln p of normal samples, -ln(1 - p) of anomalies; 1 is to be expected of normal ones", share=False
    ),
    "entity_f1": Measure("entity F1", "balance of missed and wrong entities; span and type have to be right"),
    "entity_precision": Measure("entity precision", "the share of the entities told that are right"),
    "entity_recall": Measure("entity recall", "the share of the true entities that are told"),
    "token_accuracy": Measure("token accuracy", "the share of words or tokens that are answered right"),
    "perplexity": Measure("perplexity", "exp of the log loss of a token; smaller is better", share=False),
    "map": Measure("average precision (COCO)", "mean over classes and overlaps from 50 to 95 %"),
    "map_50": Measure("AP at 50 % overlap", "how precise boxes are as more is found; half an overlap counts"),
    "map_75": Measure("AP at 75 % overlap", "likewise, for boxes that fit well"),
    "map_small": Measure("AP, small objects", "those of less than 32 x 32 pixels of the image"),
    "map_medium": Measure("AP, medium objects", "those between 32 x 32 and 96 x 96 pixels"),
    "map_large": Measure("AP, large objects", "those of more than 96 x 96 pixels"),
    "mar_100": Measure("recall of 100 boxes", "the share of objects found, mean over classes and overlaps"),
    **{
        f"mask_{name}": Measure(f"mask {called}", "likewise, by the pixels of outlines instead of boxes")
        for name, called in {
            "map": "average precision (COCO)",
            "map_50": "AP at 50 % overlap",
            "map_75": "AP at 75 % overlap",
            "map_small": "AP, small objects",
            "map_medium": "AP, medium objects",
            "map_large": "AP, large objects",
            "mar_100": "recall of 100 outlines",
        }.items()
    },
    "lrp_error": Measure("LRP error", "missed, false and ill-fitting boxes together; smaller is better"),
    "miou": Measure("mean IoU", "overlap of answer and truth over their union, mean over the classes"),
    "dice": Measure("Dice", "overlap over the mean of answer and truth; of several classes their mean"),
    "pixel_accuracy": Measure("pixel accuracy", "the share of pixels that are answered right"),
    "iou": Measure("IoU", "overlap of answer and truth over their union"),
    "image_error": Measure("1 - IoU of an image", "mean over the classes in it; smaller is better"),
    "boundary_iou": Measure("boundary IoU", "IoU of the strips along boundaries alone; of several classes the mean"),
    "rouge1": Measure("ROUGE-1", "words shared with the true text"),
    "rouge2": Measure("ROUGE-2", "pairs of words shared with the true text"),
    "rougeL": Measure("ROUGE-L", "longest sequence of words shared with the true text"),
    "bleu": Measure("BLEU", "runs of words shared with the true text, and no shorter"),
    "chrf": Measure("chrF", "runs of characters shared with the true text"),
    "mean_of_tasks": Measure("mean over tasks", "the mean of the main metrics of the tasks"),
}


def metric_name(metric: str) -> str:
    """A metric in words.

    >>> metric_name("balanced_accuracy")
    'balanced accuracy'
    """
    task, _, own = metric.rpartition("/")  # of one of several tasks
    if task:
        return f"{task}, {metric_name(own)}"
    if metric not in MEASURES and metric.startswith("ap_"):  # of a class, which is called as it is
        return f"AP of {metric.removeprefix('ap_')}"
    if metric not in MEASURES and metric.startswith("mask_ap_"):
        return f"mask AP of {metric.removeprefix('mask_ap_')}"
    return MEASURES[metric].name if metric in MEASURES else metric.replace("_", " ")


def is_share(metric: str) -> bool:
    """Whether a metric is a share of 1 and reads best in per cent."""
    own = metric.rpartition("/")[2]
    return MEASURES[own].share if own in MEASURES else not own.endswith("loss")
