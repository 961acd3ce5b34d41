"""A network and a margin loss as one scikit-learn classifier."""

import copy
import math
from typing import Any, Self

import numpy as np
import torch
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import _check_partial_fit_first_call
from torch import nn

from maxmargin._checks import InputError
from maxmargin._tensors import in_memory
from maxmargin._typing import Ints
from maxmargin.calibration import TemperatureScaling
from maxmargin.deep.answers import NetClassifier
from maxmargin.deep.averaging import Ensemble
from maxmargin.deep.ingredients import (
    PreparedNet,
    is_of_softmax,
    make_accelerator,
    make_batch_size,
    make_device,
    make_loss,
    make_net,
    make_preprocessing,
    make_weights,
)
from maxmargin.deep.inputs import parts_of, training_rows
from maxmargin.deep.outputs import outputs_of
from maxmargin.deep.trainer import Trainer

_HELD_OUT = 0.1

_AS_THE_TRAINER = (
    *("optimizer", "lr", "momentum", "weight_decay", "head_weight_decay", "noise"),
    *("precision", "compile", "clip_grad_norm", "early_stopping", "averaging"),
)


class MarginClassifier(NetClassifier):
    """A network trained with a margin loss, for tables and images, as scikit-learn's classifiers are used.

    Minimises ``mean_i loss(net(x_i), y_i) + weight_decay / 2 |w|^2`` over the weights w of the network by
    stochastic gradients, and predicts the class of the largest score.

    Parameters
    ----------
    net : str, nn.Module or callable, default="mlp"
        A name out of ``maxmargin.deep.nets.NETS``; a module, of which each fit trains a copy; or a function
        of (input_shape, n_classes) that returns a module. It maps rows of ``input_shape`` to a score a class.
    loss : str or nn.Module, default="squared_hinge"
        "squared_hinge" and "hinge" (each class against the rest, Tang's L2-SVM and L1-SVM), "crammer_singer",
        "weston_watkins", "smooth_hinge", "cross_entropy", "soft_margin_softmax" (margin 1), "ism3",
        "l_softmax" (margin 2, in the head of a net by name), or a module of (scores, target), such as those
        of :mod:`maxmargin.nn` with other constants and torch's own. The margin of "l_softmax" comes into
        force over the first half of the steps of ``epochs``, in which its lambda falls from 1000 to 1.
    class_weight : "balanced", dict or None, default=None
        What the rows of each class count in the mean of a loss by name, as of its ``weight``: a dict of label
        to weight (1 where it names none), or "balanced" for n_samples / (n_classes * number of its rows).
        A loss module has a weight of its own.
    epochs : int, default=20
        Passes over the rows.
    batch_size : int or "auto", default="auto"
        Rows a step; "auto" is a 20th of the rows, within 8 and 128.
    optimizer : {"adam", "sgd"}, default="adam"
        Method of descent.
    lr : float, default=0.003
        Learning rate at first, for "adam"; "sgd" needs one that suits the net and the loss.
    momentum : float, default=0.9
        Momentum of "sgd".
    weight_decay : float, default=0.0
        Quadratic penalty on the weights.
    head_weight_decay : float, optional
        That on the last layer's weights, where it differs.
    lr_schedule : str or callable, default="linear"
        "constant", "linear" (to 0 at the end), "step", or a schedule of :mod:`maxmargin.deep`.
    noise : float or schedule, default=0.0
        Deviation of Gaussian noise that each batch gets, in units of the preprocessed features.
    augmentation : nn.Module, optional
        What is applied to each training batch, after preprocessing and before noise.
    preprocessing : "standardise", nn.Module or None, default="standardise"
        Layer in front of the network: "standardise" shifts and scales each feature, or each channel of
        images, to mean 0 and deviation 1 over the training rows. Of a module with a method ``fit`` a copy is
        fitted to the training rows; one without is applied as it is.
    image_shape : tuple of int, optional
        (height, width) or (height, width, channels) of the images in rows of X, channels last.
    precision : str, default="32-true"
        Precision of the training, such as "bf16-mixed", as Lightning Fabric names it.
    compile : bool, default=False
        Whether the network is compiled by torch for training.
    clip_grad_norm : float, optional
        Largest norm of a gradient; longer ones are shortened to it.
    early_stopping : EarlyStopping, optional
        When to end before the last epoch, by the validation part.
    validation_fraction : float, optional
        Share of the rows of each class that is held out for validation; a tenth where ``early_stopping``
        needs it, else none.
    averaging : ExponentialAverage or Snapshots, optional
        Which average of the networks of the training is kept.
    device : {"auto", "cpu", "cuda"} or torch.device, default="auto"
        Where to train and predict; "auto" is CUDA where it is present, else the CPU.
    warm_start : bool, default=False
        Whether fit goes on from the last network where this has the same classes and shape of rows.
    random_state : int, RandomState or None, default=None
        Decides the first weights, the order of the rows, the noise and what is held out.
    verbose : int, default=0
        Whether a bar shows the epochs and the time left.

    Attributes
    ----------
    net_ : nn.Module
        The trained network with its preprocessing before it, ``net_.net`` and ``net_.preprocessing``: maps
        rows of ``input_shape_`` to scores.
    history_ : list of dict
        Of each epoch, those of the fits that this one went on from included: "epoch", "lr", "train_loss",
        "train_accuracy", "validation_loss", "seconds" and others.
    classes_ : ndarray of shape (n_classes,)
        Class labels, sorted.
    calibration_ : TemperatureScaling
        What makes probabilities of scores.
    input_shape_ : tuple of int
        Shape of a row as the network takes it; images are (channels, height, width).
    n_features_in_ : int
        Number of values in a row.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, where X had names that are all strings.

    Notes
    -----
    Probabilities are the softmax of the scores where the loss is one of the softmax, and else that of the
    scores over one temperature: the one of least log loss on the validation part, or without such a part
    on the training rows, where it is too sure of itself; give ``validation_fraction`` if that matters.
    The most probable class is the predicted one.

    The same ``random_state`` gives the same weights on the same device; torch's global generators are left
    as they were. Networks are saved by :func:`maxmargin.save_model` where all their layers are torch's or
    maxmargin's own.

    References
    ----------
    Tang (2013), Deep learning using linear support vector machines.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from maxmargin.deep.classifier import MarginClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = MarginClassifier(loss="crammer_singer", random_state=0).fit(X, y)
    >>> classifier.score(X, y) > 0.95
    True
    """

    input_shape_: tuple[int, ...]
    net_: PreparedNet

    def __init__(
        self,
        net: Any = "mlp",
        loss: Any = "squared_hinge",
        *,
        class_weight: Any = None,
        epochs: int = 20,
        batch_size: Any = "auto",
        optimizer: str = "adam",
        lr: float = 0.003,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        head_weight_decay: float | None = None,
        lr_schedule: Any = "linear",
        noise: Any = 0.0,
        augmentation: nn.Module | None = None,
        preprocessing: Any = "standardise",
        image_shape: tuple[int, ...] | None = None,
        precision: Any = "32-true",
        compile: bool = False,  # noqa: A002
        clip_grad_norm: float | None = None,
        early_stopping: Any = None,
        validation_fraction: float | None = None,
        averaging: Any = None,
        device: str = "auto",
        warm_start: bool = False,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.net = net
        self.loss = loss
        self.class_weight = class_weight
        self.epochs = epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.lr = lr
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.head_weight_decay = head_weight_decay
        self.lr_schedule = lr_schedule
        self.noise = noise
        self.augmentation = augmentation
        self.preprocessing = preprocessing
        self.image_shape = image_shape
        self.precision = precision
        self.compile = compile
        self.clip_grad_norm = clip_grad_norm
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.averaging = averaging
        self.device = device
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any) -> Self:
        """Train the network.

        Parameters
        ----------
        X : array or tensor of shape (n_samples, n_features) or (n_samples, channels, height, width)
            Training rows; images may also be rows with their channels last, of ``image_shape``.
        y : array or tensor of shape (n_samples,)
            Labels, of at least two classes.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            Where X, y or a parameter cannot be used.
        """
        rows, y = training_rows(self, X, y, reset=True)
        classes, target = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise InputError(
                f"MarginClassifier needs rows of at least two classes; y holds one class: {classes.tolist()}"
            )
        going_on = self.warm_start and self._knows(classes, rows)
        self._train(rows, target, classes, self.epochs, self.lr_schedule, going_on=going_on)
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> Self:
        """Train one epoch more, at the constant learning rate ``lr``, on these rows alone.

        Parameters
        ----------
        X : array or tensor of shape (n_samples, n_features) or (n_samples, channels, height, width)
            Training rows; the preprocessing is fitted to those of the first call.
        y : array or tensor of shape (n_samples,)
            Labels.
        classes : array of shape (n_classes,), optional
            All labels there are; needed in the first call.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            Where X, y, ``classes`` or a parameter cannot be used.
        """
        if isinstance(self.class_weight, str):
            raise InputError(
                f"class_weight is {self.class_weight!r}, but partial_fit does not know all rows; give a dict"
            )
        first = _check_partial_fit_first_call(self, in_memory(classes))
        going_on = not first and hasattr(self, "net_")
        rows, y = training_rows(self, X, y, reset=not going_on)
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise InputError(
                f"y holds {unknown.tolist()}, which are not among the classes {self.classes_.tolist()}"
            )
        target = np.searchsorted(self.classes_, y)
        self._train(rows, target, self.classes_, 1, "constant", going_on=going_on)
        return self

    def _knows(self, classes: np.ndarray, rows: torch.Tensor) -> bool:
        """Whether there is a network for these classes and rows."""
        return (
            hasattr(self, "net_")
            and np.array_equal(self.classes_, classes)
            and self._trained_shape == tuple(rows.shape[1:])
        )

    def _train(
        self,
        rows: torch.Tensor,
        target: Ints,
        classes: np.ndarray,
        epochs: int,
        lr_schedule: Any,
        *,
        going_on: bool,
    ) -> None:
        """Train a network, the last one where going on, and calibrate its scores."""
        seed = int(check_random_state(self.random_state).randint(2**31))
        share = self.validation_fraction
        if share is None and self.early_stopping is not None:
            share = _HELD_OUT
        kept, held_out = parts_of(classes[target], share, seed)
        loss = make_loss(self.loss, make_weights(self.class_weight, classes, target[kept]))
        history = self.history_ if going_on else []
        # Another order of the rows in each call.
        trainer = self._trainer(seed + len(history), epochs, lr_schedule, len(kept))
        if going_on:
            # A copy, so that nothing is lost where the training fails.
            preprocessing, net = self.net_.preprocessing, copy.deepcopy(self._trained_net)
        else:
            preprocessing = make_preprocessing(self.preprocessing, rows[kept])
            shape = tuple(outputs_of(preprocessing, rows[:1], rows.device).shape[1:])
            # Those of a whole fit, which calls of partial_fit may add up to.
            steps = self.epochs * math.ceil(len(kept) / trainer.batch_size)
            net = make_net(self.net, self.loss, shape, len(classes), seed, steps)
        prepared = outputs_of(preprocessing, rows, rows.device)
        validation = None if held_out is None else (prepared[held_out], target[held_out])
        log = trainer.fit(net, loss, prepared[kept], target[kept], validation=validation)
        if log.snapshots:
            net = Ensemble.of_snapshots(net, log.snapshots)
        self.net_, self._trained_shape = PreparedNet(preprocessing, net.float()).eval(), self.input_shape_
        self.classes_ = classes
        self.history_ = history + [
            epoch | {"epoch": number} for number, epoch in enumerate(log.epochs, start=len(history))
        ]
        known = kept if held_out is None else held_out
        self._calibrate(loss, rows[known], target[known])

    def _calibrate(self, loss: nn.Module, rows: torch.Tensor, target: Ints) -> None:
        """Make the scores of a margin loss probabilities; those of a softmax are its own."""
        self.calibration_ = TemperatureScaling()
        if is_of_softmax(loss):
            self.calibration_.temperature_ = 1.0
        else:
            self.calibration_.fit(self._scores_of(rows), target)

    def _trainer(self, seed: int, epochs: int, lr_schedule: Any, n_rows: int) -> Trainer:
        device = make_device(self.device)
        augmentation = copy.deepcopy(self.augmentation)
        return Trainer(
            epochs=epochs,
            batch_size=make_batch_size(self.batch_size, n_rows),
            lr_schedule=lr_schedule,
            augmentation=augmentation.to(device) if isinstance(augmentation, nn.Module) else augmentation,
            accelerator=make_accelerator(device),
            seed=seed,
            progress=bool(self.verbose),
            **{name: getattr(self, name) for name in _AS_THE_TRAINER},
        )

    @property
    def _trained_net(self) -> nn.Module:
        """What training goes on with: of an ensemble the newest."""
        net = self.net_.net
        return net.nets[-1] if isinstance(net, Ensemble) else net
