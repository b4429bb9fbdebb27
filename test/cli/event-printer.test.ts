import { expect, test } from "vitest";
import { eventPrinter } from "../../lifecycle/cli/event-printer.ts";
import type { BuildEventBody } from "../../lifecycle/platform/events.ts";

const time = "2026-01-31T12:00:00.000Z";
const line = { type: "output", stream: "stdout", level: "info" } as const;
const bar = { type: "progress", step: 1, label: "Storing", unit: "bytes", total: 4000 } as const;
const events: readonly BuildEventBody[] = [
  { ...line, line: "Making the builder" },
  { type: "phase-started", phase: "detect" },
  { ...line, phase: "detect", line: "2 of 4 buildpacks" },
  { ...bar, done: 1000, seconds: 1, finished: false },
  { type: "warning", phase: "detect", message: "careful" },
  { ...line, phase: "detect", level: "error", line: "broken" },
  { ...bar, done: 4000, seconds: 2, finished: true },
  { type: "phase-finished", phase: "detect", seconds: 3 },
];

function printed(options: Partial<Parameters<typeof eventPrinter>[0]>): string {
  let text = "";
  const write = (part: string): void => void (text += part);
  const print = eventPrinter({ write, terminal: false, color: false, quiet: false, timestamps: false, ...options });
  for (const event of events) print({ time, ...event });
  return text;
}

const plain = [
  "Making the builder",
  "===> DETECTING",
  "[detector] 2 of 4 buildpacks",
  "[detector] Warning: careful",
  "[detector] ERROR: broken",
  "Storing: 4.0 kB (2.0 s)",
];

test("phases are announced and their lines begin with their program", () => {
  expect(printed({})).toBe(`${plain.join("\n")}\n`);
});

test("timestamps begin every line", () => {
  expect(printed({ timestamps: true })).toBe(plain.map((each) => `${time} ${each}\n`).join(""));
});

test("--quiet leaves errors", () => {
  expect(printed({ quiet: true })).toBe("[detector] ERROR: broken\n");
});

test("a bar on a terminal is erased before the next line", () => {
  const erase = "\r\u001B[K";
  expect(printed({ terminal: true })).toContain(
    `${erase}Storing [######..................] 1.0 kB of 4.0 kB, 1.0 kB/s${erase}[detector] Warning: careful\n`,
  );
});

test("colours wrap what users know in colour", () => {
  const text = printed({ color: true });
  expect(text).toContain("\u001B[36m===> DETECTING\u001B[0m\n");
  expect(text).toContain("\u001B[2m[detector]\u001B[0m 2 of 4 buildpacks\n");
});
