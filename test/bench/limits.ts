import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { statSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { isInstalled } from "../fakes/docker-registry.ts";
import type { Contestant } from "./compete.ts";
import { megabytes } from "./table.ts";

/** Names that bars refer to. */
export const limitNames = {
  reading: "one reading of all files",
  hashing: "SHA-256 of the tar",
  gzip: "gzip -3 of the tar, both halves at once",
  pigz: "pigz -3 -p 2 of the tar",
} as const;

/** What nobody can be faster than who does these things one after the other. */
export interface Limits {
  readonly contestants: readonly Contestant[];
  readonly close: () => Promise<void>;
}

/** Prepares a tar of a tree, and what takes its compressed bytes. */
export async function startLimits(directory: string, parent: string, tree: string): Promise<Limits> {
  const tar = join(directory, "limit.tar");
  const compressed = join(directory, "limit.tar.gz");
  const packing = ["tar", "--create", "--sort=name", "--directory", parent];
  execFileSync(packing[0] ?? "", [...packing.slice(1), "--file", tar, tree]);
  execFileSync("sh", ["-c", 'gzip -3 < "$1" > "$2"', "sh", tar, compressed]);
  const half = Math.ceil(statSync(tar).size / 2);
  const sink = createServer((socket) => socket.on("error", () => {}).resume());
  sink.listen(0, "127.0.0.1");
  await once(sink, "listening");
  const { port } = sink.address() as AddressInfo;
  const pigz = isInstalled("pigz") ? undefined : "pigz is not installed";
  const shell = (name: string, script: string, missing?: string): Contestant => ({
    name,
    peer: true,
    uncounted: true,
    missing,
    command: ["sh", "-ec", script, "sh", tar, join(parent, tree)],
  });
  const hash = isInstalled("openssl", "version") ? "openssl dgst -sha256" : "sha256sum";
  const contestants = [
    shell(limitNames.reading, 'find "$2" -type f -exec cat {} + > /dev/null'),
    shell(limitNames.hashing, `${hash} "$1" > /dev/null`),
    shell(
      limitNames.gzip,
      `head -c ${half} "$1" | gzip -3 > /dev/null & tail -c +${half + 1} "$1" | gzip -3 > /dev/null; wait $!`,
    ),
    shell(limitNames.pigz, 'pigz -3 -p 2 < "$1" > /dev/null', pigz),
    shell("GNU tar | pigz -3 -p 2 > file", `${packing.join(" ")} ${tree} | pigz -3 -p 2 > "$1.packed"`, pigz),
    {
      name: "loopback copy of the compressed bytes (a Node script)",
      peer: true,
      uncounted: true,
      command: [process.execPath, "-e", send, compressed, String(port)],
      remark: () => megabytes(statSync(compressed).size),
    },
  ];
  return { contestants, close: async () => void (await new Promise((resolve) => sink.close(resolve))) };
}

const send = `const [file, port] = process.argv.slice(1);
const { pipeline } = require("node:stream/promises");
const from = require("node:fs").createReadStream(file, { highWaterMark: 1 << 20 });
void pipeline(from, require("node:net").connect(Number(port), "127.0.0.1"));`;
