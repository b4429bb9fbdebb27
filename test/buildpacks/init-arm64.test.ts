import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { compileInit, InitProcess, sh, writeConfiguration } from "./init-process.ts";
import { skipWithout } from "./require-tools.ts";

const tools = skipWithout("aarch64-linux-gnu-gcc", "qemu-aarch64", "sh");
const directory = mkdtempSync(join(tmpdir(), "tspack-init-arm64-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

it.skipIf(tools.skip)(`init for arm64 starts, restarts, signals and reaps as elsewhere${tools.note}`, async () => {
  const [program, file] = [join(directory, "init"), join(directory, "processes")];
  await compileInit("aarch64-linux-gnu-gcc", program, ["-static"]);
  expect(readFileSync(program).readUInt16LE(18)).toBe(0xb7);
  const forever = "while :; do sleep 0.05; done";
  writeConfiguration(file, {
    side: { policy: "always", command: sh("echo side; exit 3") },
    main: { policy: "main", command: sh(`trap 'echo got TERM; exit 5' TERM; echo main; ${forever}`) },
  });
  const init = new InitProcess("qemu-aarch64", [program, file], { INIT_BACKOFF: "10" });
  await init.until(/main\n/);
  await init.until(/side\n[^]*init: side: ended with status 3, again in 0\.01 s\n[^]*side\n/);
  init.kill("SIGTERM");
  expect(await init.ended).toMatchObject({ code: 5, output: expect.stringContaining("got TERM\n") as string });
});
