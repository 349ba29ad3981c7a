/** @returns the solution of a square system; undefined where its rows do not determine one. */
function solveSquare(matrix: readonly (readonly number[])[], right: readonly number[]): number[] | undefined {
  const rows = matrix.map((row, i) => [...row, right[i]]);
  const size = rows.length;
  for (let column = 0; column < size; column++) {
    let pivot = column;
    for (let row = column + 1; row < size; row++) {
      if (Math.abs(rows[row][column]) > Math.abs(rows[pivot][column])) pivot = row;
    }
    if (Math.abs(rows[pivot][column]) < 1e-9) return undefined;
    [rows[column], rows[pivot]] = [rows[pivot], rows[column]];
    for (let row = 0; row < size; row++) {
      if (row === column) continue;
      const factor = rows[row][column] / rows[column][column];
      for (let k = column; k <= size; k++) rows[row][k] -= factor * rows[column][k];
    }
  }
  return rows.map((row, i) => row[size] / row[i]);
}

/** All subsets of the columns 0 … n − 1, the larger first. */
function subsets(n: number): number[][] {
  const all: number[][] = [];
  for (let mask = 1; mask < 1 << n; mask++) {
    all.push([...Array(n).keys()].filter((column) => (mask & (1 << column)) !== 0));
  }
  return all.sort((a, b) => b.length - a.length);
}

/**
 * Weighted least squares with coefficients of 0 or more, by the normal equations of every subset of columns; so few
 * columns are fitted here that an active-set method would be no shorter.
 *
 * @param rows one row of columns for each observation.
 * @param weights of the squared residuals, each > 0.
 * @returns a coefficient for each column; undefined where no subset has a solution.
 */
export function nonNegativeLeastSquares(
  rows: readonly (readonly number[])[],
  observed: readonly number[],
  weights: readonly number[],
): number[] | undefined {
  const n = rows[0]?.length ?? 0;
  // Columns of one scale, so that one threshold tells what is singular.
  const scales = [...Array(n).keys()].map((column) => {
    return Math.sqrt(rows.reduce((sum, row, i) => sum + weights[i] * row[column] ** 2, 0)) || 1;
  });
  const scaled = rows.map((row) => row.map((value, column) => value / scales[column]));
  let best: { error: number; coefficients: number[] } | undefined;
  for (const columns of subsets(n)) {
    const product = (f: (i: number) => number): number => scaled.reduce((sum, _, i) => sum + weights[i] * f(i), 0);
    const matrix = columns.map((a) => columns.map((b) => product((i) => scaled[i][a] * scaled[i][b])));
    const right = columns.map((a) => product((i) => scaled[i][a] * observed[i]));
    const solution = solveSquare(matrix, right);
    if (solution === undefined || solution.some((value) => value < 0)) continue;
    const coefficients = Array<number>(n).fill(0);
    columns.forEach((column, at) => (coefficients[column] = solution[at]));
    const predicted = scaled.map((row) => row.reduce((sum, value, i) => sum + value * coefficients[i], 0));
    const error = product((i) => (predicted[i] - observed[i]) ** 2);
    if (best === undefined || error < best.error * (1 - 1e-12)) best = { error, coefficients };
  }
  return best?.coefficients.map((value, column) => value / scales[column]);
}
