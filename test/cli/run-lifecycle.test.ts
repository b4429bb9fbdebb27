import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { runLifecycle } from "../../lifecycle/cli/run-lifecycle.ts";
import { platformApis } from "../../lifecycle/cnb/api/platform.ts";
import { fixture } from "../phases/builder-fixture.ts";
import { runPhase } from "./run-phase.ts";

const folder = mkdtempSync(join(tmpdir(), "tspack-lifecycle-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(
  program: string,
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly exitCode: number; readonly output: string }> {
  let output = "";
  const say = (text: string | Uint8Array): void => void (output += String(text));
  const exitCode = await runLifecycle({
    argv,
    program,
    env: { CNB_PLATFORM_API: "0.15", CNB_NO_COLOR: "true", CNB_LAYERS_DIR: folder, HOME: folder, ...env },
    user: { uid: 1000, gid: 1000 },
    stdout: say,
    stderr: say,
    signal: new AbortController().signal,
  });
  return { exitCode, output };
}

describe("experimental features", () => {
  const asked = "Platform requested experimental feature 'export to OCI layout format'";
  const layout = (mode: string | undefined): Promise<{ readonly exitCode: number; readonly output: string }> =>
    run("analyzer", ["-layout", "registry.test/app"], mode === undefined ? {} : { CNB_EXPERIMENTAL_MODE: mode });

  test.each([undefined, "", "error"])("are refused with CNB_EXPERIMENTAL_MODE=%s", async (mode) => {
    const { exitCode, output } = await layout(mode);
    expect(exitCode).toBe(1);
    expect(output).toContain(`ERROR: ${asked}\nERROR: experimental features are disabled`);
  });

  // What comes next is another complaint: -layout-dir is missing.
  test("are warned about and go on with warn", async () => {
    const { exitCode, output } = await layout("warn");
    expect(exitCode).toBe(3);
    expect(output).toContain(`Warning: ${asked}\n`);
  });

  test.each(["silent", "quiet"])("go on without a word with %s", async (mode) => {
    const { exitCode, output } = await layout(mode);
    expect(exitCode).toBe(3);
    expect(output).not.toContain(asked);
  });
});

test.each(platformApis)("Platform API %s is not deprecated, so no CNB_DEPRECATION_MODE refuses it", async (api) => {
  const order = join(folder, "absent.toml");
  const env = { CNB_PLATFORM_API: api, CNB_DEPRECATION_MODE: "error", CNB_ORDER_PATH: order };
  const { exitCode, output } = await run("detector", [], env);
  expect(exitCode).toBe(1);
  expect(output).toContain(`failed to initialize detector: reading order: failed to read order file: open ${order}`);
});

test.each(["0.7", "0.11", "0.15"])("the operator's environment counts at Platform API %s", async (api) => {
  const builder = fixture();
  try {
    builder.add({ id: "a", build: "printenv X > x" });
    builder.write("operator/env/X", "set");
    builder.write("layers/group.toml", '[[group]]\nid = "a"\nversion = "1.0.0"\napi = "0.10"\n');
    builder.write("layers/plan.toml", "");
    const env = { CNB_BUILD_CONFIG_DIR: join(builder.dir, "operator") };
    expect((await runPhase(builder, "builder", [], { api, env })).code).toBe(0);
    expect(readFileSync(join(builder.app.path, "x"), "utf8")).toBe("set\n");
  } finally {
    builder.remove();
  }
});

test("an execution environment with a slash is refused from Platform API 0.15 on", async () => {
  const order = join(folder, "empty.toml");
  writeFileSync(order, "");
  const env = { CNB_EXEC_ENV: "a/b", CNB_ORDER_PATH: order };
  const { exitCode, output } = await run("detector", [], env);
  expect({ exitCode, output }).toMatchObject({
    exitCode: 3,
    output: expect.stringContaining("CNB_EXEC_ENV") as string,
  });
  expect((await run("detector", [], { ...env, CNB_PLATFORM_API: "0.14" })).exitCode).toBe(20);
});

test("a flag behind the image is warned about, because it is taken for an image", async () => {
  const { exitCode, output } = await run("analyzer", ["registry.test/app", "-run-image", "x"]);
  expect(exitCode).toBe(3);
  expect(output).toContain("Warning: unconsumed flag-like positional arg: \n\t-run-image\n");
  expect(output).toContain("failed to parse arguments: received 3 arguments, but expected 1");
});
