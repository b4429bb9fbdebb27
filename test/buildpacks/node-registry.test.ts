import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { skipWithout } from "./require-tools.ts";
import { buildpackDirectory, capture } from "./workspace.ts";

const tools = skipWithout("bash", "sed", "grep", "tail");
const scratch = mkdtempSync(join(tmpdir(), "tspack-node-registry-"));
afterAll(() => rmSync(scratch, { recursive: true }));

it.skipIf(tools.skip).each([
  [
    "whose certificate is unknown",
    "curl: (60) SSL certificate problem: self-signed certificate\nMore details here: docs\n\ncurl failed to verify the server.\nTo learn more, see the page above.\n",
    "SSL certificate problem: self-signed certificate",
  ],
  ["that is asked again", "curl: (7) refused\nWarning: retry\ncurl: (28) Timeout was reached\n", "(28) Timeout"],
  ["of which curl says nothing", "", "curl did not say why"],
])(`a registry %s is told with curl's reason${tools.note}`, async (_name, log, reason) => {
  writeFileSync(join(scratch, "curl.log"), log);
  const lib = join(buildpackDirectory("nodejs"), "lib");
  const script = `set -euo pipefail; shopt -s inherit_errexit; source "${lib}/output.sh"; source "${lib}/registry.sh"
    SCRATCH="${scratch}"; fetch_failed "http://ada:secret@registry.test/npm"`;
  const { code, output } = await capture(["bash", "-c", script], scratch, { PATH: process.env["PATH"] ?? "" });
  expect(code).toBe(1);
  expect(output).toContain(reason);
  expect(output).not.toMatch(/secret|To learn more/);
});
