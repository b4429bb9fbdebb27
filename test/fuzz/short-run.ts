import { type FuzzTarget, inputOf, problemOf } from "./target.ts";

/** The same cases every time, as many as fit into `budget` milliseconds; what is wrong with the first bad one. `npm run fuzz` looks for new ones. */
export async function shortRun(target: FuzzTarget, budget: number): Promise<string | undefined> {
  const seed = 1;
  const fuzzed = await target.open();
  const end = performance.now() + budget;
  try {
    for (let index = 0; performance.now() < end; index += 1) {
      const problem = await problemOf(fuzzed, inputOf(target, seed, index));
      if (problem !== undefined) return `${target.name} --seed ${seed} --case ${index}: ${problem.slice(0, 2000)}`;
    }
    return undefined;
  } finally {
    await fuzzed.close?.();
  }
}
