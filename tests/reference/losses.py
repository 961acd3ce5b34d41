"""Every loss of one sample as its paper prints it, in plain Python loops: slow, and plainly right."""

import math


def hinge(t):
    return max(0.0, t)


def squared_hinge(t):
    return max(0.0, t) ** 2


def smooth_hinge(delta):
    return lambda t: (t + math.sqrt(t * t + delta * delta)) / 2


def softmax_cross_entropy(f, y):
    return math.log(sum(math.exp(score) for score in f)) - f[y]


def soft_margin_softmax(margin):
    def loss(f, y):
        true = math.exp(f[y] - margin)
        return -math.log(true / (true + sum(math.exp(score) for k, score in enumerate(f) if k != y)))

    return loss


def keras_hinge(f, y):
    return sum(hinge(1 - (score if k == y else -score)) for k, score in enumerate(f)) / len(f)


def one_vs_rest(phi):
    def loss(f, y):
        return sum(phi(1 - (score if k == y else -score)) for k, score in enumerate(f))

    return loss


def weston_watkins(phi):
    def loss(f, y):
        return sum(phi(1 - (f[y] - score)) for k, score in enumerate(f) if k != y)

    return loss


def crammer_singer(phi):
    def loss(f, y):
        return phi(max(0.0, *(1 + score - f[y] for k, score in enumerate(f) if k != y)))

    return loss


def top_k(k, variant):
    def loss(f, y):
        violations = sorted((0.0 if j == y else 1 + score - f[y] for j, score in enumerate(f)), reverse=True)
        if variant == "alpha":
            return max(0.0, sum(violations[:k]) / k)
        return sum(max(0.0, violation) for violation in violations[:k]) / k

    return loss


def pairwise_margin(W, p):
    rows = [list(map(float, row)) for row in W]
    pairs = [(a, b) for i, a in enumerate(rows) for b in rows[i + 1 :]]
    return sum(math.dist(a, b) ** p for a, b in pairs)


def frobenius(W):
    return sum(float(weight) ** 2 for row in W for weight in row) / 2


def bredensteiner_bennett(W):
    return pairwise_margin(W, 2) / 2 + frobenius(W)
