import { execFileSync, spawnSync } from "node:child_process";
import { build } from "esbuild";
import { resolve } from "node:path";
import { expect, test } from "vitest";

const source = resolve(import.meta.dirname, "../../lifecycle/cli/plain-wasm.ts");

test("the runtime knows the setting that keeps WebAssembly from being optimized", () => {
  expect(execFileSync(process.execPath, ["--v8-options"], { encoding: "utf8" })).toContain("--wasm-tiering-budget");
});

test("keeping WebAssembly plain says nothing", async () => {
  const stdin = { contents: `import { keepWasmPlain } from ${JSON.stringify(source)}; keepWasmPlain();` };
  const made = await build({
    stdin: { ...stdin, resolveDir: import.meta.dirname },
    bundle: true,
    write: false,
    platform: "node",
    format: "esm",
  });
  const input = made.outputFiles[0]?.text ?? "";
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module"], { input, encoding: "utf8" });
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "", stderr: "" });
});
