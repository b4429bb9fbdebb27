import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runTspack } from "../../lifecycle/cli/run-tspack.ts";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { validate } from "../../lifecycle/oci/validate.ts";
import { layoutStore } from "../../lifecycle/stores/layout/layout-store.ts";
import { registryStore } from "../../lifecycle/stores/registry/registry-store.ts";
import { type FakeEngine, startFakeEngine } from "../fakes/engine.ts";
import { startFakeRegistry } from "../fakes/registry.ts";

let folder = "";
let engine: FakeEngine;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "tspack-engine-images-"));
  engine = await startFakeEngine();
  const files = {
    "ext/extension.toml": 'api = "0.10"\n[extension]\nid = "my/ext"\nversion = "1.0.0"\n',
    "ext/bin/detect": "#!/bin/sh\n",
    "ext/bin/generate": "#!/bin/sh\n",
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text, { mode: 0o755 });
  }
});
afterEach(async () => {
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
});

async function tspack(args: readonly string[], host = `unix://${engine.socket}`) {
  const said = { stdout: "", stderr: "" };
  const code = await runTspack({
    argv: args,
    env: { TSPACK_HOME: folder, HOME: folder, DOCKER_HOST: host },
    cwd: folder,
    uid: process.getuid?.() ?? 0,
    stdout: (text) => void (said.stdout += text),
    stderr: (text) => void (said.stderr += text),
    terminal: false,
    color: false,
    packageRoot: folder,
    signal: new AbortController().signal,
  });
  return { code, ...said };
}

const make = ["extension", "package", "my/package", "--path", "ext"];

describe("images list and rm with --docker-host", () => {
  const here = (): string => `unix://${engine.socket}`;
  beforeEach(async () => {
    expect(await tspack([...make, "--output", "engine"])).toMatchObject({ code: 0 });
    expect(await tspack(make)).toMatchObject({ code: 0 });
  });

  test("show the engine's images behind those of the local store, and which engine it is", async () => {
    for (const host of ["inherit", here(), engine.socket]) {
      const { code, stdout } = await tspack(["images", "list", "--docker-host", host]);
      expect(code).toBe(0);
      expect(stdout).toMatch(
        /^my\/package:latest +sha256:\w+ +\d.*B\nmy\/package:latest +sha256:\w+ +1\.0 kB +\(Docker.*at unix:/,
      );
    }
    const { stdout } = await tspack(["images", "list", "--json", "--docker-host", "inherit"]);
    expect(JSON.parse(stdout)).toMatchObject([
      { name: "my/package:latest", architecture: expect.any(String) as string },
      { name: "my/package:latest", digest: expect.stringMatching(/^sha256:/) as string, size: 1000 },
    ]);
  });

  test("remove from the engine and leave the local store alone", async () => {
    expect(await tspack(["images", "rm", "my/package", "--docker-host", "inherit"])).toMatchObject({ code: 0 });
    const { stdout } = await tspack(["images", "list", "--docker-host", "inherit"]);
    expect(stdout).toMatch(/^my\/package:latest\b.*\n$/);
    expect(stdout).not.toContain("Docker");
    const again = await tspack(["images", "rm", "my/package", "--docker-host", here()]);
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining("error IMAGE_NOT_FOUND") as string });
  });
});

describe("an image that only a container engine has", () => {
  beforeEach(async () => {
    expect(await tspack([...make, "--output", "engine"])).toMatchObject({ code: 0 });
    expect((await tspack(["images", "list"])).stdout).not.toContain("my/package");
  });

  test("is inspected as what it is", async () => {
    const { code, stdout } = await tspack(["extension", "inspect", "docker://my/package"]);
    expect([code, stdout]).toEqual([0, expect.stringContaining("my/ext")]);
  });

  test("is exported to a file, from which it comes back whole", async () => {
    expect(await tspack(["images", "export", "my/package", "--output", "out.tar"])).toMatchObject({ code: 0 });
    expect(await tspack(["images", "import", "out.tar", "my/imported"])).toMatchObject({ code: 0 });
    const image = await layoutStore(join(folder, "data/images")).resolve(parseReference("my/imported"));
    if (image === undefined) throw new Error("it is not there");
    await validate(image);
    expect((await image.config()).value.config?.Labels).toHaveProperty(["io.buildpacks.buildpackage.metadata"]);
  });

  test("is pushed with compressed layers", async () => {
    const registry = await startFakeRegistry();
    try {
      const name = `${registry.host}/pushed`;
      expect(await tspack(["images", "push", "my/package", name])).toMatchObject({ code: 0 });
      const image = await registryStore({}).resolve(parseReference(name));
      const layers = (await image?.manifest())?.value.layers ?? [];
      expect(layers.map(({ mediaType }) => mediaType)).toEqual([expect.stringContaining("gzip")]);
    } finally {
      await registry.close();
    }
  });
});

test("an engine that does not answer is as good as none", async () => {
  for (const host of [`unix://${folder}/ext/bin/detect`, "tcp://127.0.0.1:1"]) {
    const { code, stderr } = await tspack(["images", "export", "my/none", "--output", "out.tar"], host);
    expect([code, stderr]).toEqual([1, expect.stringContaining("error IMAGE_NOT_FOUND")]);
  }
});

test("what is written into an engine that does not answer is an error", async () => {
  const { code, stderr } = await tspack([...make, "--output", "engine"], "tcp://127.0.0.1:1");
  expect([code, stderr]).toEqual([1, expect.stringContaining("error ENGINE_UNREACHABLE")]);
});

test.each([
  [["--publish", "--output", "engine"], "--output"],
  [["--format", "file", "--output", "engine"], "--output"],
])("%j does not fit together", async (options, source) => {
  const { code, stderr } = await tspack([...make, ...options]);
  expect(code).toBe(3);
  expect(stderr).toContain(`  ${source}  `);
});
