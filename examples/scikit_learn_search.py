"""A network with a margin loss in scikit-learn's pipeline and grid search, which chooses the loss.

Prints the chosen loss and the accuracy on rows that took no part.
"""

from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline

from maxmargin.deep.classifier import MarginClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

model = make_pipeline(PCA(30), MarginClassifier(epochs=10, random_state=0))
grid = {"marginclassifier__loss": ["squared_hinge", "crammer_singer", "cross_entropy"]}
search = GridSearchCV(model, grid, cv=2).fit(X_train, y_train)

print(f"loss {search.best_params_['marginclassifier__loss']}, accuracy {search.score(X_test, y_test):.3f}")
