"""A folder of images, a subfolder each class, to a convolutional network with a margin, saved and loaded.

Draws the images itself: discs and squares. Prints the accuracy on images that took no part.
"""

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from sklearn.model_selection import train_test_split
from torch import nn

from maxmargin import load_model, save_model
from maxmargin.datasets import load_dataset
from maxmargin.deep.classifier import MarginClassifier

place = Path(tempfile.mkdtemp())
rng = np.random.default_rng(0)
for name in ("disc", "square"):
    (place / "shapes" / name).mkdir(parents=True)
    for number in range(80):
        image = Image.fromarray(rng.integers(0, 90, size=(16, 16), dtype=np.uint8))
        left, top, size = *rng.integers(1, 6, size=2).tolist(), 9
        draw = ImageDraw.Draw(image)
        (draw.ellipse if name == "disc" else draw.rectangle)((left, top, left + size, top + size), fill=200)
        image.save(place / "shapes" / name / f"{number}.png")

shapes = load_dataset(place / "shapes")
X_train, X_test, y_train, y_test = train_test_split(shapes.X, shapes.y, random_state=0)
net = nn.Sequential(nn.Conv2d(1, 8, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8 * 6 * 6, 2))
model = MarginClassifier(net, "squared_hinge", image_shape=shapes.image_shape, random_state=0)
model.fit(X_train, y_train)

again = load_model(save_model(model, place / "model"))
assert (again.predict_proba(X_test) == model.predict_proba(X_test)).all()
print(f"accuracy {again.score(X_test, y_test):.3f}")
