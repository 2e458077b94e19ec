"""
Votes and probabilities instead of labels
=========================================

``fit`` takes the probabilities of the classes in place of labels: the shares of votes, smoothed
labels, or the predictions of another model.
"""

# %%
# Several people look at each image
# ---------------------------------
#
# 300 images of digits are shown to a few people each, who do not always agree: an image that looks
# like a 3 to most looks like a 9 to some. Here their votes are drawn from the probabilities that
# another model predicts, made less certain by a temperature of 3.

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import softmax
from sklearn.datasets import load_digits
from sklearn.preprocessing import MaxAbsScaler

from bce_logistic import GDLogisticRegression

X, digits = load_digits(return_X_y=True)
X = MaxAbsScaler().fit_transform(X)
crowd = softmax(GDLogisticRegression().fit(X, digits).decision_function(X) / 3, axis=1)

rng = np.random.default_rng(0)
train = rng.permutation(len(X))[:300]
test = np.setdiff1d(np.arange(len(X)), train)


def votes(n_people):
    """Number of votes for each digit, a row for each image."""
    return rng.multinomial(n_people, crowd[train])


print(votes(5)[:3])

# %%
# The majority, or the shares?
# ----------------------------
#
# A label for each image could be the digit with the most votes. That forgets who disagreed. Shares
# of the votes are probabilities, which ``fit`` takes as they are: rows that sum to one, a column
# for each class. The models are compared on the other images, with the crowd's own probabilities.


def distance(model):
    """Kullback-Leibler divergence from the crowd to a model, in nats an image."""
    p = crowd[test]
    return (p * (np.log(p) - model.predict_log_proba(X[test]))).sum(axis=1).mean()


numbers = [1, 2, 3, 5, 10, 20, 50]
by_majority, by_share = [], []
for n_people in numbers:
    Y = votes(n_people)
    ties = rng.random(Y.shape)  # broken at random
    by_majority.append(
        distance(GDLogisticRegression().fit(X[train], (Y + ties / 2).argmax(axis=1)))
    )
    by_share.append(distance(GDLogisticRegression().fit(X[train], Y / n_people)))

figure, ax = plt.subplots(layout="constrained")
ax.plot(numbers, by_majority, "o-", label="label of the majority")
ax.plot(numbers, by_share, "s-", label="shares of the votes")
ax.set(xscale="log", ylim=0, xlabel="votes for an image", ylabel="distance from the crowd (nats)")
ax.set_xticks(numbers, labels=numbers)
ax.minorticks_off()
ax.legend()
plt.show()

# %%
# With one vote an image, both are the same labels. The more people vote, the more certain is the
# majority, and the more the model that learns from it overstates what people see. The shares come
# closer to the truth.
#
# Distillation
# ------------
#
# With infinitely many votes, the shares are the probabilities themselves. A model that is to
# imitate another one learns from its predictions, without any labels.

imitation = GDLogisticRegression(C=100).fit(X[train], crowd[train])
print(f"Distance of the imitation: {distance(imitation):.5f} nats an image")

# %%
# The model that is imitated is a logistic regression, too: 300 images are enough to find it.
#
# Smoothed labels
# ---------------
#
# Smoothing gives a little of the probability to all classes. It makes a model with a weak penalty
# less certain of its errors; here at the price of more of them.

smoothing = 0.1
one_hot = np.eye(10)[digits[train]]
smoothed = (1 - smoothing) * one_hot + smoothing / 10
for name, Y in (("labels", one_hot), ("smoothed", smoothed)):
    model = GDLogisticRegression(C=1e4).fit(X[train], Y)
    wrong = model.predict(X[test]) != digits[test]
    certain = model.predict_proba(X[test])[wrong].max(axis=1).mean()
    print(f"{name}: {wrong.mean():.1%} errors, with a mean probability of {certain:.2f}")
