import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { memoryBlobCache } from "../../lifecycle/stores/blob-cache/memory.ts";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import type { Image } from "../../lifecycle/oci/image.ts";
import { imageFromParts } from "../../lifecycle/oci/memory-image.ts";
import { mutate, setLabels } from "../../lifecycle/oci/mutate.ts";
import { packEntries } from "../../lifecycle/layers/pack-entries.ts";
import { registryStore } from "../../lifecycle/stores/registry/registry-store.ts";

/** Numbers that are the same in every run. xorshift32. */
export function generator(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % below;
  };
}

/** A tree of small text files like `node_modules`: mostly a few kB, some of a hundred. Returns its bytes. */
export function writeTree(directory: string, files: number, seed: number): number {
  const next = generator(seed);
  const words = Array.from(
    { length: 4000 },
    () =>
      `${next(0xffffffff)
        .toString(36)
        .slice(0, 2 + next(9))} `,
  );
  let bytes = 0;
  for (let index = 0; index < files; index++) {
    const path = join(directory, `package-${index % 211}`, next(3) === 0 ? "lib/internal" : "lib", `file-${index}.js`);
    const size = next(20) === 0 ? 20_000 + next(160_000) : 300 + next(9000);
    let text = "";
    while (text.length < size) text += words[next(words.length)] ?? "";
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    bytes += text.length;
  }
  return bytes;
}

/** A run image of one small layer; `text` makes it another one. */
export async function runImage(text: string): Promise<Image> {
  const file = { name: "/etc/motd", type: "file", mode: 0o644, uid: 0, gid: 0, content: text } as const;
  const layer = await packEntries([file], memoryBlobCache());
  const Env = ["PATH=/usr/bin:/bin"];
  const Labels = { "io.buildpacks.stack.id": "bench" };
  return imageFromParts({
    format: "oci",
    config: {
      architecture: process.arch === "arm64" ? "arm64" : "amd64",
      os: "linux",
      config: { Env, Labels },
      history: [{ created: "1980-01-01T00:00:01Z" }],
    },
    layers: [layer],
  });
}

/** Puts a run image into a registry. */
export async function pushRunImage(name: string, text: string): Promise<void> {
  await registryStore({}).write(await runImage(text), [parseReference(name)]);
}

/** Puts copies of an image of the registry there, each with another label, and returns their names. */
export async function pushCopies(name: string, count: number): Promise<readonly string[]> {
  const store = registryStore({});
  const image = await store.resolve(parseReference(name));
  if (image === undefined) throw new Error(`${name} is missing`);
  const names = Array.from({ length: count }, (_, index) => `${name}-${index}`);
  for (const each of names) await store.write(mutate(image, setLabels({ "bench.name": each })), [parseReference(each)]);
  return names;
}

/** Total bytes of an image's compressed layers. */
export async function layerBytes(name: string): Promise<number> {
  const image = await registryStore({}).resolve(parseReference(name));
  return ((await image?.manifest())?.value.layers ?? []).reduce((sum, { size }) => sum + size, 0);
}
