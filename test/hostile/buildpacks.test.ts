import { mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { BuildMetadata } from "../../lifecycle/cnb/files/metadata-toml.ts";
import { TspackError } from "../../lifecycle/errors.ts";
import { build } from "../../lifecycle/phases/build.ts";
import { runBuildpackProcess } from "../../lifecycle/phases/buildpack-process.ts";
import { detect } from "../../lifecycle/phases/detect.ts";
import { type Fixture, fixture } from "../phases/builder-fixture.ts";
import { codeOf, growthOf, within } from "./bounds.ts";

let builder: Fixture;
let printed = 0;
beforeEach(() => {
  builder = fixture();
  printed = 0;
});
afterEach(() => builder.remove());

const never = new AbortController().signal;
const count = (bytes: Uint8Array): void => {
  printed += bytes.length;
};

function run(script: string, more: Partial<{ env: Record<string, string> }> = {}): Promise<BuildMetadata> {
  builder.add({ id: "a/b", build: script });
  const inputs = { ...builder.inputs(), ...more, groupExtensions: [], plan: { entries: [] }, layers: builder.layers };
  return build(
    { ...inputs, group: [{ id: "a/b", version: "1.0.0", api: "0.10" }] },
    { output: { kind: "stream", write: count }, ctx: builder.ctx },
  );
}

async function failureOf(action: () => Promise<unknown>): Promise<TspackError> {
  try {
    await action();
  } catch (error) {
    if (error instanceof TspackError) return error;
    throw error;
  }
  throw new Error("nothing failed");
}

describe("an environment file", () => {
  test.each([
    ["of 128 KiB less what the system needs", "x".repeat(128 * 1024 - 32)],
    ["with =, newlines and all other characters", "a=b\nc==\r\n\t\u0001\u007f é \u{1F600} '\"$`\\ \n"],
    ["that is empty", ""],
  ])("%s reaches the buildpack as it is", async (_, value) => {
    builder.write("platform/env/VALUE", value);
    await run('printf %s "$VALUE" > value');
    expect(readFileSync(join(builder.app.path, "value"), "utf8")).toBe(value);
  });

  test.each<[string, () => void]>([
    ["of more than the system takes", () => builder.write("platform/env/VALUE", "x".repeat(200_000))],
    ["with a NUL", () => builder.write("platform/env/VALUE", "a\0b")],
    ["of 3 GiB", () => sparse("platform/env/VALUE", 3 * 1024 ** 3)],
    [
      "that all together are more than the system takes",
      () => {
        for (let file = 0; file < 100; file += 1) builder.write(`platform/env/V${file}`, "x".repeat(100_000));
      },
    ],
  ])("%s fails the build with a message", async (_, make) => {
    make();
    const error = await within(10_000, () => failureOf(() => run("exit 0")));
    expect(["BUILD_FAILED", "BUILDPACK_FAILED", "INVALID_ENV"]).toContain(error.code);
    expect(error.message).toMatch(/argument list too long|NUL|too large|larger/i);
  });
});

function sparse(path: string, size: number): void {
  builder.write(path, "");
  truncateSync(join(builder.dir, path), size);
}

describe("a buildpack that", () => {
  test("closes its output goes on", async () => {
    await run('exec >&- 2>&-; echo lost || true; mkdir -p "$CNB_LAYERS_DIR/l"; exit 0');
    expect(printed).toBe(0);
  });

  test("prints 1 GB needs no memory of ours", async () => {
    const growth = await growthOf(() => run("head -c 1000000000 /dev/zero"));
    expect(printed).toBe(1_000_000_000);
    expect(growth).toBeLessThan(120);
  });

  test("prints 300 MB while it detects needs no memory, and the end of it is shown", async () => {
    builder.add({ id: "a/b", detect: "head -c 300000000 /dev/zero; echo the end; exit 1" });
    const order = { order: [{ group: [{ id: "a/b", version: "1.0.0" }] }], orderExtensions: [] };
    const inputs = { ...builder.inputs(), order, extensionsDir: undefined, system: undefined };
    let code = "";
    const growth = await growthOf(async () => {
      code = await codeOf(() => detect(inputs, { ctx: builder.ctx }));
    });
    expect(code).toBe("DETECT_ERROR");
    expect(builder.log.join("")).toContain("the end");
    expect(growth).toBeLessThan(120);
  });

  test("leaves a process outside of its group, which holds its output, is waited for a second only", async () => {
    await within(15_000, () => run("setsid sleep 20 & sleep 0.5; exit 0"));
  });

  test("leaves many children loses them", async () => {
    await within(15_000, () => run("i=0; while [ $i -lt 200 ]; do sleep 30 & i=$((i+1)); done; exit 0"));
  });

  test("ignores SIGTERM ends after the grace", async () => {
    builder.write("stubborn", "#!/bin/sh\ntrap '' TERM INT HUP\nwhile :; do sleep 0.1; done\n");
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 200);
    const command = {
      executable: "/bin/sh",
      args: [join(builder.dir, "stubborn")],
      cwd: builder.dir,
      env: { PATH: "/usr/bin:/bin" },
      output: { kind: "stream", write: count } as const,
      grace: 200,
    };
    expect(await within(5000, () => codeOf(() => runBuildpackProcess(command, stop.signal)))).toBe("CANCELED");
  });

  test.each<[string, string, RegExp]>([
    ["a FIFO for layer metadata", 'mkfifo "$1/l.toml"', /not a regular file/],
    ["a device for layer metadata", 'ln -s /dev/zero "$1/l.toml"', /not a regular file/],
    ["layer metadata of 5 GB", 'truncate -s 5G "$1/l.toml"', /larger than/],
    ["a directory for launch.toml", 'mkdir "$1/launch.toml"', /launch\.toml/],
    ["launch.toml of 5 GB", 'truncate -s 5G "$1/launch.toml"', /larger than/],
    ["metadata that leads to itself", 'ln -s l.toml "$1/l.toml"', /too many (levels of )?symbolic links/i],
    ["an SBOM that is a FIFO", 'mkfifo "$1/launch.sbom.cdx.json"', /not a regular file/],
    ["an SBOM that is a link to nothing", 'ln -s none "$1/launch.sbom.cdx.json"', /launch\.sbom\.cdx\.json/],
    ["nothing in place of its directory", 'rm -rf "$1"', /a_b/],
    ["a file in place of its directory", 'rm -rf "$1"; echo > "$1"', /a_b/],
  ])("leaves %s fails the build, soon", async (_, script, message) => {
    const error = await within(10_000, () => failureOf(() => run(script)));
    expect(error.code).toBe("BUILD_FAILED");
    expect(error.message).toMatch(message);
  });

  test.each([
    [
      "environment files that are FIFOs",
      'mkdir -p "$1/l/env"; mkfifo "$1/l/env/X"; printf "[types]\\nbuild = true\\n" > "$1/l.toml"',
    ],
    ["names that are not UTF-8", 'mkdir "$1/$(printf "\\377")"; touch "$1/$(printf "\\376").x"'],
    ["a layer called like a path", 'mkdir "$1/..l" "$1/l..";  printf "[types]\\nlaunch = true\\n" > "$1/..l.toml"'],
  ])("leaves %s is built", async (_, script) => {
    await within(20_000, () => run(script));
  });
});

describe("the layers directory", () => {
  test("with a link in place of the buildpack's directory does not lead elsewhere", async () => {
    mkdirSync(join(builder.dir, "elsewhere"));
    writeFileSync(join(builder.dir, "elsewhere/precious.toml"), "");
    mkdirSync(join(builder.dir, "elsewhere/precious"));
    symlinkSync(join(builder.dir, "elsewhere"), join(builder.layers.path, "a_b"));
    await codeOf(() => run("exit 0"));
    expect(readFileSync(join(builder.dir, "elsewhere/precious.toml"), "utf8")).toBe("");
  });
});

test("a process that ends at once and prints much loses nothing", async () => {
  const command = {
    executable: "/bin/sh",
    args: ["-c", "head -c 5000000 /dev/zero"],
    cwd: builder.dir,
    env: { PATH: "/usr/bin:/bin" },
    output: { kind: "stream", write: count } as const,
  };
  expect(await runBuildpackProcess(command, never)).toEqual({ kind: "exited", exitCode: 0 });
  expect(printed).toBe(5_000_000);
});
