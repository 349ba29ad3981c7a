/** Nelder and Mead's search for the least value of a function, from a start whose every coordinate is moved by a step. */
export function least(value, start, { rounds = 2, steps = 220, step = 0.15 } = {}) {
  let best = { at: [...start], value: value(start) };
  for (let round = 0; round < rounds; round++) {
    const size = step / (round + 1);
    const simplex = [best, ...start.map((_, i) => corner(value, best.at, i, size))];
    for (let count = 0; count < steps; count++) {
      simplex.sort((a, b) => a.value - b.value);
      if (simplex.at(-1).value - simplex[0].value < 1e-6) break;
      improve(value, simplex);
    }
    simplex.sort((a, b) => a.value - b.value);
    [best] = simplex;
  }
  return best;
}

function corner(value, from, index, size) {
  const at = from.map((coordinate, i) => (i === index ? coordinate + size : coordinate));
  return { at, value: value(at) };
}

function improve(value, simplex) {
  const worst = simplex.at(-1);
  const others = simplex.slice(0, -1);
  const centre = worst.at.map((_, i) => others.reduce((sum, { at }) => sum + at[i], 0) / others.length);
  const along = (factor) => {
    const at = centre.map((middle, i) => middle + factor * (worst.at[i] - middle));
    return { at, value: value(at) };
  };
  const reflected = along(-1);
  if (reflected.value < simplex[0].value) {
    const expanded = along(-2);
    simplex[simplex.length - 1] = expanded.value < reflected.value ? expanded : reflected;
  } else if (reflected.value < others.at(-1).value) simplex[simplex.length - 1] = reflected;
  else {
    const contracted = along(reflected.value < worst.value ? -0.5 : 0.5);
    if (contracted.value < Math.min(worst.value, reflected.value)) simplex[simplex.length - 1] = contracted;
    else {
      for (let i = 1; i < simplex.length; i++) {
        const at = simplex[i].at.map((coordinate, j) => (coordinate + simplex[0].at[j]) / 2);
        simplex[i] = { at, value: value(at) };
      }
    }
  }
}
