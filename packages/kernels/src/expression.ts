import { BadInputError, messageOf } from '@epemu/core';
import jsep from 'jsep';

/** Sizes that expressions name, such as `tokens` or `hidden`. */
export type Sizes = Readonly<Record<string, number>>;

/** An arithmetic expression over sizes, ready to be evaluated often. */
export interface Formula {
  /** Names of the sizes it uses. */
  readonly uses: ReadonlySet<string>;
  evaluate(sizes: Sizes): number;
}

type Evaluate = (sizes: Sizes) => number;

const OPERATORS: Readonly<Record<string, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
};

const FUNCTIONS: Readonly<Record<string, (...values: number[]) => number>> = {
  ceil: Math.ceil,
  floor: Math.floor,
  max: Math.max,
  min: Math.min,
};

/** Compiles a node of the syntax tree, noting the sizes it uses. @throws Error where it is none of what is known. */
function compile(expression: jsep.Expression, uses: Set<string>): Evaluate {
  const node = expression as jsep.CoreExpression;
  if (node.type === 'Literal' && typeof node.value === 'number') {
    const { value } = node;
    return () => value;
  }
  if (node.type === 'Identifier') {
    const { name } = node;
    uses.add(name);
    return (sizes) => sizes[name];
  }
  if (node.type === 'BinaryExpression' && Object.hasOwn(OPERATORS, node.operator)) {
    const apply = OPERATORS[node.operator];
    const left = compile(node.left, uses);
    const right = compile(node.right, uses);
    return (sizes) => apply(left(sizes), right(sizes));
  }
  if (node.type === 'CallExpression') {
    const callee = node.callee as jsep.CoreExpression;
    if (callee.type === 'Identifier' && Object.hasOwn(FUNCTIONS, callee.name)) {
      const apply = FUNCTIONS[callee.name];
      const values = node.arguments.map((argument) => compile(argument, uses));
      return (sizes) => apply(...values.map((value) => value(sizes)));
    }
  }
  throw new Error('only numbers, sizes, + - * / and ceil, floor, max, min are known');
}

/**
 * Compiles an expression such as `heads * (nopeHeadDim + valueHeadDim)`. Only operations whose bits IEEE 754 fixes are
 * known, so that every machine gets the same result.
 *
 * @param known names of the sizes there are.
 * @param place where it stands, for messages.
 * @throws BadInputError where it is no such expression, or names a size that is not known.
 */
export function compileFormula(source: string | number, known: ReadonlySet<string>, place: string): Formula {
  const uses = new Set<string>();
  let evaluate: Evaluate;
  try {
    evaluate = compile(jsep(String(source)), uses);
  } catch (cause) {
    const message = `${place} is ${JSON.stringify(source)}, which is no expression over sizes: ${messageOf(cause)}`;
    throw new BadInputError(place, message, { cause });
  }
  for (const name of uses) {
    if (known.has(name)) continue;
    const names = [...known].join(', ');
    throw new BadInputError(place, `${place} is ${JSON.stringify(source)}; there is no size ${name}; use ${names}`);
  }
  return { uses, evaluate };
}
