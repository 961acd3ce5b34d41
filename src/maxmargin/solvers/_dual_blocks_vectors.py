"""Instructions on vectors of single-precision numbers and on pointers, for the sweeps over dual blocks.

Numba's cache of the sweeps does not notice a change made here: clear it after one.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

LANES = 16
"""Classes scored at a time: their single-precision weights for one feature fill one cache line."""

FASTMATH = ("contract", "reassoc", "nsz")

_instruction: Any = intrinsic

_VECTOR = ir.VectorType(ir.FloatType(), LANES)


class _Lanes(types.Type):
    """Single-precision numbers in one register: numba by itself would not keep the classes of a row there."""


_lanes = _Lanes("Lanes")


@register_model(_Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, _VECTOR)


def _broadcast(builder, scalar):
    blank, whole = ir.Constant(_VECTOR, ir.Undefined), ir.IntType(32)
    single = builder.insert_element(blank, scalar, whole(0))
    return builder.shuffle_vector(single, blank, ir.Constant(ir.VectorType(whole, LANES), [0] * LANES))


@_instruction
def pointer(_typing, array):
    """Begin of an array: numba counts the references to an array, not to its entries, at every call."""

    def build(context, builder, _signature, arguments):
        return context.make_array(array)(context, builder, arguments[0]).data

    if isinstance(array, types.NoneType):
        return types.none(array), lambda *parts: parts[-1][0]
    return types.CPointer(array.dtype)(array), build


@_instruction
def load(_typing, pointer, _offset):
    def build(_context, builder, _signature, arguments):
        return builder.load(builder.bitcast(builder.gep(*_split(arguments)), _VECTOR.as_pointer()), align=64)

    return _lanes(pointer, types.intp), build


@_instruction
def store(_typing, pointer, _offset, _value):
    def build(context, builder, _signature, arguments):
        place = builder.bitcast(builder.gep(*_split(arguments)), _VECTOR.as_pointer())
        builder.store(arguments[2], place, align=64)
        return context.get_dummy_value()

    return types.void(pointer, types.intp, _lanes), build


@_instruction
def at(_typing, pointer, _offset):
    def build(_context, builder, _signature, arguments):
        return builder.load(builder.gep(*_split(arguments)))

    return pointer.dtype(pointer, types.intp), build


@_instruction
def put(_typing, pointer, _offset, _value):
    def build(context, builder, _signature, arguments):
        builder.store(arguments[2], builder.gep(*_split(arguments)))
        return context.get_dummy_value()

    return types.void(pointer, types.intp, pointer.dtype), build


@_instruction
def prefetch(_typing, pointer, _offset):
    def build(context, builder, _signature, arguments):
        byte, whole = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, whole, whole, whole])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        place = builder.bitcast(builder.gep(*_split(arguments)), byte)
        builder.call(function, [place, whole(0), whole(2), whole(1)])
        return context.get_dummy_value()

    return types.void(pointer, types.intp), build


def _split(arguments):
    return arguments[0], [arguments[1]]


@_instruction
def per_line(_typing, pointer):
    """How many entries fill a cache line."""
    count = 64 * 8 // pointer.dtype.bitwidth
    return types.intp(pointer), lambda *_: ir.IntType(64)(count)


@_instruction
def splat(_typing, _scalar):
    def build(_context, builder, _signature, arguments):
        return _broadcast(builder, arguments[0])

    return _lanes(types.float32), build


def _pairwise(operation):
    """An operation on two vectors, lane by lane."""

    @_instruction
    def apply(_typing, _a, _b):
        def build(_context, builder, _signature, arguments):
            return operation(builder, *arguments)

        return _lanes(_lanes, _lanes), build

    return apply


add = _pairwise(lambda builder, a, b: builder.fadd(a, b, flags=FASTMATH))
subtract = _pairwise(lambda builder, a, b: builder.fsub(a, b, flags=FASTMATH))
multiply = _pairwise(lambda builder, a, b: builder.fmul(a, b, flags=FASTMATH))
maximum = _pairwise(lambda builder, a, b: builder.select(builder.fcmp_ordered(">", a, b), a, b))
minimum = _pairwise(lambda builder, a, b: builder.select(builder.fcmp_ordered("<", a, b), a, b))
above = _pairwise(lambda builder, a, b: builder.uitofp(builder.fcmp_ordered(">", a, b), _VECTOR))


def _reduction(name, start, flags):
    @_instruction
    def reduce(_typing, _a):
        def build(_context, builder, _signature, arguments):
            scalar = ir.FloatType()
            values = [*(ir.Constant(scalar, s) for s in start), arguments[0]]
            kind = ir.FunctionType(scalar, [value.type for value in values])
            function = cgutils.get_or_insert_function(
                builder.module, kind, f"llvm.vector.reduce.{name}.v{LANES}f32"
            )
            return builder.call(function, values, fastmath=flags)

        return types.float32(_lanes), build

    return reduce


sum_lanes = _reduction("fadd", [0.0], ("reassoc", "nsz"))
largest = _reduction("fmax", [], ("nnan", "nsz"))
