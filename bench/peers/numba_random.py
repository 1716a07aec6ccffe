"""Uniform and normal numbers for loops that the compiler turns into vector code: no branch, no call, no table."""

import math

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

FAST = {"fastmath": True, "error_model": "numpy"}
U = np.uint64


def _bitcast(name, source, target, llvm_target):
    def signature(_context, _value):
        return target(source), lambda _c, builder, _s, args: builder.bitcast(args[0], llvm_target)

    signature.__name__ = name
    return intrinsic(signature)


double_of_bits = _bitcast("double_of_bits", types.uint64, types.float64, ir.DoubleType())
bits_of_double = _bitcast("bits_of_double", types.float64, types.uint64, ir.IntType(64))
float_of_bits = _bitcast("float_of_bits", types.uint32, types.float32, ir.FloatType())
bits_of_float = _bitcast("bits_of_float", types.float32, types.uint32, ir.IntType(32))


@njit(inline="always")
def mix(x):
    """The finaliser of SplitMix64."""
    x = (x ^ (x >> U(30))) * U(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> U(27))) * U(0x94D049BB133111EB)
    return x ^ (x >> U(31))


@njit(inline="always")
def seeded(seed, stream, word):
    """A word of the state of a stream."""
    return mix(mix(U(seed)) + (U(2) * U(stream) + U(word) + U(1)) * U(0x9E3779B97F4A7C15))


@njit(inline="always")
def advance(s0, s1):
    """One step of xoroshiro128; its output is s0 + s1 from before."""
    t = s1 ^ s0
    return ((s0 << U(24)) | (s0 >> U(40))) ^ t ^ (t << U(16)), (t << U(37)) | (t >> U(27))


def _coefficients(dtype, terms):
    """Series of log((1 + t) / (1 − t)) / t, sin(2πw) / w and cos(2πw), in squares."""
    log = tuple(dtype(2 / (2 * k + 1)) for k in range(terms))
    sine = tuple(dtype((-1) ** k * (2 * math.pi) ** (2 * k + 1) / math.factorial(2 * k + 1)) for k in range(terms))
    cosine = tuple(dtype((-1) ** k * (2 * math.pi) ** (2 * k) / math.factorial(2 * k)) for k in range(terms))
    return log, sine, cosine


_LOG64, _SIN64, _COS64 = _coefficients(np.float64, 9)
_LOG32, _SIN32, _COS32 = _coefficients(np.float32, 5)
_ONE32, _TWO32, _LN2_32 = np.float32(1), np.float32(2), np.float32(math.log(2))
_ULP32, _EIGHTH32 = np.float32(2.0**-24), np.float32(2.0**-33)


@njit(inline="always", **FAST)
def polynomial9(c, x):
    """Nine terms; written out, since a loop over them would keep the caller's loop from becoming vector code."""
    high = (((c[8] * x + c[7]) * x + c[6]) * x + c[5]) * x + c[4]
    return (((high * x + c[3]) * x + c[2]) * x + c[1]) * x + c[0]


@njit(inline="always", **FAST)
def polynomial5(c, x):
    """Five terms."""
    return (((c[4] * x + c[3]) * x + c[2]) * x + c[1]) * x + c[0]


@njit(inline="always", **FAST)
def normals64(a, b):
    """Two normal numbers of two words, by Box–Muller."""
    u = (np.float64(a >> U(11)) + 0.5) * 2.0**-53
    # u = 2^k m with m between √½ and √2.
    bits = bits_of_double(u) + U(0x00095F619980C433)
    k = np.float64(np.int64(bits >> U(52)) - 1023)
    m = double_of_bits((bits & U(0x000FFFFFFFFFFFFF)) + U(0x3FE6A09E667F3BCD))
    t = (m - 1.0) / (m + 1.0)
    r = math.sqrt(-2.0 * (polynomial9(_LOG64, t * t) * t + k * math.log(2.0)))
    # An angle within an eighth of a turn; two spare bits mirror and turn it to everywhere.
    r = -r if (b & U(64)) != U(0) else r
    w = np.float64(np.int64(b) >> np.int64(11)) * 2.0**-55
    sine = polynomial9(_SIN64, w * w) * w * r
    cosine = polynomial9(_COS64, w * w) * r
    swap = (b & U(32)) != U(0)
    return (sine if swap else cosine), (cosine if swap else sine)


@njit(inline="always", **FAST)
def normals32(a):
    """Two normal numbers of one word, as `normals64`."""
    u = (np.float32(np.int32(a >> U(41))) * _TWO32 + _ONE32) * _ULP32
    bits = np.uint32(bits_of_float(u) + np.uint32(0x004AFB0D))
    k = np.float32(np.int32(bits >> np.uint32(23)) - np.int32(127))
    m = float_of_bits(np.uint32((bits & np.uint32(0x007FFFFF)) + np.uint32(0x3F3504F3)))
    t = (m - _ONE32) / (m + _ONE32)
    r = np.float32(math.sqrt(-_TWO32 * (polynomial5(_LOG32, t * t) * t + k * _LN2_32)))
    r = -r if (a & U(0x200000000)) != U(0) else r
    w = np.float32(np.int32(np.int32(a) >> np.int32(1))) * _EIGHTH32
    sine = polynomial5(_SIN32, w * w) * w * r
    cosine = polynomial5(_COS32, w * w) * r
    swap = (a & U(0x100000000)) != U(0)
    return (sine if swap else cosine), (cosine if swap else sine)


@njit(inline="always", **FAST)
def sine_cosine64(x):
    """sin x and cos x for |x| below 10⁵ or so."""
    turns = x * (1.0 / (2.0 * math.pi))
    quarters = np.floor(4.0 * turns + 0.5)
    w = turns - 0.25 * quarters
    sine = polynomial9(_SIN64, w * w) * w
    cosine = polynomial9(_COS64, w * w)
    quadrant = np.int64(quarters)
    swap = (quadrant & 1) != 0
    s = cosine if swap else sine
    c = sine if swap else cosine
    return (-s if (quadrant & 2) != 0 else s), (-c if ((quadrant + 1) & 2) != 0 else c)


@njit(inline="always", **FAST)
def sine_cosine32(x):
    """As `sine_cosine64`."""
    turns = x * np.float32(1.0 / (2.0 * math.pi))
    quarters = np.float32(np.floor(np.float32(4.0) * turns + np.float32(0.5)))
    w = turns - np.float32(0.25) * quarters
    sine = polynomial5(_SIN32, w * w) * w
    cosine = polynomial5(_COS32, w * w)
    quadrant = np.int32(quarters)
    swap = (quadrant & np.int32(1)) != 0
    s = cosine if swap else sine
    c = sine if swap else cosine
    return (-s if (quadrant & np.int32(2)) != 0 else s), (-c if ((quadrant + np.int32(1)) & np.int32(2)) != 0 else c)
