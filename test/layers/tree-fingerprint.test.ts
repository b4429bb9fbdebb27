import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { fingerprintTree } from "../../lifecycle/layers/tree-fingerprint.ts";
import { hasTrustedTimes } from "../../lifecycle/layers/trusted-times.ts";

const trusted = hasTrustedTimes(tmpdir());
if (!trusted && process.env["CI"] !== undefined) throw new Error("CI needs a TMPDIR on ext4, XFS or Btrfs");

it.skipIf(!trusted)("a tree is not looked at to its end when the build is canceled meanwhile", async () => {
  const tree = mkdtempSync(join(tmpdir(), "tspack-tree-"));
  for (let index = 0; index < 1500; index++) writeFileSync(join(tree, `file-${index}`), "");
  const aborter = new AbortController();
  const looking = fingerprintTree(tree, { signal: aborter.signal });
  aborter.abort();
  await expect(looking).rejects.toMatchObject({ name: "AbortError" });
  rmSync(tree, { recursive: true });
});
