"""A margin loss in transformers' Trainer: a tiny BERT of random weights learns the most frequent token.

Nothing is downloaded. Prints the accuracy on sequences that took no part.
"""

import tempfile

import torch
from torch.utils.data import Dataset
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

from maxmargin.nn import CrammerSingerLoss


class Sequences(Dataset):
    def __init__(self, n, seed):
        generator = torch.Generator().manual_seed(seed)
        self.labels = torch.randint(3, (n,), generator=generator)
        noise = torch.randint(3, (n, 12), generator=generator)
        kept = torch.rand((n, 12), generator=generator) < 0.6
        self.tokens = torch.where(kept, self.labels[:, None], noise)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return {"input_ids": self.tokens[i], "labels": self.labels[i]}


margin_loss = CrammerSingerLoss(reduction="sum")


def compute_loss(outputs, labels, num_items_in_batch=None):
    return margin_loss(outputs.logits, labels) / (
        len(labels) if num_items_in_batch is None else num_items_in_batch
    )


torch.manual_seed(0)
config = BertConfig(
    vocab_size=3,
    hidden_size=32,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=32,
    num_labels=3,
)
trainer = Trainer(
    BertForSequenceClassification(config),
    TrainingArguments(
        tempfile.mkdtemp(),
        num_train_epochs=4,
        per_device_train_batch_size=32,
        learning_rate=3e-3,
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
        use_cpu=True,
    ),
    train_dataset=Sequences(600, seed=1),
    eval_dataset=Sequences(200, seed=2),
    compute_loss_func=compute_loss,
    compute_metrics=lambda found: {
        "accuracy": float((found.predictions.argmax(axis=1) == found.label_ids).mean())
    },
)
trainer.train()
print(f"accuracy {trainer.evaluate()['eval_accuracy']:.3f}")
