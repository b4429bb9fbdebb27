import { cpus, totalmem } from "node:os";
import type { Result } from "./compete.ts";

/** What a reader has to know of the machine. */
export function machine(): string {
  const [first] = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB memory`;
  return `${cpus().length} cores (${first?.model.trim() ?? "unknown"}), ${memory}, Node ${process.versions.node}, ${process.platform}`;
}

const columns: readonly (readonly [title: string, cell: (result: Result) => string])[] = [
  ["what", ({ name }) => name.replaceAll("|", "\\|")],
  ["wall", ({ seconds }) => show(seconds, duration)],
  ["CPU", ({ cpuSeconds }) => show(cpuSeconds, duration)],
  ["peak memory", ({ peakKilobytes }) => show(peakKilobytes, (size) => `${Math.round(size / 1024)} MB`)],
  ["reads", ({ transfers }) => show(transfers?.readBytes, megabytes)],
  ["writes", ({ transfers }) => show(transfers?.writtenBytes, megabytes)],
  ["calls", ({ transfers }) => show(transfers?.calls, String)],
  ["sent", ({ traffic }) => show(traffic?.sentBytes, megabytes)],
  ["requests", ({ traffic }) => show(traffic?.requests, String)],
  ["ratio", ({ ratio }) => show(ratio, (times) => `${times.toFixed(2)} ×`)],
];

function show(value: number | undefined, text: (value: number) => string): string {
  return value === undefined ? "" : text(value);
}

/** A table in Markdown, without the columns that are empty; `bars` says by name what was reached. */
export function table(results: readonly Result[], bars: ReadonlyMap<string, string> = new Map()): string {
  const all = [
    ...columns,
    ["bar", ({ name }: Result) => bars.get(name) ?? ""] as const,
    ["remark", ({ remark }: Result) => remark.replaceAll("|", "\\|")] as const,
  ];
  const filled = all
    .map(([title, cell]) => [title, ...results.map(cell)])
    .filter(([, ...cells]) => cells.some((cell) => cell !== ""))
    .map((cells) => {
      const width = Math.max(...cells.map(({ length }) => length));
      const [title = "", ...rest] = cells.map((cell) => cell.padEnd(width));
      return [title, "-".repeat(width), ...rest];
    });
  const lines = Array.from({ length: results.length + 2 }, (_, row) => filled.map((cells) => cells[row] ?? ""));
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function duration(seconds: number): string {
  return seconds < 1 ? `${(seconds * 1000).toFixed(seconds < 0.1 ? 1 : 0)} ms` : `${seconds.toFixed(2)} s`;
}

/** Bytes for people. */
export function megabytes(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
