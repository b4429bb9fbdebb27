import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { decodeBuildMetadata } from "../../lifecycle/cnb/files/metadata-toml.ts";
import type { Image } from "../../lifecycle/oci/image.ts";
import { imageFromParts, memoryLayer } from "../../lifecycle/oci/memory-image.ts";
import { readTar } from "../../lifecycle/oci/tar/unpack.ts";
import { validate } from "../../lifecycle/oci/validate.ts";
import { exportImage } from "../../lifecycle/phases/export.ts";
import { memoryBlobCache } from "../../lifecycle/stores/blob-cache/memory.ts";
import { memoryStore } from "../../lifecycle/stores/memory.ts";
import { parseToml } from "../../lifecycle/toml.ts";
import { exportInputs, run } from "../phases/export-fixture.ts";
import { codeOf, within } from "./bounds.ts";
import { context } from "./commit-sets.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tspack-hostile-"));
  write("launcher", "launcher");
  write("workspace/main", "app");
  write("layers/config/metadata.toml", "");
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

/** What bin/build has left as `metadata.toml`, exported on an image of one layer. */
async function exporting(metadata: string): Promise<Image> {
  const store = memoryStore();
  const base = { architecture: "amd64", os: "linux", config: {} };
  await store.write(imageFromParts({ config: base, layers: [memoryLayer(Buffer.from("base"))], format: "oci" }), [run]);
  const { image } = await exportImage(
    exportInputs(root, { metadata: decodeBuildMetadata(parseToml(metadata, "metadata.toml")) }),
    { images: store, sink: store, blobs: memoryBlobCache(), cache: undefined, ctx: context },
  );
  return image;
}

const processOf = (type: string): string =>
  `[[processes]]\ntype = ${JSON.stringify(type)}\ncommand = ["run"]\ndirect = true\nbuildpack-id = "a/b"\n`;

describe("a process type", () => {
  test.each(["", ".", "..", "/", "a/b", "../../bin/sh", "/bin/sh", "a\\b", "a:b", "a|b", "a&b", "a<b", "a\0b", "\0"])(
    "%j is EXPORT_FAILED",
    async (type) => {
      expect(await codeOf(() => exporting(processOf(type)))).toBe("EXPORT_FAILED");
    },
  );

  test.each(["...", "..a", "-", "a b", "é", "\n", "\u{1F600}", "x".repeat(300), "__proto__", "constructor"])(
    "%j is one link in /cnb/process",
    async (type) => {
      const image = await exporting(processOf(type));
      await validate(image);
      const names: string[] = [];
      const layer = (await image.layers()).at(-1);
      for await (const { header } of readTar(layer?.uncompressed() ?? empty())) {
        const { name } = header;
        names.push(typeof name === "string" ? name : Buffer.from(name).toString());
      }
      expect(names).toEqual(["/cnb", "/cnb/process", `/cnb/process/${type}`]);
    },
  );
});

async function* empty(): AsyncGenerator<Uint8Array> {}

describe("labels", () => {
  test("may be named like what objects have, and have any text", async () => {
    const label = (key: string, value: string): string =>
      `[[labels]]\nkey = ${JSON.stringify(key)}\nvalue = ${JSON.stringify(value)}\n`;
    const long = "x".repeat(1_000_000);
    const image = await exporting(
      label("__proto__", "p") +
        label("constructor", "c") +
        label("text", "a\n\u0000\u2028</script>é") +
        label("long", long),
    );
    const labels = (await image.config()).value.config?.Labels ?? {};
    expect(Object.getOwnPropertyDescriptor(labels, "__proto__")?.value).toBe("p");
    expect(labels).toMatchObject({ constructor: "c", text: "a\n\u0000\u2028</script>é", long });
    expect({}).not.toHaveProperty("p");
  });
});

describe("slices", () => {
  test.each([
    ["../*", 1],
    ["/etc/*", 1],
    ["*".repeat(1000), 1],
    [`${"*a".repeat(200)}b`, 1],
    ["", 1],
  ])("with the pattern %j take nothing from elsewhere, soon", async (pattern, count) => {
    write(`workspace/${"a".repeat(200)}`, "x");
    write("precious", "x");
    const image = await within(10_000, () => exporting(`[[slices]]\npaths = [${JSON.stringify(pattern)}]\n`));
    const names: string[] = [];
    for (const layer of (await image.layers()).slice(1)) {
      for await (const { header } of readTar(layer.uncompressed())) names.push(String(header.name));
    }
    expect(names.filter((name) => name.includes("precious"))).toEqual([]);
    expect(names.filter((name) => name === "/workspace/main")).toHaveLength(count);
  });
});

describe("what a buildpack leaves as a layer", () => {
  const launch = "[types]\nlaunch = true\n";

  test.each([
    ["a link to another directory", "ln -s /etc layers/a_b/l"],
    ["a link to itself", "ln -s l layers/a_b/l"],
    ["hard links", "mkdir layers/a_b/l; echo x > layers/a_b/l/a; ln layers/a_b/l/a layers/a_b/l/b"],
    ["links out of it", "mkdir layers/a_b/l; ln -s ../../../.. layers/a_b/l/up; ln -s / layers/a_b/l/root"],
    ["a FIFO", "mkdir layers/a_b/l; mkfifo layers/a_b/l/p"],
    ["names with newlines and bytes", 'mkdir layers/a_b/l; touch "layers/a_b/l/a\nb" "layers/a_b/l/$(printf "\\377")"'],
    ["a file of 50 GB of zeros that is not read", "mkdir layers/a_b/other; truncate -s 50G layers/a_b/other/zeros"],
  ])("%s ends soon, and nothing is read from elsewhere", async (_, script) => {
    mkdirSync(join(root, "layers/a_b"));
    write("layers/a_b/l.toml", launch);
    execFileSync("/bin/sh", ["-c", script], { cwd: root });
    const code = await within(10_000, () =>
      codeOf(async () => {
        const image = await exporting("");
        for (const layer of (await image.layers()).slice(1)) {
          for await (const { header } of readTar(layer.uncompressed()))
            expect(String(header.name)).not.toMatch(/passwd/);
        }
      }),
    );
    expect(["none", "EXPORT_FAILED"]).toContain(code);
  });
});
