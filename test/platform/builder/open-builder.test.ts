import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { silentProgress } from "../../../lifecycle/context.ts";
import { type LayerEntry, packEntries } from "../../../lifecycle/layers/pack-entries.ts";
import { silentLogger } from "../../../lifecycle/logger.ts";
import { imageFromParts } from "../../../lifecycle/oci/memory-image.ts";
import { type Builder, openBuilder } from "../../../lifecycle/platform/builder/builder.ts";
import { memoryBlobCache } from "../../../lifecycle/stores/blob-cache/memory.ts";

const folder = mkdtempSync(join(tmpdir(), "tspack-open-builder-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ctx = {
  logger: silentLogger,
  progress: silentProgress,
  clock: () => new Date(0),
  signal: new AbortController().signal,
};
const root = { uid: 0, gid: 0 };
const directory = (name: string): LayerEntry => ({ name, type: "dir", mode: 0o755, ...root });
const file = (name: string, content: string): LayerEntry => ({ name, type: "file", mode: 0o755, ...root, content });

const lifecycleToml = '[apis.platform]\nsupported = ["0.11", "0.12", "0.99"]\n[lifecycle]\nversion = "1.2.3"\n';
const whole: readonly LayerEntry[] = [
  file("/cnb/lifecycle/builder", ""),
  file("/cnb/lifecycle/detector", ""),
  file("/cnb/lifecycle/lifecycle.toml", lifecycleToml),
  file("/cnb/order.toml", ""),
  file("/cnb/run.toml", '[[images]]\nimage = "run"\nmirrors = ["mirror"]\n'),
];

async function open(
  entries: readonly LayerEntry[],
  env: readonly string[] = ["CNB_USER_ID=1000", "CNB_GROUP_ID=1001", "PATH=/bin"],
): Promise<Builder> {
  const layer = await packEntries([directory("/cnb"), directory("/cnb/lifecycle"), ...entries], memoryBlobCache());
  const image = imageFromParts({
    format: "oci",
    layers: [layer],
    config: { os: "linux", architecture: "amd64", config: { Env: env } },
  });
  return openBuilder("b", image, folder, ctx);
}

const without = (name: string): readonly LayerEntry[] => whole.filter((entry) => entry.name !== name);

describe("a builder", () => {
  test("says its user, run images and the newest API that both sides speak", async () => {
    expect(await open(whole)).toMatchObject({
      user: { uid: 1000, gid: 1001 },
      runImages: [{ image: "run", mirrors: ["mirror"] }],
      platformApi: "0.12",
      lifecycleVersion: "1.2.3",
      env: { PATH: "/bin" },
    });
  });

  test("of an older kind names its run image in stack.toml", async () => {
    const entries = [...without("/cnb/run.toml"), file("/cnb/stack.toml", '[run-image]\nimage = "old"\n')];
    expect((await open(entries)).runImages).toEqual([{ image: "old", mirrors: [] }]);
  });

  test.each([
    ["/cnb/lifecycle/builder", "it has no lifecycle: /cnb/lifecycle/builder missing"],
    ["/cnb/order.toml", "it has no order of buildpacks: /cnb/order.toml missing"],
  ])("without %s is refused with what is missing", async (name, message) => {
    await expect(open(without(name))).rejects.toMatchObject({
      code: "INVALID_BUILDER",
      message: expect.stringContaining(message) as string,
    });
  });

  test("without a user id, or with a lifecycle of another time, is refused", async () => {
    await expect(open(whole, ["CNB_USER_ID=me", "CNB_GROUP_ID=1"])).rejects.toMatchObject({
      code: "INVALID_BUILDER",
      message: expect.stringContaining('CNB_USER_ID is "me"') as string,
    });
    const future = [
      ...without("/cnb/lifecycle/lifecycle.toml"),
      file("/cnb/lifecycle/lifecycle.toml", '[apis.platform]\nsupported = ["2.0"]\n'),
    ];
    await expect(open(future)).rejects.toMatchObject({
      code: "INVALID_BUILDER",
      message: expect.stringContaining("Platform API 2.0") as string,
    });
  });

  test("whose files are links to this machine is not followed there", async () => {
    const linked: LayerEntry = {
      name: "/cnb/run.toml",
      type: "symlink",
      mode: 0o777,
      linkname: "/etc/passwd",
      ...root,
    };
    expect((await open([...without("/cnb/run.toml"), linked])).runImages).toEqual([]);
  });
});
