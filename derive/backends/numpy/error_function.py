"""The error function, which NumPy lacks: copied as it stands into generated code that needs it.

Rational approximations of W. J. Cody, "Rational Chebyshev approximations for the error function", Math.
Comp. 23 (1969), with the coefficients of his CALERF (SPECFUN, netlib). Accurate to a few units in the
last place in both precisions, `erfc` also where it is small.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"
# ruff: noqa: ANN001, ANN201, ANN202
# fmt: off
import numpy as np


def error_function_parts(z):
    """erf(z) where |z| <= 0.46875, and erfc(|z|) elsewhere (W. J. Cody, Math. Comp. 23, 1969)."""

    def ratio(x, above, below):
        top, bottom = above[0] * x, x
        for a, b in zip(above[1:-1], below[:-1], strict=True):
            top, bottom = (top + a) * x, (bottom + b) * x
        return (top + above[-1]) / (bottom + below[-1])

    x = np.minimum(np.abs(z), 28)
    inner = np.clip(z, -0.46875, 0.46875)
    near = inner * ratio(
        inner * inner,
        (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2,
         3.20937758913846947e3),
        (2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
    )
    middle = ratio(
        np.minimum(x, 4),
        (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1,
         2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
         1.23033935479799725e3),
        (1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
         3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3),
    )
    outer = np.maximum(x, 4)
    w = 1 / (outer * outer)
    tail = w * ratio(
        w,
        (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
         1.60837851487422766e-2, 6.58749161529837803e-4),
        (2.56852019228982242, 1.87295284992346725, 5.27905102951428412e-1, 6.05183413124413191e-2,
         2.33520497626869185e-3),
    )
    far = (0.5641895835477563 - tail) / outer
    q = np.floor(16 * x) / 16  # q * q is exact, so exp(-x * x) keeps its digits
    gauss = np.exp(-q * q) * np.exp((q - x) * (q + x))
    return near, np.where(x <= 4, middle, far) * gauss


def erf(z):
    """error function"""
    near, tail = error_function_parts(z)
    return np.where(np.abs(z) <= 0.46875, near, np.where(z < 0, tail - 1, 1 - tail))


def erfc(z):
    """1 - erf(z)"""
    near, tail = error_function_parts(z)
    return np.where(np.abs(z) <= 0.46875, 1 - near, np.where(z < 0, 2 - tail, tail))
