import { cpus, totalmem } from "node:os";
import type { Result } from "./measure.ts";

/** What a reader has to know of the machine. */
export function machine(): string {
  const [first] = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB memory`;
  return `${cpus().length} cores (${first?.model.trim() ?? "unknown"}), ${memory}, Node ${process.versions.node}, ${process.platform}`;
}

/** A table in Markdown. */
export function table(results: readonly Result[]): string {
  const rows = results.map((result) => [
    result.name,
    duration(result.seconds),
    result.cpuSeconds === undefined ? "" : duration(result.cpuSeconds),
    result.peakKilobytes === undefined ? "" : `${Math.round(result.peakKilobytes / 1024)} MB`,
    result.ratio === undefined ? "" : `${result.ratio.toFixed(2)} ×`,
    result.remark,
  ]);
  const head = ["what", "wall", "CPU", "peak memory", "ratio", "remark"];
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}

function duration(seconds: number): string {
  return seconds < 1 ? `${(seconds * 1000).toFixed(seconds < 0.1 ? 1 : 0)} ms` : `${seconds.toFixed(2)} s`;
}

/** Bytes for people. */
export function megabytes(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
