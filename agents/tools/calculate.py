"""Arithmetic that cannot do anything else: the syntax tree is walked, nothing is evaluated by Python."""

from __future__ import annotations

import ast
import math
import operator
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from agents.base import ToolContext
from agents.errors import ToolFailed
from agents.types import Effect

EXPRESSION_MAX = 500
NODES_MAX = 200
DIGITS_MAX = 1000
"""Longer whole numbers are refused: 9**9**9 would fill the memory."""

Number = int | float

_BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


def _round(number: Number, digits: int = 0) -> Number:
    if abs(digits) > DIGITS_MAX:  # Python would compute 10 ** digits
        raise ToolFailed("too many digits")
    return round(number, int(digits)) if digits else round(number)


_FUNCTIONS: Mapping[str, Callable[..., Number]] = {
    "abs": abs,
    "ceil": math.ceil,
    "cos": math.cos,
    "exp": math.exp,
    "floor": math.floor,
    "ln": math.log,
    "log": math.log,
    "log10": math.log10,
    "max": max,
    "min": min,
    "round": _round,
    "sin": math.sin,
    "sqrt": math.sqrt,
    "tan": math.tan,
}
_CONSTANTS: Mapping[str, float] = {"pi": math.pi, "e": math.e}
_SIGNS = str.maketrans({"×": "*", "÷": "/", "−": "-", "（": "(", "）": ")", "，": ",", "^": "**"})


class Calculate:
    """Evaluates an arithmetic expression."""

    name = "calculate"
    description = "Evaluates arithmetic exactly: + - * / // % **, parentheses, and sqrt, round, min, max, ln, sin, …"
    parameters: Mapping[str, Any] = {
        "type": "object",
        "properties": {
            "expression": {
                "type": "string",
                "description": "For example (3 + 4.5) * 2 ** 10",
                "minLength": 1,
                "maxLength": EXPRESSION_MAX,
            }
        },
        "required": ["expression"],
        "additionalProperties": False,
    }
    effect: Effect = "read"

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> str:
        """Return the result; see `Tool.call`."""
        return f"{evaluate(arguments['expression'])}"


def evaluate(expression: str) -> Number:
    """Return the value of an arithmetic expression.

    Raises:
        ToolFailed: it is no arithmetic, or its result is too large or not defined.
    """
    if len(expression) > EXPRESSION_MAX:
        raise ToolFailed(f"the expression is longer than {EXPRESSION_MAX} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the parser's remarks on style are for no one
            tree = ast.parse(expression.translate(_SIGNS).strip(), mode="eval")
        if sum(1 for _ in ast.walk(tree)) > NODES_MAX:
            raise ToolFailed("the expression has too many parts")
        return _value(tree.body)
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ToolFailed("this is no arithmetic expression") from error
    except (ArithmeticError, ValueError, TypeError) as error:
        raise ToolFailed(f"the result is not defined: {error}") from error


def _value(node: ast.expr) -> Number:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return _bounded(number)
        case ast.Name(id=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            return -_value(operand) if isinstance(sign, ast.USub) else _value(operand)
        case ast.BinOp(left=left, op=op, right=right) if isinstance(op, ast.Pow) or type(op) in _BINARY:
            operation = _power if isinstance(op, ast.Pow) else _BINARY[type(op)]
            return _bounded(operation(_value(left), _value(right)))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS:
            return _bounded(_FUNCTIONS[name](*map(_value, args)))
    raise ToolFailed("only numbers, + - * / // % **, parentheses and the named functions are allowed")


def _power(base: Number, exponent: Number) -> Number:
    digits = abs(exponent) * math.log10(abs(base)) if base else 0
    if digits > DIGITS_MAX:
        raise ToolFailed("the result is too large")
    result: Number | complex = base**exponent
    if isinstance(result, complex):
        raise ToolFailed("the result is not a real number")
    return result


def _bounded(number: Number) -> Number:
    if abs(number) >= 10**DIGITS_MAX:
        raise ToolFailed("the result is too large")
    return number
