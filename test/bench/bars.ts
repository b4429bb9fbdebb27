import type { Result } from "./compete.ts";

/** What a result should reach. */
export type Bar =
  | { readonly kind: "seconds" | "requests" | "sentBytes"; readonly most: number }
  /** That no phase of ours needs more memory is told here also where it holds; elsewhere only where it does not. */
  | { readonly kind: "memory" }
  /** Wall time, as a multiple of what all of these take together. */
  | { readonly kind: "times"; readonly most: number; readonly of: readonly string[] }
  /** How many times as long the other takes. */
  | { readonly kind: "faster"; readonly least: number; readonly than: string }
  /** Seconds beyond what the other takes. */
  | { readonly kind: "added"; readonly most: number; readonly to: string };

/** Bars of a scenario's contestants, by name. */
export type Bars = Readonly<Record<string, readonly Bar[]>>;

/** No phase of ours needs more. */
const mostMemory = 160 * 1024;

/**
 * What to say of each result that has a bar: met, or missed by how much. `full`: the workload has the size that the
 * bars of time and bytes are for.
 */
export function verdicts(results: readonly Result[], bars: Bars, full: boolean): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const result of results) {
    const own = bars[result.name] ?? [];
    const lines = own.flatMap((bar) => verdict(result, bar, results, full) ?? []);
    const isTold = own.some(({ kind }) => kind === "memory");
    if (!result.peer && !isTold && (result.peakKilobytes ?? 0) > mostMemory) lines.push(memoryVerdict(result) ?? "");
    if (lines.length > 0) found.set(result.name, lines.join("; "));
  }
  return found;
}

/** Undefined where something that it needs was not measured. */
function verdict(result: Result, bar: Bar, results: readonly Result[], full: boolean): string | undefined {
  const { seconds } = result;
  const secondsOf = (name: string): number => results.find((each) => each.name === name)?.seconds ?? NaN;
  switch (bar.kind) {
    case "seconds":
      return full ? atMost(seconds, bar.most, `${bar.most} s`) : undefined;
    case "memory":
      return memoryVerdict(result);
    case "requests":
      return atMost(result.traffic?.requests, bar.most, `${bar.most} requests`);
    case "sentBytes":
      return full ? atMost(result.traffic?.sentBytes, bar.most, `${bar.most / 1e6} MB sent`) : undefined;
    case "times": {
      const others = bar.of.reduce((sum, name) => sum + secondsOf(name), 0);
      return atMost((seconds ?? NaN) / others, bar.most, `${bar.most} × (${bar.of.join(" + ")})`);
    }
    case "faster": {
      const found = secondsOf(bar.than) / (seconds ?? NaN);
      if (Number.isNaN(found)) return undefined;
      const label = `≥ ${bar.least} × faster than ${bar.than}`;
      return `${label}: ${found >= bar.least ? "met" : "missed"}, ${found.toFixed(1)} ×`;
    }
    case "added":
      return atMost((seconds ?? NaN) - secondsOf(bar.to), bar.most, `${bar.most * 1000} ms more than ${bar.to}`);
  }
}

function memoryVerdict({ peakKilobytes }: Result): string | undefined {
  return atMost(peakKilobytes, mostMemory, "160 MB");
}

function atMost(value: number | undefined, most: number, label: string): string | undefined {
  if (value === undefined || Number.isNaN(value)) return undefined;
  return `≤ ${label}: ${value <= most ? "met" : missed(value, most)}`;
}

function missed(value: number, most: number): string {
  return `missed by ${Math.ceil(((value - most) * 100) / most)} %`;
}
