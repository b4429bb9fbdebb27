/** Part of the full size that workloads have, from `TSPACK_BENCH_SCALE`. Throws when it is no number above 0. */
export function scale(): number {
  const text = process.env["TSPACK_BENCH_SCALE"] ?? "1";
  const value = Number(text);
  if (!(value > 0)) throw new Error(`TSPACK_BENCH_SCALE: expected a number above 0, found ${JSON.stringify(text)}`);
  return value;
}

/** So many files, or whatever is counted, on the scale; one at least. */
export function scaled(count: number): number {
  return Math.max(1, Math.round(count * scale()));
}

/** The contestants that `TSPACK_BENCH_ONLY` matches; all without it, but only those of `usual` where that is given. */
export function selected<T extends { readonly name: string }>(contestants: readonly T[], usual?: RegExp): readonly T[] {
  const only = process.env["TSPACK_BENCH_ONLY"];
  const pattern = only === undefined ? usual : new RegExp(only);
  return pattern === undefined ? contestants : contestants.filter(({ name }) => pattern.test(name));
}
