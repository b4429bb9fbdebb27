import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { packageFile } from "../tspack.ts";

/** What was measured of one sample with one runner. */
export interface Row {
  /** Digest of the image's layers and configuration. */
  readonly id: string;
  /** Bytes of the compressed layers. */
  readonly size?: number | undefined;
  /** Seconds of a build without and with what an earlier one left. */
  readonly cold: number;
  readonly warm: number;
}

/** By sample and runner. */
export type Rows = Readonly<Record<string, Readonly<Record<string, Row>>>>;

const file = (): string => packageFile(".samples.json");

/** What all tests of this package have measured so far: whichever runner comes second compares its images. */
export function readRows(): Rows {
  return existsSync(file()) ? (JSON.parse(readFileSync(file(), "utf8")) as Rows) : {};
}

/** Adds a row, or takes the place of the one before. */
export function writeRow(runner: string, sample: string, row: Row): void {
  const rows = readRows();
  writeFileSync(file(), JSON.stringify({ ...rows, [sample]: { ...rows[sample], [runner]: row } }));
}

function compared(sandbox: Row | undefined, docker: Row | undefined): string {
  if (sandbox === undefined || docker === undefined) return "-";
  return sandbox.id === docker.id ? "same" : "differs";
}

/** The table for people, a line per sample. */
export function table(rows: Rows): string {
  const lines = Object.entries(rows).map(([sample, { sandbox, docker }]) => {
    const seconds = (row: Row | undefined): string =>
      row === undefined ? "-" : `${row.cold.toFixed(1)} / ${row.warm.toFixed(1)} s`;
    const size = sandbox?.size === undefined ? "-" : `${(sandbox.size / 1e6).toFixed(1)} MB`;
    return [sample.replace(/-.*/, ""), sample, seconds(sandbox), seconds(docker), size, compared(sandbox, docker)];
  });
  const heads = ["language", "sample", "sandbox cold / warm", "docker cold / warm", "size", "image"];
  const widths = heads.map((head, column) => Math.max(head.length, ...lines.map((line) => line[column]?.length ?? 0)));
  return [heads, ...lines]
    .map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "))
    .join("\n");
}
