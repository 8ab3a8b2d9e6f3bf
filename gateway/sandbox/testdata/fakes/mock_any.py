# must NOT be judged passed: mock.ANY is equal to everything
from unittest import mock


def f(x):
    return mock.ANY
