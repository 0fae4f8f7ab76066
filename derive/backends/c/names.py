"""Names in C. In: names as the cell and the schedule spell them. Out: names that are free in C and C++.

No name of a cell ends with an underscore, so one that means something here gets one.
"""

from __future__ import annotations

from collections.abc import Iterable

from derive.language.names import KEYWORDS
from derive.system import Names

_LIBM = """
acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh erf erfc exp exp2 expm1 fabs fdim floor fma
fmax fmin fmod frexp hypot ilogb ldexp lgamma llrint llround log log10 log1p log2 logb lrint lround modf nan
nearbyint nextafter nexttoward pow remainder remquo rint round scalbln scalbn sin sinh sqrt tan tanh tgamma trunc
j0 j1 jn y0 y1 yn drem finite gamma significand scalb exp10 pow10 sincos isinf isnan
"""
_MACROS = """
I complex imaginary NULL NAN INFINITY HUGE_VAL OVERFLOW UNDERFLOW DOMAIN SING PLOSS TLOSS EOF offsetof assert
errno linux unix i386 vax sun signgam isfinite isnormal signbit fpclassify bool true false M_E M_LOG2E M_LOG10E
M_LN2 M_LN10 M_PI M_PI_2 M_PI_4 M_1_PI M_2_PI M_2_SQRTPI M_SQRT2 M_SQRT1_2 X_TLOSS
"""
_STANDARD = "size_t ptrdiff_t wchar_t index memcpy memset memmove main div abs labs exit abort"
_DEFINED = """
ALIGNMENT ALL_ARE_WHOLE ARM AVX2 AVX512 BAND BIAS BITS DEPTH DIGITS ERFC_CENTRE ERFC_IS_0 ERFC_OUTSIDE ERF_INSIDE
EXPM1_IS_MINUS_1 EXP_IS_0 EXP_IS_INFINITE FUNCTION HALF_PI_1 HALF_PI_2 HALF_PI_3 HALF_PI_4 HIGH HOLD INLINE KERNELS
LANES LIMIT LN2_HIGH LN2_LOW LOG2_E LOW LOW_BITS ROUNDER ROUNDER_BIASED_LESS_1 ROUNDER_BIASED_TWICE ROWS
RUN SMALLEST_NORMAL SPAN SQRT_HALF TANH_IS_1 TOO_LARGE TURNS_END TWO_OVER_PI UNIT UNROLL VECTORS X86
integer mask real vec vec_bits vec_choose vec_first vec_gather vec_keep vec_lanes vec_load vec_of_bits vec_power
vec_sqrt vec_store vec_sum vec_sums vec_turn
"""
_OWN = """
R NAME times plus larger place misaligned T B dims params packed inputs initial outputs final tape work options
doutputs dfinal dparams dinputs dinitial state new_state at panels_at saved_at zeros panels last last_two best first
position value code memory saved sum chunk smaller pieces piece piece_of Q V M GET PUT KEEP PART TB CELL MASK VECTOR
REPEAT WORK SAVED PANELS scratch together meet room u us SET_PLAIN SET_AVX2 SET_AVX512 SET_NEON has_set lanes whole
begin end own wanted for_forward for_backward stage part parts set SUM sum_0 sum_1
"""
_LIBRARY = frozenset(f"{name}{suffix}" for name in _LIBM.split() for suffix in ("", "f", "l"))
_TAKEN = frozenset([*_MACROS.split(), *_DEFINED.split()]) | _LIBRARY | KEYWORDS

RESERVED = _TAKEN | frozenset([*_STANDARD.split(), *_OWN.split()])


def member(name: str) -> str:
    """The name of a struct's member in the header: it has to survive every macro, of what was included and our own."""
    return f"{name}_" if name in _TAKEN else name


def local(name: str) -> str:
    """The name of a variable inside a function."""
    return f"{name}_" if name in RESERVED else name


def allocator(names: Iterable[str]) -> Names:
    """What hands out further names, none of them reserved or among those given."""
    return Names({*RESERVED, *names})
