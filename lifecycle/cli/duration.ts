import { InputError } from "../errors.ts";

const units: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};

/** Reads a time such as `90s`, `12h`, `30d` or `0`; returns milliseconds. Throws `INVALID_ARGUMENTS`. */
export function readDuration(text: string, source: string): number {
  const [, number, unit = "s"] = /^(\d{1,6})(s|m|h|d|w)?$/.exec(text) ?? [];
  if (number !== undefined && (number === "0" || text.endsWith(unit))) return Number(number) * (units[unit] ?? 0);
  const issue = { source, path: "", expected: "a time such as 90s, 15m, 12h, 30d or 4w", got: JSON.stringify(text) };
  throw new InputError("INVALID_ARGUMENTS", "the time can not be read", [issue]);
}
